/* SPDX-License-Identifier: MIT */
/*
 * io_nonblock.c - O_NONBLOCK is the program's: set at birth, by fcntl, by ioctl, through
 * another number of the same file, by syscall; taken off again; and never set by anybody
 * else. Time-outs likewise.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void result(const char *what, ssize_t n)
{
	int err = errno;

	printf("%s: %zd%s%s\n", what, n, n < 0 ? " " : "", n < 0 ? strerror(err) : "");
	errno = 0;
}

static int writer;

static void *write_later(void *arg)
{
	usleep(15000);
	CHECK(write(writer, arg, strlen(arg)) == (ssize_t)strlen(arg));
	return NULL;
}

/* A read that has to wait, and is answered. */
static void waits(const char *what, int fd)
{
	pthread_t t;
	char b[20];

	pthread_create(&t, NULL, write_later, "data");
	result(what, read(fd, b, sizeof(b)));
	pthread_join(t, NULL);
}

static int mode(int fd)
{
	return !!(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void changes(const char *kind, int in, int out)
{
	char b[100];
	int other, on = 1, off = 0;

	printf("-- %s\n", kind);
	writer = out;
	waits("blocking", in);
	CHECK(fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK) == 0);
	result("set by fcntl", read(in, b, sizeof(b)));
	result("and again", read(in, b, sizeof(b)));
	CHECK(write(out, "x", 1) == 1);
	usleep(2000);
	result("with data", read(in, b, sizeof(b)));
	CHECK(fcntl(in, F_SETFL, fcntl(in, F_GETFL) & ~O_NONBLOCK) == 0);
	waits("taken off", in);
	CHECK(ioctl(in, FIONBIO, &on) == 0);
	result("set by ioctl", read(in, b, sizeof(b)));
	CHECK(ioctl(in, FIONBIO, &off) == 0);
	waits("taken off", in);
	other = dup(in);
	waits("blocking on a dup", other);
	CHECK(fcntl(other, F_SETFL, fcntl(other, F_GETFL) | O_NONBLOCK) == 0);
	result("set through the dup", read(in, b, sizeof(b)));
	result("the dup", read(other, b, sizeof(b)));
	CHECK(ioctl(in, FIONBIO, &off) == 0);
	waits("taken off through the first", other);
	CHECK(fcntl(in, F_SETFL, O_NONBLOCK) == 0);
	CHECK(dup2(in, 100) == 100);
	result("a dup2 of it", read(100, b, sizeof(b)));
	CHECK(fcntl(100, F_SETFL, 0) == 0);
	close(in);
	waits("the last number", 100);
	printf("left as it was: %d %d\n", mode(100), mode(other));
	close(100);
	close(other);
}

static void sockets(void)
{
	char b[10];
	int fd[2];

	printf("-- MSG_DONTWAIT\n");
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	result("recv", recv(fd[0], b, sizeof(b), MSG_DONTWAIT));
	writer = fd[1];
	waits("recv without it", fd[0]);
	result("recv with it", recv(fd[0], b, sizeof(b), MSG_DONTWAIT));
	CHECK(write(fd[1], "abc", 3) == 3);
	usleep(2000);
	result("something there", recv(fd[0], b, 10, MSG_DONTWAIT | MSG_WAITALL));
	close(fd[0]);
	close(fd[1]);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	result("born non-blocking", recv(fd[0], b, sizeof(b), 0));
	while (write(fd[1], b, sizeof(b)) > 0)
		;
	result("and full", write(fd[1], b, sizeof(b)));
	close(fd[0]);
	close(fd[1]);
	CHECK(pipe2(fd, O_NONBLOCK) == 0);
	result("pipe born so", read(fd[0], b, sizeof(b)));
	close(fd[0]);
	close(fd[1]);
	fd[0] = eventfd(0, EFD_NONBLOCK);
	result("eventfd born so", read(fd[0], b, 8));
	close(fd[0]);
}

/* By no function of their own: each is noticed, or the read would wait for ever. */
static void by_number(void)
{
	struct timeval tv = { .tv_usec = 1000 };
	int fd[2], other, on = 1;
	char b[10];

	printf("-- syscall\n");
	CHECK(pipe(fd) == 0);
	writer = fd[1];
	waits("blocking", fd[0]);
	CHECK(syscall(SYS_fcntl, fd[0], F_SETFL, O_NONBLOCK) == 0);
	result("fcntl", read(fd[0], b, sizeof(b)));
	CHECK(syscall(SYS_fcntl, fd[0], F_SETFL, 0) == 0);
	waits("taken off", fd[0]);
	CHECK(syscall(SYS_ioctl, fd[0], FIONBIO, &on) == 0);
	result("ioctl", read(fd[0], b, sizeof(b)));
	close(fd[0]);
	close(fd[1]);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	writer = fd[1];
	waits("blocking", fd[0]);
	CHECK(syscall(SYS_setsockopt, fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	result("setsockopt", recv(fd[0], b, sizeof(b), 0));
	tv.tv_usec = 0;
	CHECK(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	other = (int)syscall(SYS_dup, fd[0]);
	CHECK(ioctl(other, FIONBIO, &on) == 0);
	result("dup", recv(fd[0], b, sizeof(b), 0));
	close(other);
	close(fd[0]);
	close(fd[1]);
}

static void *connect_later(void *arg)
{
	struct sockaddr_in *a = arg;
	int c = socket(AF_INET, SOCK_STREAM, 0);

	usleep(15000);
	CHECK(connect(c, (struct sockaddr *)a, sizeof(*a)) == 0);
	printf("connect leaves it: %d\n", mode(c));
	return (void *)(long)c;
}

static void connections(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct pollfd p = { .events = POLLOUT };
	int l = socket(AF_INET, SOCK_STREAM, 0), c, s, off = 0, error = -1;
	void *ret;
	pthread_t t;
	char b[10];

	printf("-- connections\n");
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(l, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(l, 5) == 0);
	CHECK(getsockname(l, (struct sockaddr *)&a, &len) == 0);
	CHECK(fcntl(l, F_SETFL, O_NONBLOCK) == 0);
	result("accept", accept(l, NULL, NULL));
	CHECK(ioctl(l, FIONBIO, &off) == 0);
	pthread_create(&t, NULL, connect_later, &a);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	CHECK(s >= 0);
	pthread_join(t, &ret);
	c = (int)(long)ret;
	printf("accepted: %d, listener: %d\n", mode(s), mode(l));
	result("recv", recv(s, b, sizeof(b), 0));
	close(s);
	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	result("connect", connect(c, (struct sockaddr *)&a, sizeof(a)));
	p.fd = c;
	CHECK(poll(&p, 1, -1) == 1);
	len = sizeof(error);
	CHECK(getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	printf("then: %d\n", error);
	s = accept(l, NULL, NULL);
	printf("accepted: %d\n", mode(s));
	close(s);
	close(c);
	close(l);
}

static void *run(void *arg)
{
	int fd[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	changes("local stream", fd[0], fd[1]);
	close(fd[1]);
	CHECK(pipe(fd) == 0);
	changes("pipe", fd[0], fd[1]);
	close(fd[1]);
	sockets();
	by_number();
	connections();
	return arg;
}

int main(void)
{
	pthread_t t;
	int before[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* One pair from the time before the first thread. */
	CHECK(pipe(before) == 0);
	CHECK(fcntl(before[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(fcntl(before[0], F_SETFL, 0) == 0);
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	changes("older pipe", before[0], before[1]);
	return 0;
}
