/* SPDX-License-Identifier: MIT */
/*
 * mux_poll.c - poll and ppoll on every kind of descriptor, asked before, while and
 * after the thing happens that it waits for. Prints what they return.
 */
#define _GNU_SOURCE
#include "pairs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char *bits(short r)
{
	static const struct {
		short bit;
		const char *name;
	} names[] = { { POLLIN, "IN" },   { POLLPRI, "PRI" }, { POLLOUT, "OUT" },
		      { POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
		      { POLLRDHUP, "RDHUP" } };
	static _Thread_local char buf[64];

	buf[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (r & names[i].bit) {
			if (buf[0])
				strcat(buf, "|");
			strcat(buf, names[i].name);
		}
	return buf[0] ? buf : "-";
}

/* ---- something that happens while somebody polls ---- */

enum what { WRITE, CLOSE, SHUTDOWN, SHUTBOTH, DRAIN, CONNECT, OOB, EVENT, SENDTO };

struct later {
	enum what what;
	int fd;
	struct sockaddr_in to;
};

static void pause_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void *happen(void *arg)
{
	struct later *l = arg;
	static char sink[65536];
	uint64_t one = 1;
	int s;

	pause_ms(20);
	switch (l->what) {
	case WRITE:
		CHECK(write(l->fd, "x", 1) == 1);
		break;
	case CLOSE:
		CHECK(close(l->fd) == 0);
		break;
	case SHUTDOWN:
		CHECK(shutdown(l->fd, SHUT_WR) == 0);
		break;
	case SHUTBOTH:
		CHECK(shutdown(l->fd, SHUT_RDWR) == 0);
		break;
	case DRAIN:
		while (recv(l->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
		break;
	case CONNECT:
		s = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(s, (struct sockaddr *)&l->to, sizeof(l->to)) == 0);
		return (void *)(long)s;
	case OOB:
		CHECK(send(l->fd, "!", 1, MSG_OOB) == 1);
		break;
	case EVENT:
		CHECK(write(l->fd, &one, 8) == 8);
		break;
	case SENDTO:
		s = socket(AF_INET, SOCK_DGRAM, 0);
		CHECK(sendto(s, "d", 1, 0, (struct sockaddr *)&l->to, sizeof(l->to)) == 1);
		close(s);
		break;
	}
	return NULL;
}

static pthread_t start(struct later *l)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, happen, l) == 0);
	return t;
}

/* Polls fd for events for ever while what happens to other. */
static void meanwhile(const char *name, int fd, short events, enum what what, int other)
{
	struct later l = { what, other, { 0 } };
	struct pollfd p = { fd, events, 0x7f };
	pthread_t t = start(&l);
	int r = poll(&p, 1, -1);

	printf("%-28s %d %s\n", name, r, bits(p.revents));
	pthread_join(t, NULL);
}

static void pipes(void)
{
	int p[2];
	char c;

	CHECK(pipe(p) == 0);
	meanwhile("pipe, written", p[0], POLLIN, WRITE, p[1]);
	CHECK(read(p[0], &c, 1) == 1);
	meanwhile("pipe, writer closed", p[0], POLLIN, CLOSE, p[1]);
	close(p[0]);
	CHECK(pipe(p) == 0);
	meanwhile("pipe, writer closed, no events", p[0], 0, CLOSE, p[1]);
	close(p[0]);
	CHECK(pipe(p) == 0);
	meanwhile("pipe, reader closed", p[1], 0, CLOSE, p[0]);
	close(p[1]);
}

