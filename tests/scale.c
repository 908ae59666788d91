/* SPDX-License-Identifier: MIT */
/*
 * scale.c - N threads, all blocked on one condition variable, then all woken,
 * then all joined; and once more, on recycled stacks. Standard output is the
 * same for any N that fits; the costs go to standard error, as "name value"
 * lines.
 *
 *	scale [N]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;
static unsigned long waiting, n_threads = 1000;
static unsigned opened;
static __thread uintptr_t mine;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long status_kb(const char *field)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			kb = atol(line + strlen(field));
	if (f)
		fclose(f);
	return kb;
}

static void *body(void *arg)
{
	unsigned round = 0;

	mine = (uintptr_t)arg;
	pthread_mutex_lock(&lock);
	round = opened;
	if (++waiting == n_threads)
		pthread_cond_signal(&arrived);
	while (opened == round)
		pthread_cond_wait(&gate, &lock);
	pthread_mutex_unlock(&lock);
	return (void *)(mine + 1);
}

static int round_trip(pthread_t *threads, int number)
{
	double begin = now();

	waiting = 0;
	for (unsigned long i = 0; i < n_threads; i++) {
		int err = pthread_create(&threads[i], NULL, body, (void *)i);

		if (err) {
			printf("thread %lu: %s\n", i, strerror(err));
			return 1;
		}
	}
	pthread_mutex_lock(&lock);
	while (waiting < n_threads)
		pthread_cond_wait(&arrived, &lock);
	pthread_mutex_unlock(&lock);
	double all = now();

	fprintf(stderr, "round %d create_seconds %.3f\n", number, all - begin);
	fprintf(stderr, "round %d resident_mb %ld\n", number, status_kb("VmRSS:") / 1024);
	fprintf(stderr, "round %d page_tables_mb %ld\n", number, status_kb("VmPTE:") / 1024);
	fprintf(stderr, "round %d kernel_threads %ld\n", number, status_kb("Threads:"));

	pthread_mutex_lock(&lock);
	opened++;
	pthread_cond_broadcast(&gate);
	pthread_mutex_unlock(&lock);

	unsigned long right = 0;

	for (unsigned long i = 0; i < n_threads; i++) {
		void *result = NULL;

		if (pthread_join(threads[i], &result) == 0 && (uintptr_t)result == i + 1)
			right++;
	}
	fprintf(stderr, "round %d wake_and_join_seconds %.3f\n", number, now() - all);
	printf("round %d: joined %s\n", number, right == n_threads ? "all" : "not all");
	return right != n_threads;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_threads = strtoul(argv[1], NULL, 10);

	pthread_t *threads = malloc(n_threads * sizeof(*threads));
	int result = 0;

	if (!threads)
		return 1;
	for (int round = 1; round <= 2 && !result; round++)
		result = round_trip(threads, round);
	free(threads);
	fprintf(stderr, "peak_resident_mb %ld\n", status_kb("VmHWM:") / 1024);
	return result;
}
