/* SPDX-License-Identifier: MIT */
/*
 * ended.c - what is said of a thread that has ended and has not been joined, and of
 * times and clocks that are none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAY(expression) say(#expression, (expression))

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err == 0 ? "0" : err > 0 ? strerrorname_np(err) : "negative");
}

static void *give_back(void *arg)
{
	return arg;
}

/* One that has ended: there is nobody to send even nothing to. */
static pthread_t ended(void)
{
	const union sigval value = { 0 };
	pthread_t t;

	pthread_create(&t, NULL, give_back, (void *)3);
	while (pthread_sigqueue(t, 0, value) != ESRCH)
		sched_yield();
	return t;
}

static void signals(pthread_t t)
{
	const union sigval value = { 1 };

	SAY(pthread_kill(t, 0));
	SAY(pthread_kill(t, SIGUSR1));
	SAY(pthread_kill(t, -1));
	SAY(pthread_kill(t, 65));
	SAY(pthread_kill(t, 32));
	SAY(pthread_kill(t, 33));
	SAY(pthread_kill(t, SIGRTMIN));
	SAY(pthread_sigqueue(t, 0, value));
	SAY(pthread_sigqueue(t, SIGUSR1, value));
	SAY(pthread_sigqueue(t, 32, value));
	SAY(pthread_sigqueue(t, 99, value));
	SAY(pthread_cancel(t));
}

static void identity(pthread_t t)
{
	struct sched_param param = { 0 };
	char name[64];
	clockid_t clock;
	cpu_set_t own, got;

	SAY(pthread_setname_np(t, "x"));
	SAY(pthread_setname_np(t, "0123456789012345"));
	SAY(pthread_getname_np(t, name, sizeof(name)));
	SAY(pthread_getname_np(t, name, 15));
	SAY(pthread_getcpuclockid(t, &clock));
	SAY(pthread_setschedparam(t, SCHED_OTHER, &param));
	SAY(pthread_setschedparam(t, 77, &param));
	SAY(pthread_setschedprio(t, 0));
	SAY(pthread_getaffinity_np(pthread_self(), sizeof(own), &own));
	SAY(pthread_getaffinity_np(t, sizeof(got), &got));
	printf("the caller's: %d\n", CPU_EQUAL(&own, &got));
	SAY(pthread_setaffinity_np(t, sizeof(got), &got));
}

/* Joins it; gives another one. */
static pthread_t next(pthread_t t)
{
	void *result = NULL;

	SAY(pthread_join(t, &result));
	printf("value %ld\n", (long)result);
	return ended();
}

static void times(pthread_t t)
{
	const struct timespec negative = { .tv_nsec = -1 }, large = { .tv_nsec = 1000000000 };
	const struct timespec before = { .tv_sec = -5 };
	void *result;

	SAY(pthread_clockjoin_np(t, &result, 77, &before));
	SAY(pthread_clockjoin_np(t, &result, CLOCK_BOOTTIME, &before));
	SAY(pthread_timedjoin_np(t, &result, &negative));
	t = ended();
	SAY(pthread_timedjoin_np(t, &result, &large));
	t = ended();
	SAY(pthread_timedjoin_np(t, &result, &before));
	t = ended();
	SAY(pthread_timedjoin_np(t, &result, NULL));
	t = ended();
	SAY(pthread_clockjoin_np(t, &result, CLOCK_MONOTONIC, NULL));
}

static void *itself(void *arg)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	SAY(pthread_tryjoin_np(pthread_self(), NULL));
	SAY(pthread_join(pthread_self(), NULL));
	SAY(pthread_timedjoin_np(pthread_self(), NULL, &ts));
	SAY(pthread_clockjoin_np(pthread_self(), NULL, 77, &ts));
	return arg;
}

int main(void)
{
	pthread_t t = ended();

	signals(t);
	t = next(t);
	identity(t);
	t = next(t);
	times(t);
	itself(NULL);
	pthread_create(&t, NULL, itself, NULL);
	SAY(pthread_join(t, NULL));
	return 0;
}