static void fill(int fd)
{
	static char buf[65536];

	while (send(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	/* What the buffers still take, byte by byte. */
	while (send(fd, buf, 1, MSG_DONTWAIT) > 0)
		;
}

static void sockets(void)
{
	struct pollfd p;
	int s[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	meanwhile("unix, written", s[0], POLLIN, WRITE, s[1]);
	close(s[0]);
	close(s[1]);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	meanwhile("unix, shut down", s[0], POLLIN | POLLRDHUP, SHUTDOWN, s[1]);
	p = (struct pollfd){ s[0], POLLIN | POLLOUT, 0x7f };
	printf("unix, shut down, at once     %d", poll(&p, 1, -1));
	printf(" %s\n", bits(p.revents));
	meanwhile("unix, shut down, closed", s[0], 0, CLOSE, s[1]);
	close(s[0]);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	meanwhile("unix, closed, no events", s[0], 0, CLOSE, s[1]);
	close(s[0]);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	meanwhile("unix, shut down itself", s[0], POLLIN | POLLRDHUP, SHUTBOTH, s[0]);
	close(s[0]);
	close(s[1]);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	fill(s[0]);
	meanwhile("unix, full, drained", s[0], POLLOUT, DRAIN, s[1]);
	close(s[0]);
	close(s[1]);

	tcp_pair(s);
	meanwhile("tcp, written", s[0], POLLIN | POLLPRI, WRITE, s[1]);
	meanwhile("tcp, urgent", s[0], POLLPRI, OOB, s[1]);
	meanwhile("tcp, shut down", s[0], POLLRDHUP, SHUTDOWN, s[1]);
	close(s[0]);
	close(s[1]);

	tcp_pair(s);
	fill(s[0]);
	meanwhile("tcp, full, drained", s[0], POLLOUT, DRAIN, s[1]);
	close(s[0]);
	close(s[1]);

	tcp_pair(s);
	meanwhile("tcp, shut down itself", s[0], POLLIN, SHUTBOTH, s[0]);
	close(s[0]);
	close(s[1]);
}

static void listening(void)
{
	struct later l = { .what = CONNECT };
	socklen_t len = sizeof(l.to);
	struct pollfd p;
	pthread_t t;
	void *peer;

	l.to.sin_family = AF_INET;
	l.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p.fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(p.fd, (struct sockaddr *)&l.to, sizeof(l.to)) == 0 && listen(p.fd, 5) == 0);
	CHECK(getsockname(p.fd, (struct sockaddr *)&l.to, &len) == 0);
	for (int i = 0; i < 3; i++) {
		int c;

		p.events = POLLIN;
		t = start(&l);
		printf("listening                    %d", poll(&p, 1, -1));
		printf(" %s\n", bits(p.revents));
		c = accept(p.fd, NULL, NULL);
		CHECK(c >= 0);
		close(c);
		pthread_join(t, &peer);
		close((int)(long)peer);
	}
	close(p.fd);

	memset(&l.to, 0, sizeof(l.to));
	l.what = SENDTO;
	l.to.sin_family = AF_INET;
	l.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p.fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(bind(p.fd, (struct sockaddr *)&l.to, sizeof(l.to)) == 0);
	len = sizeof(l.to);
	CHECK(getsockname(p.fd, (struct sockaddr *)&l.to, &len) == 0);
	t = start(&l);
	printf("datagram                     %d", poll(&p, 1, -1));
	printf(" %s\n", bits(p.revents));
	pthread_join(t, NULL);
	close(p.fd);
}

static void anonymous(void)
{
	struct itimerspec in20ms = { .it_value = { 0, 20000000 } };
	struct epoll_event ev = { .events = EPOLLIN };
	struct pollfd p = { .events = POLLIN };
	int e = eventfd(0, 0), outer = epoll_create1(0), inner = epoll_create1(0);
	uint64_t n;

	meanwhile("eventfd, written", e, POLLIN, EVENT, e);
	CHECK(read(e, &n, 8) == 8);
	p.fd = timerfd_create(CLOCK_MONOTONIC, 0);
	CHECK(timerfd_settime(p.fd, 0, &in20ms, NULL) == 0);
	printf("timerfd                      %d", poll(&p, 1, -1));
	printf(" %s\n", bits(p.revents));
	close(p.fd);
	CHECK(epoll_ctl(inner, EPOLL_CTL_ADD, e, &ev) == 0);
	CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &ev) == 0);
	meanwhile("epoll in epoll in poll", outer, POLLIN, EVENT, e);
	CHECK(read(e, &n, 8) == 8);
	p.fd = outer;
	printf("the same, emptied            %d\n", poll(&p, 1, 0));
	meanwhile("and again", outer, POLLIN, EVENT, e);
	close(e);
	close(inner);
	close(outer);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void arguments(void)
{
	struct pollfd p[4] = { { -1, POLLIN, 7 }, { 0, 0, 7 }, { 0, POLLIN, 7 }, { 0, 0, 7 } };
	struct timespec ts = { 0, 20000000 }, bad1 = { -1, 0 }, bad2 = { 0, 1000000000 },
			huge = { LONG_MAX, 999999999 };
	struct rlimit lim;
	sigset_t none;
	void *hole;
	double t;
	int q[2], file = open("/proc/self/exe", O_RDONLY), dir = open("/", O_RDONLY);

	CHECK(pipe(q) == 0);
	printf("nothing, 0 ms                %d\n", poll(NULL, 0, 0));
	t = now();
	printf("nothing, 30 ms               %d", poll(NULL, 0, 30));
	printf(" %s\n", now() - t >= 0.03 ? "not early" : "early");
	t = now();
	printf("only negatives, 30 ms        %d", poll(p, 1, 30));
	printf(" %s %s\n", now() - t >= 0.03 ? "not early" : "early", bits(p[0].revents));
	p[1].fd = 9999;
	p[2].fd = q[0];
	p[3].fd = file;
	p[3].events = POLLIN | POLLOUT;
	printf("closed, idle, file           %d", poll(p, 4, -1));
	for (int i = 0; i < 4; i++)
		printf(" %s", bits(p[i].revents));
	printf("\n");
	p[1].fd = dir;
	p[1].events = POLLIN;
	printf("directory                    %d", poll(p + 1, 1, -1));
	printf(" %s\n", bits(p[1].revents));
	p[3].events = POLLPRI;
	t = now();
	printf("file, urgent, 30 ms          %d", poll(p + 3, 1, 30));
	printf(" %s %s\n", now() - t >= 0.03 ? "not early" : "early", bits(p[3].revents));
	t = now();
	printf("ppoll 20 ms                  %d", ppoll(p + 2, 1, &ts, NULL));
	printf(" %s, time-out %s\n", now() - t >= 0.02 ? "not early" : "early",
	       ts.tv_sec == 0 && ts.tv_nsec == 20000000 ? "untouched" : "changed");
	printf("ppoll bad seconds            %d", ppoll(p + 2, 1, &bad1, NULL));
	printf(" %s\n", strerror(errno));
	printf("ppoll bad nanoseconds        %d", ppoll(p + 2, 1, &bad2, NULL));
	printf(" %s\n", strerror(errno));
	getrlimit(RLIMIT_NOFILE, &lim);
	printf("more than RLIMIT_NOFILE      %d", poll(p, lim.rlim_cur + 1, 0));
	printf(" %s\n", strerror(errno));
	printf("more, waiting                %d", poll(p, lim.rlim_cur + 1, -1));
	printf(" %s\n", strerror(errno));
	hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("array in a hole              %d", poll(hole, 1, 30));
	printf(" %s\n", strerror(errno));
	printf("mask in a hole               %d", ppoll(p + 2, 1, &ts, hole));
	printf(" %s\n", strerror(errno));
	sigemptyset(&none);
	printf("ppoll with a mask            %d\n", ppoll(p + 2, 1, &ts, &none));
	CHECK(write(q[1], "x", 1) == 1);
	errno = 77;
	printf("ready at once                %d", ppoll(p + 2, 1, &huge, &none));
	printf(" %s errno %d\n", bits(p[2].revents), errno);
	close(q[0]);
	close(q[1]);
	CHECK(pipe(q) == 0);
	p[2].fd = q[0];
	{
		struct later l = { WRITE, q[1], { 0 } };
		pthread_t th = start(&l);

		errno = 77;
		printf("for 292 years                %d", ppoll(p + 2, 1, &huge, NULL));
		printf(" %s errno %d\n", bits(p[2].revents), errno);
		pthread_join(th, NULL);
	}
	CHECK(read(q[0], &t, 1) == 1);
	{
		struct later l = { WRITE, q[1], { 0 } };
		pthread_t th = start(&l);

		printf("for 24 days                  %d", poll(p + 2, 1, INT_MAX));
		printf(" %s\n", bits(p[2].revents));
		pthread_join(th, NULL);
	}
	close(q[0]);
	close(q[1]);
	close(file);
	close(dir);
}

/* 500 pipes, polled by three threads at once; the same member twice. */
enum { MANY = 500 };
static int many[MANY][2];

static void *poll_many(void *arg)
{
	struct pollfd *p = calloc(2 * MANY, sizeof(*p));
	int r, at = -1;

	for (int i = 0; i < MANY; i++)
		p[i] = p[MANY + i] = (struct pollfd){ many[i][0], POLLIN, 0 };
	r = poll(p, 2 * MANY, -1);
	for (int i = 0; i < 2 * MANY; i++)
		if (p[i].revents && at < 0)
			at = i;
	if (r != 2 || p[at].revents != POLLIN || p[at + MANY].revents != POLLIN)
		printf("many: %d at %d\n", r, at);
	free(p);
	return (void *)(long)at;
}

static void thousand(void)
{
	struct rlimit lim;
	long sum = 0;
	char c;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max < 4096 ? lim.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &lim);
	for (int i = 0; i < MANY; i++)
		CHECK(pipe(many[i]) == 0);
	for (int round = 0; round < 5; round++) {
		pthread_t t[3];

		for (int i = 0; i < 3; i++)
			CHECK(pthread_create(&t[i], NULL, poll_many, NULL) == 0);
		pause_ms(20);
		CHECK(write(many[round * 99][1], "x", 1) == 1);
		for (int i = 0; i < 3; i++) {
			void *at;

			pthread_join(t[i], &at);
			sum += (long)at;
		}
		CHECK(read(many[round * 99][0], &c, 1) == 1);
	}
	printf("1000 members, 3 threads      %ld\n", sum);
	for (int i = 0; i < MANY; i++) {
		close(many[i][0]);
		close(many[i][1]);
	}
}

static void *all(void *arg)
{
	pipes();
	sockets();
	listening();
	anonymous();
	arguments();
	thousand();
	return NULL;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	printf("on main\n");
	all(NULL);
	printf("on a thread\n");
	CHECK(pthread_create(&t, NULL, all, NULL) == 0);
	pthread_join(t, NULL);
	return 0;
}
