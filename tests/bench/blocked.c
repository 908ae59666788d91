/* SPDX-License-Identifier: MIT */
/*
 * blocked.c - makes very many threads that all block, wakes them all, joins them.
 *
 *	blocked cond|read|sleep THREADS SECONDS
 *
 * With sleep, they sleep until SECONDS after the start. Prints the wall and the CPU time
 * of the whole per thread, and the memory of a blocked one: the process's and, by
 * /proc/meminfo, the kernel's.
 */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "bench.h"

enum { MAX_PIPES = 4000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int awake;
static atomic_long here;
static int pipes[MAX_PIPES][2];
static long n_pipes;
static struct timespec deadline;

static void *cond_waiter(void *arg)
{
	pthread_mutex_lock(&lock);
	atomic_fetch_add(&here, 1);
	while (!awake)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *reader(void *arg)
{
	long me = (long)(intptr_t)arg;
	char c;

	atomic_fetch_add(&here, 1);
	if (read(pipes[me % n_pipes][0], &c, 1) != 1)
		die("blocked: read");
	return arg;
}

static void *sleeper(void *arg)
{
	atomic_fetch_add(&here, 1);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
	return arg;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "cond";
	long count = argc > 2 ? number(argv[2]) : 10000;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	void *(*body)(void *) = strcmp(kind, "read") == 0    ? reader
				: strcmp(kind, "sleep") == 0 ? sleeper
							     : cond_waiter;
	double wall, cpu;
	long memory;

	if (!threads)
		die("blocked: memory");
	n_pipes = body == reader ? (count < MAX_PIPES ? count : MAX_PIPES) : 0;
	for (long i = 0; i < n_pipes; i++)
		if (pipe(pipes[i]) < 0)
			die("blocked: pipe");
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += argc > 3 ? number(argv[3]) : 2;
	memset(threads, 1, (size_t)count * sizeof(*threads)); /* resident before, not counted */
	memory = memory_kb();
	wall = now_ns();
	cpu = cpu_ns();
	for (long i = 0; i < count; i++)
		if (small_thread(&threads[i], body, (void *)(intptr_t)i) != 0)
			die("blocked: thread %ld", i);
	while (atomic_load(&here) < count)
		usleep(1000);
	memory = memory_kb() - memory;
	if (body == cond_waiter) {
		pthread_mutex_lock(&lock);
		awake = 1;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	if (body == reader)
		for (long i = 0; i < count; i++)
			if (write(pipes[i % n_pipes][1], "x", 1) != 1)
				die("blocked: write");
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	figure("wall_us", (now_ns() - wall) / 1e3 / (double)count);
	figure("cpu_us", (cpu_ns() - cpu) / 1e3 / (double)count);
	figure("memory_kb", (double)memory / (double)count);
	figure("operations", (double)count);
	return 0;
}
