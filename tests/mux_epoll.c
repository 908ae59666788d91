/* SPDX-License-Identifier: MIT */
/*
 * mux_epoll.c - a program with epoll instances of its own: level and edge triggered,
 * one-shot, nested, shared by several waiting threads.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void control(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	CHECK(epoll_ctl(ep, op, fd, &ev) == 0);
}

static void *write_later(void *arg)
{
	pause_ms(20);
	CHECK(write((int)(long)arg, "xyz", 3) == 3);
	return NULL;
}

static pthread_t start(void *(*fn)(void *), long arg)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, (void *)arg) == 0);
	return t;
}

static void one_thread(void)
{
	struct epoll_event ev[4];
	struct timespec ts = { 0, 20000000 }, bad = { 0, -1 };
	int ep = epoll_create1(0), p[2], q[2];
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	double at;
	char c;

	CHECK(pipe(p) == 0 && pipe(q) == 0);
	at = now();
	printf("empty, 30 ms: %d", epoll_wait(ep, ev, 4, 30));
	printf(" %s\n", now() - at >= 0.03 ? "not early" : "early");
	control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN);
	at = now();
	printf("idle, pwait2 20 ms: %d", epoll_pwait2(ep, ev, 4, &ts, NULL));
	printf(" %s\n", now() - at >= 0.02 ? "not early" : "early");
	t = start(write_later, p[1]);
	printf("level: %d", epoll_wait(ep, ev, 4, -1));
	pthread_join(t, NULL);
	printf(" events %x right %d\n", ev[0].events, ev[0].data.fd == p[0]);
	printf("level, again: %d\n", epoll_wait(ep, ev, 4, -1));
	for (int i = 0; i < 3; i++)
		CHECK(read(p[0], &c, 1) == 1);
	printf("level, emptied: %d\n", epoll_wait(ep, ev, 4, 0));
	control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET);
	t = start(write_later, p[1]);
	errno = 77;
	printf("edge: %d\n", epoll_pwait(ep, ev, 4, 1000000, NULL));
	pthread_join(t, NULL);
	printf("edge, again: %d errno %d\n", epoll_wait(ep, ev, 4, 10), errno);
	t = start(write_later, p[1]);
	printf("edge, more: %d\n", epoll_wait(ep, ev, 4, -1));
	pthread_join(t, NULL);
	control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
	printf("one-shot: %d\n", epoll_wait(ep, ev, 4, -1));
	t = start(write_later, p[1]);
	printf("one-shot, disarmed: %d\n", epoll_wait(ep, ev, 4, 40));
	pthread_join(t, NULL);
	control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
	printf("one-shot, armed: %d\n", epoll_wait(ep, ev, 4, -1));
	control(ep, EPOLL_CTL_ADD, q[1], EPOLLOUT);
	printf("writable: %d\n", epoll_wait(ep, ev, 4, -1));
	close(q[0]);
	printf("reader gone: %d", epoll_wait(ep, ev, 4, -1));
	printf(" events %x\n", ev[0].events);
	printf("no room: %d", epoll_wait(ep, ev, 0, -1));
	printf(" %s\n", strerror(errno));
	printf("not an epoll: %d", epoll_wait(p[0], ev, 4, -1));
	printf(" %s\n", strerror(errno));
	printf("closed: %d", epoll_wait(99, ev, 4, -1));
	printf(" %s\n", strerror(errno));
	printf("in a hole: %d", epoll_wait(ep, hole, 1, -1));
	printf(" %s\n", strerror(errno));
	printf("bad time: %d", epoll_pwait2(ep, ev, 4, &bad, NULL));
	printf(" %s\n", strerror(errno));
	printf("time in a hole: %d", epoll_pwait2(ep, ev, 4, hole, NULL));
	printf(" %s\n", strerror(errno));
	printf("mask in a hole: %d", epoll_pwait(ep, ev, 4, 10, hole));
	printf(" %s\n", strerror(errno));
	munmap(hole, 4096);
	close(ep);
	close(p[0]);
	close(p[1]);
	close(q[1]);
}

/* Added and armed by another thread while somebody waits. */
static int other_ep, other_fd;

static void *add_later(void *arg)
{
	pause_ms(20);
	control(other_ep, arg ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, other_fd, EPOLLIN | EPOLLONESHOT);
	return NULL;
}

static void added(void)
{
	struct epoll_event ev[2];
	pthread_t t;

	other_ep = epoll_create1(0);
	other_fd = eventfd(1, 0);
	t = start(add_later, 0);
	printf("added while waiting: %d\n", epoll_wait(other_ep, ev, 2, -1));
	pthread_join(t, NULL);
	t = start(add_later, 1);
	printf("armed while waiting: %d\n", epoll_wait(other_ep, ev, 2, -1));
	pthread_join(t, NULL);
	close(other_ep);
	close(other_fd);
}

static void *count_later(void *arg)
{
	pause_ms(20);
	CHECK(write((int)(long)arg, &(uint64_t){ 1 }, 8) == 8);
	return NULL;
}

