/* SPDX-License-Identifier: MIT */
/*
 * io_dgram.c - messages keep their borders: UDP, local datagrams (to a full receiver
 * too), sequenced packets, recvmmsg and sendmmsg, descriptors passed along, packet pipes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) ((what) ? (void)0 : fail(#what, __LINE__))

static void fail(const char *what, int line)
{
	printf("line %d: %s: %s\n", line, what, strerror(errno));
	exit(1);
}

static int udp(struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(fd, (struct sockaddr *)a, sizeof(*a)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)a, &len) == 0);
	return fd;
}

/* ---- UDP ---- */

static int in, out;
static struct sockaddr_in in_addr, out_addr;

static void *send_some(void *arg)
{
	char b[100] = { 0 };

	for (int i = 0; i < 50; i++) {
		b[0] = (char)i;
		CHECK(sendto(out, b, (size_t)(i + 1), 0, (struct sockaddr *)&in_addr,
			     sizeof(in_addr)) == i + 1);
		if (i % 10 == 0)
			usleep(5000);
	}
	return NULL;
}

static void udp_basics(void)
{
	struct sockaddr_in from;
	socklen_t len;
	pthread_t t;
	char b[100];
	int wrong = 0;

	in = udp(&in_addr);
	out = udp(&out_addr);
	pthread_create(&t, NULL, send_some, NULL);
	for (int i = 0; i < 50; i++) {
		len = sizeof(from);
		ssize_t n = recvfrom(in, b, sizeof(b), 0, (struct sockaddr *)&from, &len);

		wrong += n != i + 1 || b[0] != i || from.sin_port != out_addr.sin_port ||
			 len != sizeof(from);
	}
	pthread_join(t, NULL);
	printf("udp: 50 datagrams, wrong %d\n", wrong);
	CHECK(sendto(out, "hello", 5, 0, (struct sockaddr *)&in_addr, sizeof(in_addr)) == 5);
	printf("udp: cut short: %zd", recv(in, b, 2, MSG_TRUNC));
	CHECK(sendto(out, "", 0, 0, (struct sockaddr *)&in_addr, sizeof(in_addr)) == 0);
	printf(", empty: %zd", read(in, b, sizeof(b)));
	CHECK(connect(out, (struct sockaddr *)&in_addr, sizeof(in_addr)) == 0);
	CHECK(write(out, "", 0) == 0 && write(out, "abc", 3) == 3);
	printf(", by write: %zd", recv(in, b, sizeof(b), 0));
	printf(" and %zd\n", recv(in, b, sizeof(b), MSG_WAITALL));
	/* Nobody there: the second call learns it. */
	close(in);
	CHECK(send(out, "x", 1, 0) == 1);
	printf("udp: recv from nobody: %zd", recv(out, b, sizeof(b), 0));
	printf(" %s\n", strerror(errno));
	close(out);
}

/* ---- many at a time ---- */

enum { MANY = 20 };

