/* SPDX-License-Identifier: MIT */
/*
 * sleep_basic.c - every way to sleep: not too short, in the right order, errors.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static long long clock_ns(clockid_t c)
{
	struct timespec ts;

	clock_gettime(c, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static struct timespec spec(long long ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

static void report(const char *name, int r, long long start, long long least)
{
	printf("%s: %d %s\n", name, r,
	       clock_ns(CLOCK_MONOTONIC) - start >= least ? "not early" : "early");
}

static void durations(void)
{
	static const struct {
		clockid_t id;
		const char *name;
	} clocks[] = { { CLOCK_REALTIME, "realtime" },
		       { CLOCK_MONOTONIC, "monotonic" },
		       { CLOCK_BOOTTIME, "boottime" },
		       { CLOCK_TAI, "tai" } };
	struct timespec ts = spec(20000000), rem = { 7, 7 };
	long long at;

	errno = 77;
	at = clock_ns(CLOCK_MONOTONIC);
	report("nanosleep", nanosleep(&ts, &rem), at, 20000000);
	printf("rem %ld %ld errno %d\n", (long)rem.tv_sec, rem.tv_nsec, errno);
	at = clock_ns(CLOCK_MONOTONIC);
	report("usleep", usleep(20000), at, 20000000);
	at = clock_ns(CLOCK_MONOTONIC);
	report("usleep, over a second", usleep(1001000), at, 1001000000);
	at = clock_ns(CLOCK_MONOTONIC);
	report("sleep", (int)sleep(1), at, 1000000000);
	report("sleep(0)", (int)sleep(0), at, 0);
	report("usleep(0)", usleep(0), at, 0);
	at = clock_ns(CLOCK_MONOTONIC);
	report("thrd_sleep", thrd_sleep(&ts, NULL), at, 20000000);
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct timespec until;
		int r;

		at = clock_ns(CLOCK_MONOTONIC);
		report(clocks[i].name, clock_nanosleep(clocks[i].id, 0, &ts, NULL), at, 20000000);
		until = spec(clock_ns(clocks[i].id) + 20000000);
		r = clock_nanosleep(clocks[i].id, TIMER_ABSTIME, &until, NULL);
		printf("%s, absolute: %d %s\n", clocks[i].name, r,
		       clock_ns(clocks[i].id) >= until.tv_sec * 1000000000LL + until.tv_nsec
			       ? "not early" : "early");
		until = spec(1);
		printf("%s, long past: %d\n", clocks[i].name,
		       clock_nanosleep(clocks[i].id, TIMER_ABSTIME, &until, NULL));
	}
}

static atomic_int stop;

static void *burn(void *arg)
{
	while (!stop)
		;
	return NULL;
}

static void errors(void)
{
	struct timespec ok = spec(1000000), neg = { -1, 0 }, nneg = { 0, -1 },
			big = { 0, 1000000000 };
	struct timespec *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct timespec *volatile null = NULL;
	pthread_t t;
	int r;

	errno = 77;
	printf("negative seconds: %d", nanosleep(&neg, NULL));
	printf(" %s\n", strerror(errno));
	errno = 77;
	printf("negative nanoseconds: %d", nanosleep(&nneg, NULL));
	printf(" %s\n", strerror(errno));
	printf("a whole second of them: %d", nanosleep(&big, NULL));
	printf(" %s\n", strerror(errno));
	errno = 77;
	printf("clock_nanosleep: %s", strerror(clock_nanosleep(CLOCK_MONOTONIC, 0, &big, NULL)));
	printf(" errno %d\n", errno);
	printf("absolute, negative: %s\n",
	       strerror(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &neg, NULL)));
	printf("in a hole: %d", nanosleep(hole, NULL));
	printf(" %s\n", strerror(errno));
	printf("nothing: %s\n", strerror(clock_nanosleep(CLOCK_MONOTONIC, 0, null, NULL)));
	printf("thrd_sleep: %d\n", thrd_sleep(&big, NULL));
	printf("thread's time: %s\n",
	       strerror(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ok, NULL)));
	printf("raw: %s\n", strerror(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &ok, NULL)));
	printf("coarse: %s\n", strerror(clock_nanosleep(CLOCK_REALTIME_COARSE, 0, &ok, NULL)));
	printf("no clock: %s\n", strerror(clock_nanosleep(77, 0, &ok, NULL)));
	CHECK(pthread_create(&t, NULL, burn, NULL) == 0);
	r = clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &ok, NULL);
	stop = 1;
	pthread_join(t, NULL);
	stop = 0;
	printf("process's time: %s\n", strerror(r));
	munmap(hole, 4096);
}

/* Sleepers wake in the order of their times, not of their starts. */
enum { SLEEPERS = 8 };
static int order[SLEEPERS];
static atomic_int woken;

static void *sleeper(void *arg)
{
	long i = (long)arg;

	usleep(50000 + (useconds_t)(SLEEPERS - i) * 40000);
	order[woken++] = (int)i;
	return NULL;
}

static void *doze(void *arg)
{
	for (int i = 0; i < 5; i++)
		usleep(1000 + (useconds_t)((long)arg * 7919 % 9000));
	woken++;
	return NULL;
}

static int in_order(void)
{
	pthread_t t[SLEEPERS];
	int right = 0;

	woken = 0;
	for (long i = 0; i < SLEEPERS; i++)
		CHECK(pthread_create(&t[i], NULL, sleeper, (void *)i) == 0);
	for (int i = 0; i < SLEEPERS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < SLEEPERS; i++)
		right += order[i] == SLEEPERS - 1 - i;
	return right == SLEEPERS;
}

static void crowd(void)
{
	enum { CROWD = 500, TRIES = 20 };
	static pthread_t t[CROWD];
	pthread_attr_t attr;

	/* A busy machine may wake one so late that the next overtakes it; not every time. */
	for (int i = 0; i < TRIES && !in_order(); i++)
		;
	printf("order:");
	for (int i = 0; i < SLEEPERS; i++)
		printf(" %d", order[i]);
	printf("\n");
	woken = 0;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (long i = 0; i < CROWD; i++)
		CHECK(pthread_create(&t[i], &attr, doze, (void *)i) == 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	printf("crowd: %d\n", (int)woken);
}

/* sched_yield lets the other have its turn, whoever runs where. */
static atomic_int turn;

static void *yielder(void *arg)
{
	int me = (int)(long)arg;

	for (int i = 0; i < 1000; i++) {
		while (turn % 3 != me) {
			if (i % 3 == 0)
				CHECK(sched_yield() == 0);
			else if (i % 3 == 1)
				thrd_yield();
			else
				usleep(0);
		}
		turn++;
	}
	return NULL;
}

static void yields(void)
{
	pthread_t t[3];

	turn = 0;
	for (long i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, yielder, (void *)i) == 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("turns: %d\n", (int)turn);
}

static void *all(void *arg)
{
	durations();
	errors();
	crowd();
	yields();
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
