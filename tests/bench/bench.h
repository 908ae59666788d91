/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the benchmark programs share: clocks, the line a figure is printed
 * as, giving up. Ordinary C; nothing here knows the library.
 *
 * A program prints lines "NAME VALUE"; the driver (bench.py) knows the units. "operations" is
 * how many there were from the start of the program to its end, measured or not.
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

/* The number behind "NAME:" in a file of /proc, in KB; 0 when it is not there. */
static inline long proc_kb(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	size_t length = strlen(name);
	char line[256];
	long value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* All that threads take: what is resident of this process, and what the kernel has for
   threads, page tables and its own objects. The latter is the whole machine's. */
static inline long memory_kb(void)
{
	static const char meminfo[] = "/proc/meminfo";

	return proc_kb("/proc/self/status", "VmRSS") + proc_kb(meminfo, "KernelStack") +
	       proc_kb(meminfo, "PageTables") + proc_kb(meminfo, "Slab");
}

/* All operations of the program so far, with these. */
static inline double operations(long more)
{
	static double all;

	return all += (double)more;
}

/* Calls work(turns) with ever more turns until it takes long enough, and prints the wall
   and the CPU time of one turn as NAME_ns and NAME_cpu_ns. Long enough is CPU time: a
   machine that is busy with something else does not make it shorter. */
static inline void per_turn(const char *name, void (*work)(long), double milliseconds)
{
	char title[96];
	long turns = 64;

	for (;;) {
		double wall = now_ns(), cpu = cpu_ns();

		work(turns);
		wall = now_ns() - wall;
		cpu = cpu_ns() - cpu;
		operations(turns);
		if (cpu < milliseconds * 1e6) {
			turns *= cpu < milliseconds * 1e5 ? 8 : 2;
			continue;
		}
		snprintf(title, sizeof(title), "%.64s_ns", name);
		figure(title, wall / (double)turns);
		snprintf(title, sizeof(title), "%.64s_cpu_ns", name);
		figure(title, cpu / (double)turns);
		figure("operations", operations(0));
		return;
	}
}

#endif
