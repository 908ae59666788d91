/* SPDX-License-Identifier: MIT */
/*
 * mux_select.c - select and pselect: sets of every size, what becomes of the sets
 * and of the time-out, errors.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void *write_later(void *arg)
{
	pause_ms(20);
	CHECK(write((int)(long)arg, "x", 1) == 1);
	return NULL;
}

static void *close_later(void *arg)
{
	pause_ms(20);
	CHECK(close((int)(long)arg) == 0);
	return NULL;
}

static pthread_t start(void *(*fn)(void *), int fd)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, (void *)(long)fd) == 0);
	return t;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Is as much left of seconds that began at at, as can be: how long it took is not said. */
static const char *left(const struct timeval *tv, double seconds, double at)
{
	double s = (double)tv->tv_sec + (double)tv->tv_usec / 1e6;

	return s < seconds && s > seconds - (now() - at) - 1e-5 ? "right" : "wrong";
}

/* Bits set, as text. FD_ISSET's own check would object to large numbers. */
static void show(const char *name, const void *set, int bits)
{
	const unsigned long *w = set;

	printf(" %s{", name);
	for (int i = 0; i < bits; i++)
		if (w[i / 64] >> i % 64 & 1)
			printf(" %d", i);
	printf(" }");
}

static void basics(void)
{
	struct timeval tv = { 0, 30000 };
	fd_set in, out, ex;
	pthread_t t;
	double at;
	char c;
	int p[2], r;

	CHECK(pipe2(p, 0) == 0);
	CHECK(dup2(p[0], 70) == 70 && dup2(p[1], 200) == 200);
	close(p[0]);
	close(p[1]);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(70, &in);
	FD_SET(70, &ex);
	at = now();
	r = select(71, &in, NULL, &ex, &tv);
	printf("idle, 30 ms: %d", r);
	show("in", &in, 1024);
	show("ex", &ex, 1024);
	printf(" %s, left %ld.%06ld\n", now() - at >= 0.03 ? "not early" : "early", (long)tv.tv_sec,
	       (long)tv.tv_usec);

	FD_SET(70, &in);
	FD_SET(200, &out);
	FD_SET(200, &in);
	tv.tv_sec = 100;
	tv.tv_usec = 0;
	at = now();
	r = select(201, &in, &out, NULL, &tv);
	printf("writable: %d", r);
	show("in", &in, 1024);
	show("out", &out, 1024);
	printf(" left %s\n", left(&tv, 100, at));

	FD_ZERO(&in);
	FD_SET(70, &in);
	tv.tv_sec = 100;
	tv.tv_usec = 0;
	at = now();
	t = start(write_later, 200);
	r = select(FD_SETSIZE, &in, NULL, NULL, &tv);
	pthread_join(t, NULL);
	printf("written to: %d", r);
	show("in", &in, 1024);
	printf(" left %s\n", left(&tv, 100, at));

	CHECK(read(70, &c, 1) == 1);
	t = start(close_later, 200);
	r = select(71, &in, NULL, NULL, NULL);
	pthread_join(t, NULL);
	printf("writer closed: %d", r);
	show("in", &in, 1024);
	printf("\n");

	/* Bits from nfds on do not count. */
	FD_ZERO(&in);
	FD_SET(70, &in);
	FD_SET(75, &in);
	FD_SET(500, &in);
	tv.tv_sec = 0;
	tv.tv_usec = 10000;
	r = select(70, &in, NULL, NULL, &tv);
	printf("none below 70: %d", r);
	show("in", &in, 1024);
	printf("\n");
	close(70);
}

static void errors(void)
{
	struct timeval tv = { 5, 0 }, bad = { -1, 0 }, more = { 0, 2500000 };
	struct timespec ts = { 0, 20000000 }, badts = { 0, 1000000000 };
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigset_t none;
	fd_set in;
	double at;
	int p[2];

	CHECK(pipe(p) == 0);
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	FD_SET(99, &in);
	printf("bad descriptor: %d", select(100, &in, NULL, NULL, &tv));
	printf(" %s,", strerror(errno));
	printf(" sets %s, left %s\n", FD_ISSET(99, &in) && FD_ISSET(p[0], &in) ? "kept" : "lost",
	       tv.tv_sec < 5 ? "less" : "5");
	printf("negative nfds: %d", select(-1, &in, NULL, NULL, NULL));
	printf(" %s\n", strerror(errno));
	printf("negative time: %d", select(0, NULL, NULL, NULL, &bad));
	printf(" %s\n", strerror(errno));
	bad.tv_sec = 0;
	bad.tv_usec = -1;
	printf("negative microseconds: %d", select(0, NULL, NULL, NULL, &bad));
	printf(" %s\n", strerror(errno));
	printf("set in a hole: %d", select(10, hole, NULL, NULL, NULL));
	printf(" %s\n", strerror(errno));
	printf("set in a hole, zero time: %d",
	       select(10, NULL, hole, NULL, &(struct timeval){ 0, 0 }));
	printf(" %s\n", strerror(errno));
	printf("set not writable: %d", select(10, readonly, NULL, NULL, &(struct timeval){ 1, 0 }));
	printf(" %s\n", strerror(errno));
	printf("set in a hole, no bits: %d\n",
	       select(0, hole, NULL, NULL, &(struct timeval){ 0, 9 }));
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	CHECK(write(p[1], "x", 1) == 1);
	errno = 77;
	at = now();
	printf("2.5 s in microseconds: %d", select(p[0] + 1, &in, NULL, NULL, &more));
	printf(" left %s errno %d\n", left(&more, 2.5, at), errno);
	printf("huge: %d\n",
	       select(p[0] + 1, &in, NULL, NULL, &(struct timeval){ LONG_MAX, 999999 }));
	CHECK(read(p[0], &tv, 1) == 1);
	at = now();
	tv.tv_sec = 0;
	tv.tv_usec = 30000;
	printf("a sleep: %d", select(0, NULL, NULL, NULL, &tv));
	printf(" %s\n", now() - at >= 0.03 ? "not early" : "early");
	tv.tv_usec = 0;
	printf("no time: %d", select(p[0] + 1, &in, NULL, NULL, &tv));
	show("in", &in, 1024);
	printf("\n");
	FD_SET(p[0], &in);
	at = now();
	printf("pselect: %d", pselect(p[0] + 1, &in, NULL, NULL, &ts, NULL));
	printf(" %s, time-out %s\n", now() - at >= 0.02 ? "not early" : "early",
	       ts.tv_sec == 0 && ts.tv_nsec == 20000000 ? "untouched" : "changed");
	printf("pselect, bad time: %d", pselect(p[0] + 1, &in, NULL, NULL, &badts, NULL));
	printf(" %s\n", strerror(errno));
	printf("pselect, mask in a hole: %d", pselect(p[0] + 1, &in, NULL, NULL, &ts, hole));
	printf(" %s\n", strerror(errno));
	sigemptyset(&none);
	FD_SET(p[0], &in);
	printf("pselect, mask: %d", pselect(p[0] + 1, &in, NULL, NULL, &ts, &none));
	show("in", &in, 1024);
	printf("\n");
	close(p[0]);
	close(p[1]);
	munmap(hole, 4096);
	munmap(readonly, 4096);
}