static void *send_many(void *arg)
{
	struct mmsghdr m[MANY];
	struct iovec v[MANY];
	char b[MANY][10];
	int n;

	for (int i = 0; i < MANY; i++) {
		memset(b[i], 'a' + i, sizeof(b[i]));
		v[i] = (struct iovec){ b[i], 10 };
		memset(&m[i], 0, sizeof(m[i]));
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(out, m, MANY / 2, 0);
	usleep(20000);
	n += sendmmsg(out, m + MANY / 2, MANY / 2, 0);
	printf("sendmmsg: %d\n", n);
	return NULL;
}

static void many(int flags, struct timespec *timeout, int want, const char *what)
{
	struct mmsghdr m[MANY];
	struct iovec v[MANY];
	char b[MANY][20];
	pthread_t t;
	int n, got = 0, wrong = 0;

	in = udp(&in_addr);
	out = udp(&out_addr);
	CHECK(connect(out, (struct sockaddr *)&in_addr, sizeof(in_addr)) == 0);
	pthread_create(&t, NULL, send_many, NULL);
	while (got < want) {
		for (int i = 0; i < MANY; i++) {
			v[i] = (struct iovec){ b[i], sizeof(b[i]) };
			memset(&m[i], 0, sizeof(m[i]));
			m[i].msg_hdr.msg_iov = &v[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = recvmmsg(in, m, (unsigned)(want - got), flags, timeout);
		CHECK(n > 0);
		for (int i = 0; i < n; i++)
			wrong += m[i].msg_len != 10 || b[i][0] != 'a' + got + i;
		got += n;
	}
	pthread_join(t, NULL);
	printf("recvmmsg %s: %d, wrong %d\n", what, got, wrong);
	close(in);
	close(out);
}

/* ---- local datagrams ---- */

static struct sockaddr_un name;
static socklen_t name_len;
static int box;

static void *drain_box(void *arg)
{
	char b[100];

	usleep(20000);
	for (int i = 0; i < 60; i++)
		CHECK(recv(box, b, sizeof(b), 0) == 5);
	return NULL;
}

static void full_receiver(int connected)
{
	struct msghdr m = { .msg_name = &name, .msg_namelen = name_len };
	struct iovec v = { (void *)"hello", 5 };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), n = 0;
	pthread_t t;

	box = socket(AF_UNIX, SOCK_DGRAM, 0);
	name.sun_family = AF_UNIX;
	/* an abstract name of the kernel's choice */
	CHECK(bind(box, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0);
	name_len = sizeof(name);
	CHECK(getsockname(box, (struct sockaddr *)&name, &name_len) == 0);
	m.msg_namelen = name_len;
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	if (connected)
		CHECK(connect(fd, (struct sockaddr *)&name, name_len) == 0);
	pthread_create(&t, NULL, drain_box, NULL);
	for (int i = 0; i < 60; i++)
		if (connected)
			n += send(fd, "hello", 5, 0) == 5;
		else if (i % 2)
			n += sendto(fd, "hello", 5, 0, (struct sockaddr *)&name, name_len) == 5;
		else
			n += sendmsg(fd, &m, 0) == 5;
	pthread_join(t, NULL);
	printf("local datagrams%s: %d\n", connected ? ", connected" : "", n);
	close(fd);
	close(box);
}

/* ---- sequenced packets and packet pipes ---- */

static void *send_packets(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 1; i <= 5; i++) {
		CHECK(write(fd, "0123456789", (size_t)i) == i);
		usleep(3000);
	}
	close(fd);
	return NULL;
}

static void packets(const char *what, int fd[2])
{
	char b[100];
	pthread_t t;
	ssize_t n;

	pthread_create(&t, NULL, send_packets, &fd[1]);
	pthread_join(t, NULL);
	printf("%s:", what);
	do
		printf(" %zd", n = read(fd[0], b, 4));
	while (n > 0);
	printf("\n");
	close(fd[0]);
}

static void *send_fd(void *arg)
{
	int *fd = arg, p[2];
	struct iovec v = { (void *)"fd", 2 };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	CHECK(pipe(p) == 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p[0], sizeof(int));
	usleep(10000);
	CHECK(sendmsg(fd[1], &m, 0) == 2);
	close(p[0]);
	usleep(10000);
	CHECK(write(p[1], "through", 7) == 7);
	close(p[1]);
	return NULL;
}

static void passing(void)
{
	char b[100], control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd[2], got;
	pthread_t t;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	pthread_create(&t, NULL, send_fd, fd);
	/* Two bytes and a descriptor: that is all, WAITALL or not. */
	CHECK(recvmsg(fd[0], &m, MSG_WAITALL) == 2);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	printf("passed: %zd", read(got, b, sizeof(b)));
	printf(" %.7s, then %zd\n", b, read(got, b, sizeof(b)));
	pthread_join(t, NULL);
	close(got);
	close(fd[0]);
	close(fd[1]);
}

static void *receive(void *arg)
{
	char b[100];

	/* The result travels in the pointer. */
	return (void *)recv(*(int *)arg, b, sizeof(b), 0);
}

/* Whoever waits for a datagram is told when nobody will read any more, and so is who comes
   later: even where shutdown itself fails. */
static void shut_down(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2], r;
	void *got;
	pthread_t t;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	pthread_create(&t, NULL, receive, &fd);
	usleep(10000); /* most likely it waits by now; the answer is the same if not */
	r = shutdown(fd, SHUT_RDWR);
	printf("shutdown: %d %s", r, r ? strerror(errno) : "");
	pthread_join(t, &got);
	printf(", waiter %ld, later %ld\n", (long)got, (long)receive(&fd));
	close(fd);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	pthread_create(&t, NULL, receive, &pair[0]);
	CHECK(send(pair[1], "x", 1, 0) == 1);
	pthread_join(t, &got);
	printf("local: %ld", (long)got);
	CHECK(send(pair[1], "xy", 2, 0) == 2 && shutdown(pair[0], SHUT_RD) == 0);
	r = (int)(long)receive(&pair[0]);
	printf(", what had come %d, later %ld\n", r, (long)receive(&pair[0]));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	struct timespec second = { 1, 0 };
	int fd[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	udp_basics();
	many(0, NULL, MANY, "all");
	many(MSG_WAITFORONE, NULL, MANY, "one or more");
	many(0, &second, MANY, "in a second");
	full_receiver(0);
	full_receiver(1);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
	packets("seqpacket", fd);
	CHECK(pipe2(fd, O_DIRECT) == 0);
	packets("packet pipe", fd);
	passing();
	shut_down();
	return 0;
}