/* As deep as the kernel lets epolls be nested. */
static void nested(void)
{
	struct epoll_event ev[2];
	int ep[5], n = 0, e = eventfd(0, 0);
	pthread_t t;

	for (int i = 0; i < 5; i++)
		ep[n++] = epoll_create1(0);
	control(ep[0], EPOLL_CTL_ADD, e, EPOLLIN);
	for (int i = 1; i < n; i++)
		control(ep[i], EPOLL_CTL_ADD, ep[i - 1], EPOLLIN);
	t = start(count_later, e);
	printf("nested: %d\n", epoll_wait(ep[n - 1], ev, 2, -1));
	pthread_join(t, NULL);
	close(e);
	for (int i = 0; i < n; i++)
		close(ep[i]);
}

/* Several threads wait on one instance; every event is for exactly one of them. */
enum { WAITERS = 8, SOURCES = 16, EVENTS = 2000 };

static struct {
	int ep, src[SOURCES][2], quit;
	uint32_t flags;
	atomic_int taken[SOURCES], wrong;
} pool;

static void *taker(void *arg)
{
	long max = (long)arg;

	for (;;) {
		struct epoll_event ev[4];
		int n = epoll_wait(pool.ep, ev, (int)max, -1);

		CHECK(n > 0 && n <= max);
		for (int i = 0; i < n; i++) {
			int s = ev[i].data.fd;
			char buf[16];
			ssize_t got;

			if (s == -1)
				return NULL;
			/* One-shot: nobody else has it until it is armed again. */
			while ((got = recv(pool.src[s][0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
				pool.taken[s] += (int)got;
			if (got != -1 || errno != EAGAIN)
				pool.wrong++;
			if (pool.flags & EPOLLONESHOT) {
				struct epoll_event e = { .events = pool.flags, .data.fd = s };

				CHECK(epoll_ctl(pool.ep, EPOLL_CTL_MOD, pool.src[s][0], &e) == 0);
			}
		}
	}
}

static void shared(const char *name, uint32_t flags, int max)
{
	struct epoll_event quit = { .events = EPOLLIN, .data.fd = -1 };
	pthread_t t[WAITERS];
	int total = 0;

	pool.ep = epoll_create1(0);
	pool.quit = eventfd(0, 0);
	pool.flags = flags;
	for (int i = 0; i < SOURCES; i++) {
		struct epoll_event e = { .events = flags, .data.fd = i };

		pool.taken[i] = 0;
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pool.src[i]) == 0);
		CHECK(epoll_ctl(pool.ep, EPOLL_CTL_ADD, pool.src[i][0], &e) == 0);
	}
	for (int i = 0; i < WAITERS; i++)
		t[i] = start(taker, max);
	for (int i = 0; i < EVENTS; i++) {
		CHECK(send(pool.src[i % SOURCES][1], "e", 1, 0) == 1);
		if (i % 100 == 99)
			pause_ms(1);
	}
	/* Everything sent arrives although nothing else ever happens. */
	for (int i = 0; total < EVENTS && i < 5000; i++) {
		pause_ms(1);
		total = 0;
		for (int s = 0; s < SOURCES; s++)
			total += pool.taken[s];
	}
	/* Level-triggered and never read: it reaches one waiter after the other. */
	CHECK(epoll_ctl(pool.ep, EPOLL_CTL_ADD, pool.quit, &quit) == 0);
	CHECK(write(pool.quit, &(uint64_t){ 1 }, 8) == 8);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(t[i], NULL);
	printf("%s, %d at a time: %d of %d, %d wrong\n", name, max, total, EVENTS,
	       (int)pool.wrong);
	for (int i = 0; i < SOURCES; i++) {
		close(pool.src[i][0]);
		close(pool.src[i][1]);
	}
	close(pool.quit);
	close(pool.ep);
}

/* Several events at once, several waiters, each takes one and keeps it a while: all
   are served although only one edge was seen. */
static atomic_int arrived;

static void *keeper(void *arg)
{
	struct epoll_event ev;

	CHECK(epoll_wait((int)(long)arg, &ev, 1, -1) == 1);
	arrived++;
	while (arrived < 4)
		sched_yield();
	return NULL;
}

static void burst(void)
{
	int ep = epoll_create1(0), e[4];
	pthread_t t[4];

	for (int i = 0; i < 4; i++) {
		e[i] = eventfd(0, 0);
		control(ep, EPOLL_CTL_ADD, e[i], EPOLLIN | EPOLLET | EPOLLONESHOT);
	}
	for (int round = 0; round < 20; round++) {
		arrived = 0;
		for (int i = 0; i < 4; i++)
			t[i] = start(keeper, ep);
		if (round % 2)
			pause_ms(5);
		for (int i = 0; i < 4; i++)
			CHECK(write(e[i], &(uint64_t){ 1 }, 8) == 8);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		for (int i = 0; i < 4; i++) {
			uint64_t n;

			CHECK(read(e[i], &n, 8) == 8);
			control(ep, EPOLL_CTL_MOD, e[i], EPOLLIN | EPOLLET | EPOLLONESHOT);
		}
	}
	printf("burst: done\n");
	for (int i = 0; i < 4; i++)
		close(e[i]);
	close(ep);
}

static void *all(void *arg)
{
	one_thread();
	added();
	nested();
	shared("level, one-shot", EPOLLIN | EPOLLONESHOT, 1);
	shared("edge, one-shot", EPOLLIN | EPOLLET | EPOLLONESHOT, 4);
	shared("edge", EPOLLIN | EPOLLET, 2);
	burst();
	return NULL;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("on main\n");
	all(NULL);
	printf("on a thread\n");
	t = start(all, 0);
	pthread_join(t, NULL);
	return 0;
}
