/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the benchmark programs share: clocks, the line a figure is printed
 * as, giving up. Ordinary C; nothing here knows the library.
 *
 * A program prints lines "NAME VALUE"; the driver (bench.py) knows the units.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline double clock_ns(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static inline double now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* User and system time of this process, all its kernel threads. By rusage: a clock of
   the process may be a hooked one. */
static inline double cpu_ns(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e9 +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1e3;
}

static inline void figure(const char *name, double value)
{
	printf("%s %.6g\n", name, value);
	fflush(stdout);
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
	int error = errno;
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
	exit(1);
}

static inline int allowed_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* A number from the command line. */
static inline long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 0) {
		errno = 0;
		die("not a number: %s", text);
	}
	return value;
}

/* A thread with a stack of 64 KiB, as programs with many of them ask for. */
static inline int small_thread(pthread_t *thread, void *(*body)(void *), void *arg)
{
	static pthread_attr_t attr;
	static int ready;

	if (!ready) { /* the callers make threads from one thread only */
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 65536);
		ready = 1;
	}
	return pthread_create(thread, &attr, body, arg);
}

static inline void start(pthread_t *thread, void *(*body)(void *), void *arg)
{
	int error = small_thread(thread, body, arg);

	if (error) {
		errno = error;
		die("cannot make a thread");
	}
}

#endif