/* Sets of more than FD_SETSIZE bits, as programs make them that know Linux. */
static void large(void)
{
	enum { N = 3000, BYTES = (N + 63) / 64 * 8 };
	unsigned long *in = calloc(1, BYTES + 64), *out = calloc(1, BYTES + 64);
	struct rlimit lim;
	pthread_t t;
	int p[2], r;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max < 4096 ? lim.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &lim);
	CHECK(pipe(p) == 0);
	for (int fd = 1000; fd < N; fd++)
		CHECK(dup2(p[0], fd) == fd);
	CHECK(dup2(p[1], N - 1) == N - 1);
	memset(out + BYTES / 8, 0xee, 64);
	memset(in + BYTES / 8, 0xee, 64);
	for (int fd = 1000; fd < N - 1; fd++)
		in[fd / 64] |= 1UL << fd % 64;
	out[(N - 1) / 64] |= 1UL << (N - 1) % 64;
	r = select(N, (fd_set *)in, (fd_set *)out, NULL, NULL);
	printf("large, writable: %d", r);
	show("in", in, N);
	show("out", out, N);
	printf("\n");
	for (int fd = 1000; fd < N - 1; fd++)
		in[fd / 64] |= 1UL << fd % 64;
	t = start(write_later, p[1]);
	r = select(N, (fd_set *)in, NULL, NULL, NULL);
	pthread_join(t, NULL);
	printf("large, written: %d, first %s\n", r, in[1000 / 64] >> 1000 % 64 & 1 ? "set" : "not");
	for (int i = BYTES / 8; i < BYTES / 8 + 8; i++)
		if (in[i] != 0xeeeeeeeeeeeeeeeeUL || out[i] != 0xeeeeeeeeeeeeeeeeUL)
			printf("large: wrote beyond the sets\n");
	for (int fd = 1000; fd < N; fd++)
		close(fd);
	close(p[0]);
	close(p[1]);
	free(in);
	free(out);
}

/* Every thread its own pipe and its own sets; they wake one another in a ring. */
enum { RING = 20, ROUNDS = 50 };
static int ring[RING][2];

static void *member(void *arg)
{
	int i = (int)(long)arg, next = (i + 1) % RING;
	char c;

	for (int r = 0; r < ROUNDS; r++) {
		fd_set in;

		FD_ZERO(&in);
		FD_SET(ring[i][0], &in);
		CHECK(select(ring[i][0] + 1, &in, NULL, NULL, NULL) == 1);
		CHECK(FD_ISSET(ring[i][0], &in));
		CHECK(read(ring[i][0], &c, 1) == 1);
		c++;
		CHECK(write(ring[next][1], &c, 1) == 1);
	}
	return NULL;
}

static void around(void)
{
	pthread_t t[RING];
	char c = 0;

	for (int i = 0; i < RING; i++)
		CHECK(pipe(ring[i]) == 0);
	for (int i = 0; i < RING; i++)
		CHECK(pthread_create(&t[i], NULL, member, (void *)(long)i) == 0);
	CHECK(write(ring[0][1], &c, 1) == 1);
	for (int i = 0; i < RING; i++)
		pthread_join(t[i], NULL);
	CHECK(read(ring[0][0], &c, 1) == 1);
	printf("ring: %d\n", (unsigned char)c);
	for (int i = 0; i < RING; i++) {
		close(ring[i][0]);
		close(ring[i][1]);
	}
}

static void *all(void *arg)
{
	basics();
	errors();
	around();
	large();
	return NULL;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("on main\n");
	all(NULL);
	printf("on a thread\n");
	CHECK(pthread_create(&t, NULL, all, NULL) == 0);
	pthread_join(t, NULL);
	return 0;
}
