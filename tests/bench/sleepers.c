/* SPDX-License-Identifier: MIT */
/*
 * sleepers.c - threads that sleep until the next multiple of a period, again and again.
 *
 *	sleepers THREADS PERIOD_MS MILLISECONDS
 *
 * Prints the timers per second, how late they were (median, p99) and the CPUs used.
 */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "bench.h"

enum { STEP_US = 50, BUCKETS = 20000 };

static atomic_uint late[BUCKETS]; /* by 50 µs; the last one is a second and more */
static atomic_int measuring, stop;
static long threads, period;
static double origin;

static void *sleeper(void *arg)
{
	double due = origin + (double)period * 1e6 * (double)(intptr_t)arg / (double)threads;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		struct timespec until;
		double over;

		due += (double)period * 1e6;
		until.tv_sec = (time_t)(due / 1e9);
		until.tv_nsec = (long)(due - (double)until.tv_sec * 1e9);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		over = (now_ns() - due) / 1e3 / STEP_US;
		if (atomic_load_explicit(&measuring, memory_order_relaxed))
			atomic_fetch_add_explicit(&late[over < BUCKETS - 1 ? (int)over : BUCKETS - 1],
						  1, memory_order_relaxed);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double milliseconds, wall, cpu, all = 0, seen = 0, p50 = -1, p99 = -1;
	pthread_t thread;

	threads = argc > 1 ? number(argv[1]) : 10000;
	period = argc > 2 ? number(argv[2]) : 200;
	milliseconds = argc > 3 ? (double)number(argv[3]) : 1000;
	origin = now_ns();
	for (long i = 0; i < threads; i++)
		start(&thread, sleeper, (void *)(intptr_t)i);
	usleep((useconds_t)period * 1500); /* all are in step */
	atomic_store(&measuring, 1);
	wall = now_ns();
	cpu = cpu_ns();
	usleep((useconds_t)(milliseconds * 1e3));
	atomic_store(&measuring, 0);
	cpu = cpu_ns() - cpu;
	wall = now_ns() - wall;
	for (int i = 0; i < BUCKETS; i++)
		all += late[i];
	for (int i = 0; i < BUCKETS; i++) {
		seen += late[i];
		if (p50 < 0 && seen >= all * 0.5)
			p50 = (i + 1) * STEP_US;
		if (p99 < 0 && seen >= all * 0.99)
			p99 = (i + 1) * STEP_US;
	}
	figure("rate", all / wall * 1e9);
	figure("operations", all / wall * (now_ns() - origin)); /* as if it was so all the time */
	figure("cpu_us", all ? cpu / 1e3 / all : 0);
	figure("late50_us", p50);
	figure("late99_us", p99);
	_exit(0);
}
