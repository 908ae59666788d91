/* SPDX-License-Identifier: MIT */
/*
 * io_timeout.c - SO_RCVTIMEO and SO_SNDTIMEO: EAGAIN, or the count so far; set late, set
 * through another number, taken off again. Checks that waits are not too short; says
 * nothing about how long they are.
 */
#define _GNU_SOURCE
#include "pairs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void limit(int fd, int option, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	CHECK(setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)) == 0);
}

static double began;

static void begin(void)
{
	errno = 0;
	began = now();
}

static void result(const char *what, ssize_t n, int ms)
{
	int err = errno;
	double took = (now() - began) * 1000;

	printf("%s: %zd%s%s%s\n", what, n, n < 0 ? " " : "", n < 0 ? strerror(err) : "",
	       took + 1 < ms ? ", too soon" : "");
}

static void receiving(const char *name, int fd[2])
{
	char line[64], b[100];
	struct iovec v = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int other;

	limit(fd[1], SO_RCVTIMEO, 30);
	begin();
	snprintf(line, sizeof(line), "%s: recv", name);
	result(line, recv(fd[1], b, sizeof(b), 0), 30);
	begin();
	snprintf(line, sizeof(line), "%s: read", name);
	result(line, read(fd[1], b, sizeof(b)), 30);
	begin();
	snprintf(line, sizeof(line), "%s: readv", name);
	result(line, readv(fd[1], &v, 1), 30);
	begin();
	snprintf(line, sizeof(line), "%s: recvmsg", name);
	result(line, recvmsg(fd[1], &m, 0), 30);
	CHECK(send(fd[0], "abc", 3, 0) == 3);
	begin();
	snprintf(line, sizeof(line), "%s: all of 10, 3 sent", name);
	result(line, recv(fd[1], b, 10, MSG_WAITALL), 30);
	begin();
	snprintf(line, sizeof(line), "%s: again", name);
	result(line, recv(fd[1], b, 10, MSG_WAITALL), 30);
	other = dup(fd[1]);
	limit(other, SO_RCVTIMEO, 60);
	begin();
	snprintf(line, sizeof(line), "%s: set through a dup", name);
	result(line, recv(fd[1], b, 10, 0), 60);
	begin();
	snprintf(line, sizeof(line), "%s: the dup itself", name);
	result(line, recv(other, b, 10, 0), 60);
	close(other);
	CHECK(send(fd[0], "abc", 3, 0) == 3);
	begin();
	snprintf(line, sizeof(line), "%s: in time", name);
	result(line, recv(fd[1], b, 10, 0), 0);
}

static void *send_after_a_while(void *arg)
{
	usleep(100000);
	CHECK(send(*(int *)arg, "late", 4, 0) == 4);
	return NULL;
}

static void taken_off(int fd[2])
{
	pthread_t t;
	char b[10];

	limit(fd[1], SO_RCVTIMEO, 0);
	begin(); /* before the other's while does */
	pthread_create(&t, NULL, send_after_a_while, &fd[0]);
	result("no limit any more", recv(fd[1], b, sizeof(b), 0), 90);
	pthread_join(t, NULL);
}

static void sending(const char *name, int fd[2])
{
	static char big[8000000];
	char line[64];
	ssize_t n;
	int small = 20000;

	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	limit(fd[0], SO_SNDTIMEO, 30);
	begin();
	n = send(fd[0], big, sizeof(big), 0);
	CHECK(n > 0 && n < (ssize_t)sizeof(big));
	snprintf(line, sizeof(line), "%s: a part of it", name);
	result(line, n > 0, 30);
	/* On loopback a little room may appear after the fact. */
	for (int full = 0; full < 3;)
		full = send(fd[0], big, sizeof(big), 0) > 0 ? 0 : full + 1;
	begin();
	snprintf(line, sizeof(line), "%s: full", name);
	result(line, send(fd[0], big, sizeof(big), 0), 30);
	begin();
	snprintf(line, sizeof(line), "%s: full, write", name);
	result(line, write(fd[0], big, sizeof(big)), 30);
}

static void accepting(void)
{
	struct sockaddr_in a;
	int l = listener(&a, 5), c, s;
	char b[10];

	limit(l, SO_RCVTIMEO, 40);
	begin();
	result("accept", accept(l, NULL, NULL), 40);
	begin();
	result("accept again", accept(l, NULL, NULL), 40);
	c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(c, (struct sockaddr *)&a, sizeof(a)) == 0);
	s = accept(l, NULL, NULL);
	CHECK(s >= 0);
	begin();
	result("the connection inherits it", recv(s, b, sizeof(b), 0), 40);
	close(c);
	close(s);
	close(l);
}

/* A connection that nobody answers: the backlog is full. */
static void connecting(void)
{
	struct sockaddr_in a;
	int l = listener(&a, 0), filler[8], c;
	struct pollfd p = { .fd = l, .events = POLLIN };

	for (int i = 0; i < 8; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(filler[i], (struct sockaddr *)&a, sizeof(a));
	}
	CHECK(poll(&p, 1, -1) == 1); /* there is room for one */
	c = socket(AF_INET, SOCK_STREAM, 0);
	limit(c, SO_SNDTIMEO, 50);
	begin();
	result("connect", connect(c, (struct sockaddr *)&a, sizeof(a)), 50);
	begin();
	result("connect again", connect(c, (struct sockaddr *)&a, sizeof(a)), 50);
	close(c);
	for (int i = 0; i < 8; i++)
		close(filler[i]);
	close(l);
}

static void *run(void *arg)
{
	int fd[2];

	tcp_pair(fd);
	receiving("tcp", fd);
	taken_off(fd);
	sending("tcp", fd);
	close(fd[0]);
	close(fd[1]);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	receiving("unix", fd);
	taken_off(fd);
	sending("unix", fd);
	close(fd[0]);
	close(fd[1]);
	accepting();
	connecting();
	return arg;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	return 0;
}
