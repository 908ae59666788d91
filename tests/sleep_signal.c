/* SPDX-License-Identifier: MIT */
/*
 * sleep_signal.c - sleeps that a signal or a cancellation ends: what is left, what is
 * returned, and that SA_RESTART makes no difference.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t runs;

static void handler(int sig)
{
	runs++;
}

static pthread_t victim;
static atomic_int over, sent;

/* Until the sleep is over: a signal that came before it has ended nothing. */
static void *shoot(void *arg)
{
	struct timespec ts = { 0, 100000000 };

	nanosleep(&ts, NULL);
	while (!over) {
		sent++;
		CHECK(pthread_kill(victim, SIGUSR1) == 0);
		for (int ms = 0; ms < 500 && !over; ms++)
			usleep(1000);
	}
	return NULL;
}

static pthread_t later(void)
{
	sigset_t all, old;
	pthread_t t;

	over = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	CHECK(pthread_create(&t, NULL, shoot, NULL) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return t;
}

static void ended(pthread_t t)
{
	over = 1;
	pthread_join(t, NULL);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static const char *left(const struct timespec *ts, double max)
{
	double s = ts->tv_sec + ts->tv_nsec / 1e9;

	return s <= max && s > max - 30 ? "right" : "wrong";
}

static void interrupted(const char *name, int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
	struct timespec ts = { 100, 5 }, rem = { 7, 7 }, abs;
	struct timespec *hole = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	double at;
	int r, err;

	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	printf("%s\n", name);
	runs = sent = 0;
	t = later();
	r = nanosleep(&ts, &rem);
	printf("nanosleep %d %s, left %s\n", r, strerror(errno), left(&rem, 100));
	ended(t);
	t = later();
	r = nanosleep(&ts, NULL);
	printf("nanosleep, no rem %d %s\n", r, strerror(errno));
	ended(t);
	t = later();
	r = nanosleep(&ts, hole);
	printf("nanosleep, rem not writable %d %s\n", r, strerror(errno));
	ended(t);
	t = later();
	errno = 77;
	r = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &rem);
	printf("clock_nanosleep %s, left %s, errno %d\n", strerror(r), left(&rem, 100), errno);
	ended(t);
	t = later();
	r = clock_nanosleep(CLOCK_BOOTTIME, 0, &ts, &rem);
	printf("boottime %s, left %s\n", strerror(r), left(&rem, 100));
	ended(t);
	clock_gettime(CLOCK_REALTIME, &abs);
	abs.tv_sec += 100;
	rem.tv_sec = rem.tv_nsec = 7;
	t = later();
	r = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &abs, &rem);
	printf("absolute %s, rem %ld %ld\n", strerror(r), (long)rem.tv_sec, rem.tv_nsec);
	ended(t);
	t = later();
	errno = 77;
	at = now();
	r = (int)sleep(100);
	err = errno;
	/* Whole seconds, as it took any time at all: 99 where that was less than one. */
	printf("sleep %s %s\n", r <= 99 && r >= 99 - (int)(now() - at) ? "right" : "wrong",
	       strerror(err));
	ended(t);
	t = later();
	r = usleep(90000000);
	printf("usleep %d %s\n", r, strerror(errno));
	ended(t);
	t = later();
	r = thrd_sleep(&ts, &rem);
	printf("thrd_sleep %d, left %s\n", r, left(&rem, 100));
	ended(t);
	printf("handlers %s\n", runs >= 9 && runs <= sent ? "right" : "wrong");
	munmap(hole, 4096);
}

static void *cancelled(void *arg)
{
	struct timespec ts = { 100, 0 };

	switch ((long)arg) {
	case 0:
		sleep(100);
		break;
	case 1:
		nanosleep(&ts, NULL);
		break;
	default:
		clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL);
		break;
	}
	return (void *)1;
}

static void *all(void *arg)
{
	victim = pthread_self();
	interrupted("plain", 0);
	interrupted("SA_RESTART", SA_RESTART);
	for (long i = 0; i < 3; i++) {
		pthread_t t;
		void *res;

		CHECK(pthread_create(&t, NULL, cancelled, (void *)i) == 0);
		if (i)
			usleep(20000);
		CHECK(pthread_cancel(t) == 0);
		CHECK(pthread_join(t, &res) == 0);
		printf("cancelled: %s\n", res == PTHREAD_CANCELED ? "yes" : "no");
	}
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
