/* SPDX-License-Identifier: MIT */
/*
 * join_detach.c - joining and detaching: values, errors, time limits, threads
 * that end before, while and after somebody joins them; thousands of them.
 * (Two who join one thread, or each other, wait for ever with glibc 2.36.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *name(int err)
{
	switch (err) {
	case 0: return "0";
	case EBUSY: return "EBUSY";
	case EINVAL: return "EINVAL";
	case ESRCH: return "ESRCH";
	case EDEADLK: return "EDEADLK";
	case ETIMEDOUT: return "ETIMEDOUT";
	}
	return strerror(err);
}

static void *give_back(void *arg)
{
	return arg;
}

static void *exit_deep(void *arg)
{
	pthread_exit(arg);
}

static void *wait_sem(void *arg)
{
	while (sem_wait(arg) != 0)
		;
	return (void *)42;
}

static void *yield_some(void *arg)
{
	for (uintptr_t i = 0; i < (uintptr_t)arg % 7; i++)
		sched_yield();
	return (void *)((uintptr_t)arg * 3);
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms % 1000 * 1000000;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void test_values(void)
{
	pthread_t thread;
	void *result = NULL;

	pthread_create(&thread, NULL, give_back, (void *)7);
	printf("join: %s", name(pthread_join(thread, &result)));
	printf(" value %ld\n", (long)result);
	pthread_create(&thread, NULL, exit_deep, (void *)8);
	printf("join after pthread_exit: %s", name(pthread_join(thread, &result)));
	printf(" value %ld\n", (long)result);
	pthread_create(&thread, NULL, give_back, NULL);
	printf("join without value: %s\n", name(pthread_join(thread, NULL)));
	pthread_create(&thread, NULL, give_back, (void *)-1);
	usleep(2000); /* surely over by now */
	printf("join of one that is over: %s", name(pthread_join(thread, &result)));
	printf(" value %ld\n", (long)result);
}

static void test_many(void)
{
	enum { AT_ONCE = 200, TIMES = 30 };
	pthread_t threads[AT_ONCE];
	unsigned wrong = 0;

	for (int k = 0; k < TIMES; k++) {
		for (uintptr_t i = 0; i < AT_ONCE; i++)
			if (pthread_create(&threads[i], NULL, yield_some, (void *)(i + k)) != 0)
				abort();
		for (uintptr_t n = 0; n < AT_ONCE; n++) {
			uintptr_t i = k % 2 ? n : AT_ONCE - 1 - n;
			void *result = NULL;

			if (pthread_join(threads[i], &result) != 0 || (uintptr_t)result != (i + k) * 3)
				wrong++;
		}
	}
	printf("%d joined, %u wrong\n", AT_ONCE * TIMES, wrong);
}

static void test_try_and_timed(void)
{
	struct timespec ts, before, after;
	pthread_t thread;
	void *result = (void *)1;
	sem_t sem;

	sem_init(&sem, 0, 0);
	pthread_create(&thread, NULL, wait_sem, &sem);
	printf("tryjoin of a running one: %s\n", name(pthread_tryjoin_np(thread, &result)));
	ts = in_ms(CLOCK_REALTIME, 30);
	clock_gettime(CLOCK_REALTIME, &before);
	printf("timedjoin of a running one: %s\n", name(pthread_timedjoin_np(thread, &result, &ts)));
	clock_gettime(CLOCK_REALTIME, &after);
	printf("not early: %d\n", after.tv_sec > ts.tv_sec ||
	       (after.tv_sec == ts.tv_sec && after.tv_nsec >= ts.tv_nsec));
	ts = in_ms(CLOCK_MONOTONIC, 10);
	printf("clockjoin of a running one: %s\n",
	       name(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &ts)));
	printf("clockjoin by another clock: %s\n",
	       name(pthread_clockjoin_np(thread, &result, CLOCK_PROCESS_CPUTIME_ID, &ts)));
	ts.tv_sec = 1; /* long ago */
	ts.tv_nsec = 0;
	printf("timedjoin until long ago: %s\n", name(pthread_timedjoin_np(thread, &result, &ts)));
	printf("value untouched: %d\n", result == (void *)1);
	sem_post(&sem);
	ts = in_ms(CLOCK_REALTIME, 20000);
	printf("timedjoin of one about to end: %s", name(pthread_timedjoin_np(thread, &result, &ts)));
	printf(" value %ld\n", (long)result);

	pthread_create(&thread, NULL, wait_sem, &sem);
	sem_post(&sem);
	int err;

	while ((err = pthread_tryjoin_np(thread, &result)) == EBUSY)
		sched_yield();
	printf("tryjoin until it works: %s value %ld\n", name(err), (long)result);
	sem_destroy(&sem);
}

