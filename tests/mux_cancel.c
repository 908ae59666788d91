/* SPDX-License-Identifier: MIT */
/*
 * mux_cancel.c - poll, select, epoll_wait and the sleeps are cancellation points: a
 * thread that waits in one is cancelled there, one that comes to it with a request
 * pending too, even if something is ready; not while it has cancellation disabled.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 13 };
static const char *const names[CALLS] = {
	"poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"poll, no members",
	"sleep", "usleep", "nanosleep", "clock_nanosleep", "thrd_sleep",
};

static int p[2], ep;

static void call(int which)
{
	struct pollfd many[100], pf = { p[0], POLLIN, 0 };
	struct timespec ts = { 100, 0 };
	struct epoll_event ev;
	fd_set in;

	FD_ZERO(&in);
	FD_SET(p[0], &in);
	for (int i = 0; i < 100; i++)
		many[i] = pf;
	switch (which) {
	case 0: poll(&pf, 1, -1); break;
	case 1: ppoll(many, 100, NULL, NULL); break;
	case 2: select(p[0] + 1, &in, NULL, NULL, NULL); break;
	case 3: pselect(p[0] + 1, &in, NULL, NULL, &ts, NULL); break;
	case 4: epoll_wait(ep, &ev, 1, -1); break;
	case 5: epoll_pwait(ep, &ev, 1, 100000, NULL); break;
	case 6: epoll_pwait2(ep, &ev, 1, &ts, NULL); break;
	case 7: poll(NULL, 0, 100000); break;
	case 8: sleep(100); break;
	case 9: usleep(99000000); break;
	case 10: nanosleep(&ts, NULL); break;
	case 11: clock_nanosleep(CLOCK_BOOTTIME, 0, &ts, NULL); break;
	default: thrd_sleep(&ts, NULL); break;
	}
}

static atomic_int cleaned, go;

static void cleanup(void *arg)
{
	cleaned += *(int *)arg;
}

static void *waiter(void *arg)
{
	int one = 1;

	pthread_cleanup_push(cleanup, &one);
	call((int)(long)arg);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *late(void *arg)
{
	int one = 1;

	pthread_cleanup_push(cleanup, &one);
	while (!go)
		sched_yield();
	call((int)(long)arg);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *unwilling(void *arg)
{
	struct pollfd pf = { p[0], POLLIN, 0 };
	struct timespec ts = { 0, 50000000 };
	int one = 1, r;

	pthread_cleanup_push(cleanup, &one);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	go = 1;
	r = poll(&pf, 1, 100);
	printf("disabled: poll %d,", r);
	printf(" nanosleep %d\n", nanosleep(&ts, NULL));
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return NULL;
}

static const char *outcome(void *res)
{
	return res == PTHREAD_CANCELED ? "cancelled" : "ran on";
}

int main(void)
{
	void *res;
	pthread_t t;
	char c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK(pipe(p) == 0);
	ep = epoll_create1(0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &(struct epoll_event){ .events = EPOLLIN }) == 0);
	for (long i = 0; i < CALLS; i++) {
		cleaned = 0;
		CHECK(pthread_create(&t, NULL, waiter, (void *)i) == 0);
		usleep(20000);
		CHECK(pthread_cancel(t) == 0);
		CHECK(pthread_join(t, &res) == 0);
		printf("%s: %s, cleaned %d", names[i], outcome(res), (int)cleaned);
		/* The request comes first, and something is ready. */
		CHECK(write(p[1], "x", 1) == 1);
		cleaned = 0;
		go = 0;
		CHECK(pthread_create(&t, NULL, late, (void *)i) == 0);
		CHECK(pthread_cancel(t) == 0);
		go = 1;
		CHECK(pthread_join(t, &res) == 0);
		printf("; %s, cleaned %d\n", outcome(res), (int)cleaned);
		CHECK(read(p[0], &c, 1) == 1);
	}
	go = cleaned = 0;
	CHECK(pthread_create(&t, NULL, unwilling, NULL) == 0);
	while (!go)
		usleep(1000);
	CHECK(pthread_cancel(t) == 0);
	CHECK(pthread_join(t, &res) == 0);
	printf("then %s, cleaned %d\n", outcome(res), (int)cleaned);
	return 0;
}
