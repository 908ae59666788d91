/* SPDX-License-Identifier: MIT */
/*
 * wired_clock.c - each thread's processor time: what it computes counts, what it
 * sleeps does not, whatever it sleeps in; nor what the kernel gives to other processes
 * meanwhile; others can ask; it never goes back.
 *
 * What must be small is compared with what it would be if it were counted wrongly, and has
 * to be small at some time, not every time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
}

/* Once in a while: other processes may come between the clocks that cond reads. */
#define SOMETIME(cond)                                         \
	({                                                     \
		int ok_ = 0;                                   \
		for (int try_ = 0; try_ < 200 && !ok_; try_++) \
			ok_ = (cond);                          \
		ok_;                                           \
	})

static double clock_now(clockid_t id)
{
	struct timespec ts = { -1, 0 };

	if (clock_gettime(id, &ts) != 0)
		return -1;
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double used(void)
{
	return clock_now(CLOCK_THREAD_CPUTIME_ID);
}

static double usage(void)
{
	struct rusage ru;

	if (getrusage(RUSAGE_THREAD, &ru) != 0)
		return -1;
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

/* Computes for so many seconds of processor time. */
static void compute(double seconds)
{
	double until = used() + seconds;

	while (used() < until)
		for (volatile int i = 0; i < 1000; i++)
			;
}

/* Sleeps that long; is less than half of that time counted? */
static int sleeps_for_free(long us)
{
	double first = used(), wall = clock_now(CLOCK_MONOTONIC);

	usleep((unsigned)us);
	return used() - first < (clock_now(CLOCK_MONOTONIC) - wall) / 2;
}

/* In a call that nobody sees but the kernel. */
static int sleeps_unseen(void)
{
	struct timespec ts = { 0, 50000000 };
	double first = used(), wall = clock_now(CLOCK_MONOTONIC);
	long ret = SYS_nanosleep;

#ifdef __x86_64__
	__asm__ volatile("syscall" : "+a"(ret) : "D"(&ts), "S"(0L) : "rcx", "r11", "memory");
#else
	ret = syscall(ret, &ts, NULL);
#endif
	return ret == 0 && used() - first < (clock_now(CLOCK_MONOTONIC) - wall) / 2;
}

static double process(void)
{
	return clock_now(CLOCK_PROCESS_CPUTIME_ID);
}

/* A tenth of a second of the process's, of which other processes take their share of the
   CPUs: it is all ours, and no more. */
static int beside_others(void)
{
	double mine, all;
	pid_t pid[8];

	for (int i = 0; i < 8; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			for (;;)
				;
	}
	mine = used();
	all = process();
	while (process() < all + 0.1)
		for (volatile int i = 0; i < 1000; i++)
			;
	all = process() - all;
	mine = used() - mine;
	for (int i = 0; i < 8; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	return mine > all * 0.8 && mine < all * 1.2;
}

static void *begins(void *fresh)
{
	double now = used();

	*(int *)fresh = now >= 0 && now < 0.05;
	return NULL;
}

/* After a tenth of a second of main's. */
static int begins_with_nothing(void)
{
	int fresh = 0;
	pthread_t t;

	pthread_create(&t, NULL, begins, &fresh);
	pthread_join(t, NULL);
	return fresh;
}

static void *computes(void *arg)
{
	compute(0.05);
	return NULL;
}

/* Another thread's 50 ms, waited for. */
static int costs_another(void)
{
	double start = used();
	pthread_t t;

	pthread_create(&t, NULL, computes, NULL);
	pthread_join(t, NULL);
	return used() - start < 0.025;
}

static void *worker(void *arg)
{
	double first, wall = clock_now(CLOCK_MONOTONIC), last = 0;
	struct timespec res = { -1, -1 };
	int back = 0;
	cpu_set_t set;
	clockid_t id;

	compute(0.1);
	say("computing takes time", clock_now(CLOCK_MONOTONIC) - wall >= 0.08);
	say("as much by getrusage", SOMETIME((first = used(), usage() > first - 0.03) &&
					     usage() <= used() + 0.03));
	say("sleeping does not", SOMETIME(sleeps_for_free(20000)));
	say("nor does it in a call of one's own", SOMETIME(sleeps_unseen()));
	say("nor do other processes", SOMETIME(beside_others()));
	for (int i = 0; i < 200; i++) {
		double now = used();

		back += now < last;
		last = now;
		if (i % 10 == 0)
			sched_yield();
		if (i == 100) {
			sched_getaffinity(0, sizeof(set), &set);
			for (int cpu = CPU_SETSIZE - 1, n = CPU_COUNT(&set); cpu >= 0 && n > 1; cpu--)
				if (CPU_ISSET(cpu, &set))
					CPU_CLR(cpu, &set), n--;
			sched_setaffinity(0, sizeof(set), &set);
		}
	}
	say("never goes back", back == 0);
	say("own clock", pthread_getcpuclockid(pthread_self(), &id) == 0 &&
				 clock_now(id) >= last && clock_now(id) <= used());
	say("by syscall", ({
		struct timespec ts = { 0, 0 };
		long ret = syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &ts);

		ret == 0 && (double)ts.tv_sec + (double)ts.tv_nsec / 1e9 >= last &&
			(double)ts.tv_sec + (double)ts.tv_nsec / 1e9 <= used();
	}));
	say("resolution", clock_getres(id, &res) == 0 && res.tv_sec == 0 && res.tv_nsec > 0);
	say("by getrusage", usage() >= last - 0.03);
	return NULL;
}

static clockid_t busy_clock;
static volatile int busy_started, busy_stop;

static void *busy(void *arg)
{
	pthread_getcpuclockid(pthread_self(), &busy_clock);
	busy_started = 1;
	while (!busy_stop)
		for (volatile int i = 0; i < 1000; i++)
			;
	while (busy_stop == 1)
		usleep(1000);
	return NULL;
}

/* Does the clock of a thread that sleeps stand still for as long as we do? */
static int stands_still(clockid_t id)
{
	double before = clock_now(id), wall = clock_now(CLOCK_MONOTONIC);

	usleep(20000);
	return clock_now(id) - before < (clock_now(CLOCK_MONOTONIC) - wall) / 2;
}

int main(void)
{
	double start, theirs;
	struct timespec ts;
	pthread_t t, u;
	clockid_t id;
	int err;

	compute(0.1);
	start = used();
	say("main's time", start >= 0.1);
	pthread_create(&t, NULL, begins, &err);
	pthread_join(t, NULL);
	say("goes on", used() >= start);
	say("another's begins with nothing", SOMETIME(begins_with_nothing()));
	pthread_create(&t, NULL, worker, NULL);
	pthread_join(t, NULL);
	say("is not the other's", SOMETIME(costs_another()));
	say("by its number", clock_now((clockid_t)((unsigned)~getpid() << 3 | 6)) >= start);
	pthread_getcpuclockid(pthread_self(), &id);
	say("by its clock", clock_now(id) >= start && clock_now(id) <= used());

	pthread_create(&u, NULL, busy, NULL);
	while (!busy_started)
		usleep(1000);
	err = pthread_getcpuclockid(u, &id);
	say("another's clock", err == 0 && id == busy_clock);
	theirs = clock_now(id);
	while (clock_now(id) < theirs + 0.05)
		usleep(1000);
	say("runs while it computes", theirs >= 0);
	say("mine does not", SOMETIME(sleeps_for_free(20000)));
	busy_stop = 1;
	say("stands still while it sleeps", SOMETIME(stands_still(id)));
	busy_stop = 2;
	pthread_join(u, NULL);
	/* The kernel takes it off its list a little later. */
	while (clock_gettime(id, &ts) == 0)
		usleep(1000);
	say("gone", errno == EINVAL);
	say("wrong clock", clock_gettime(77, &ts) == -1 && errno == EINVAL);
	say("bad clock", clock_gettime(-1, &ts) == -1 && errno == EINVAL);
	say("realtime", clock_now(CLOCK_REALTIME) > 1e9);
	say("process", clock_now(CLOCK_PROCESS_CPUTIME_ID) > 0.1);
	say("wrong usage", getrusage((__rusage_who_t)77, NULL) == -1 && errno == EINVAL);
	return 0;
}