static pthread_t first;
static sem_t ready;

static void *join_first(void *arg)
{
	sem_post(&ready);
	return (void *)(intptr_t)pthread_join(first, NULL);
}

static void test_errors(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	/* One for each: a thread that has yet to wait would leave its token to the other.
	   Detached threads may still wait for them after the return. */
	static sem_t sem, other;

	printf("join of self: %s\n", name(pthread_join(pthread_self(), NULL)));

	sem_init(&sem, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attr, wait_sem, &sem);
	printf("join of a detached one: %s\n", name(pthread_join(thread, NULL)));
	printf("tryjoin of a detached one: %s\n", name(pthread_tryjoin_np(thread, NULL)));
	printf("detach of a detached one: %s\n", name(pthread_detach(thread)));
	sem_post(&sem);
	sem_init(&other, 0, 0);
	pthread_create(&thread, NULL, wait_sem, &other);
	printf("detach: %s\n", name(pthread_detach(thread)));
	printf("detach again: %s\n", name(pthread_detach(thread)));
	printf("join after detach: %s\n", name(pthread_join(thread, NULL)));
	sem_post(&other);
	pthread_attr_destroy(&attr);
}

static unsigned long detached_ran;

static void *detach_self(void *arg)
{
	if (arg)
		pthread_detach(pthread_self());
	__atomic_add_fetch(&detached_ran, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void test_detached_many(void)
{
	enum { TIMES = 3000 };

	for (int i = 0; i < TIMES; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, detach_self, (void *)(uintptr_t)(i % 2)) != 0)
			abort();
		if (i % 2 == 0)
			pthread_detach(thread); /* running, or over already */
		while (i - __atomic_load_n(&detached_ran, __ATOMIC_ACQUIRE) > 100 &&
		       __atomic_load_n(&detached_ran, __ATOMIC_ACQUIRE) < (unsigned long)i)
			sched_yield();
	}
	while (__atomic_load_n(&detached_ran, __ATOMIC_ACQUIRE) < TIMES)
		usleep(100);
	printf("detached: %lu ran\n", detached_ran);
}

/* Join is a cancellation point, and a cancelled joiner leaves its target joinable. */
static void test_cancelled_joiner(void)
{
	pthread_t target, joiner;
	void *result;
	sem_t sem;

	sem_init(&sem, 0, 0);
	sem_init(&ready, 0, 0);
	pthread_create(&target, NULL, wait_sem, &sem);
	first = target;
	pthread_create(&joiner, NULL, join_first, NULL);
	sem_wait(&ready);
	usleep(10000);
	printf("cancel: %s\n", name(pthread_cancel(joiner)));
	pthread_join(joiner, &result);
	printf("joiner was cancelled: %d\n", result == PTHREAD_CANCELED);
	sem_post(&sem);
	printf("join of its target: %s", name(pthread_join(target, &result)));
	printf(" value %ld\n", (long)result);
}

/* A chain: each thread makes the next and joins it. */
static void *chain(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;
	pthread_t next;
	void *result;

	if (depth == 0)
		return NULL;
	if (pthread_create(&next, NULL, chain, (void *)(depth - 1)) != 0 || pthread_join(next, &result) != 0)
		abort();
	return (void *)((uintptr_t)result + 1);
}

int main(void)
{
	void *result;

	test_values();
	test_many();
	test_try_and_timed();
	test_errors();
	test_detached_many();
	test_cancelled_joiner();
	pthread_create(&first, NULL, chain, (void *)300);
	pthread_join(first, &result);
	printf("chain: %ld\n", (long)result);
	return 0;
}
