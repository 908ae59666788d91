/* SPDX-License-Identifier: MIT */
/*
 * wired_timer.c - timers that send their signal to one thread (SIGEV_THREAD_ID): it
 * comes to that thread, whether it computes, sleeps or waits for it, on whichever
 * clock, and however many threads have one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 6, TICKS = 5 };

static __thread volatile int mine;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *what, int ok)
{
	pthread_mutex_lock(&lock);
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
	pthread_mutex_unlock(&lock);
}

static void count(int sig, siginfo_t *info, void *context)
{
	mine += info->si_code == SI_TIMER;
}

static timer_t start(clockid_t clock, int sig, pid_t tid, long ms, int repeat)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig };
	struct itimerspec when = { { 0, repeat ? ms * 1000000 : 0 }, { 0, ms * 1000000 } };
	timer_t timer = NULL;

	ev.sigev_value.sival_int = 42;
	ev._sigev_un._tid = tid;
	if (timer_create(clock, &ev, &timer) != 0 || timer_settime(timer, 0, &when, NULL) != 0)
		return NULL;
	return timer;
}

static void *computes(void *arg)
{
	timer_t t = start(CLOCK_THREAD_CPUTIME_ID, SIGUSR1, gettid(), 5, 1);

	while (mine < TICKS)
		for (volatile int i = 0; i < 1000; i++)
			;
	timer_delete(t);
	return (void *)1;
}

static void *sleeps(void *arg)
{
	timer_t t = start(CLOCK_MONOTONIC, SIGUSR1, gettid(), 20, 1);
	struct timespec ts = { 10, 0 };
	int ok = 1;

	while (mine < TICKS)
		ok &= nanosleep(&ts, NULL) == -1 && errno == EINTR;
	timer_delete(t);
	return (void *)(intptr_t)ok;
}

static void *waits(void *arg)
{
	int sig = (int)(intptr_t)arg, ok = 1;
	sigset_t set;
	siginfo_t info;
	timer_t t;

	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = start(CLOCK_MONOTONIC, sig, gettid(), 10, 1);
	for (int i = 0; i < TICKS; i++) {
		memset(&info, 0, sizeof(info));
		ok &= sigwaitinfo(&set, &info) == sig && info.si_code == SI_TIMER &&
		      info.si_value.sival_int == 42;
	}
	timer_delete(t);
	return (void *)(intptr_t)ok;
}

static int all(void *(*body)(void *), intptr_t arg)
{
	pthread_t t[THREADS];
	int ok = 1;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, body, (void *)arg);
	for (int i = 0; i < THREADS; i++) {
		void *result = NULL;

		ok &= pthread_join(t[i], &result) == 0 && result != NULL;
	}
	return ok;
}

static volatile pid_t other;

static void *is_told(void *arg)
{
	struct timespec ts = { 10, 0 };
	int ok;

	other = gettid();
	ok = nanosleep(&ts, NULL) == -1 && errno == EINTR;
	return (void *)(intptr_t)(ok && mine >= 1);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = count, .sa_flags = SA_SIGINFO };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	sigset_t told, before;
	void *result = NULL;
	timer_t timer;
	pthread_t t;

	sigaction(SIGUSR1, &act, NULL);
	say("threads that compute", all(computes, 0));
	say("threads that sleep", all(sleeps, 0));
	say("threads that wait for it", all(waits, SIGUSR2));
	say("and for a real-time signal", all(waits, SIGRTMIN + 3));
	say("main has got none", mine == 0);
	pthread_create(&t, NULL, is_told, NULL);
	while (!other)
		usleep(1000);
	/* Again and again: it may not be asleep yet the first time. */
	timer = start(CLOCK_MONOTONIC, SIGUSR1, other, 50, 1);
	pthread_join(t, &result);
	timer_delete(timer);
	say("another thread's", result != NULL && mine == 0);
	sigemptyset(&told);
	sigaddset(&told, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &told, &before);
	start(CLOCK_MONOTONIC, SIGUSR1, gettid(), 10, 0);
	sigsuspend(&before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	say("main's", mine == 1);
	ev._sigev_un._tid = 4000000;
	say("nobody's", timer_create(CLOCK_MONOTONIC, &ev, &timer) == -1 && errno == EINVAL);
	ev._sigev_un._tid = 0;
	say("none", timer_create(CLOCK_MONOTONIC, &ev, &timer) == -1 && errno == EINVAL);
	say("bad clock", timer_create(77, NULL, &timer) == -1 && errno == EINVAL);
	return 0;
}
