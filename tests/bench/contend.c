/* SPDX-License-Identifier: MIT */
/*
 * contend.c - many threads that want the same lock all the time.
 *
 *	contend none|mutex|rwlock|queue THREADS MILLISECONDS
 *
 * none: the same work without a lock, which bounds the others. rwlock: nine reads to a write.
 * queue: half of them put into a bounded queue, half take out. Prints operations per second, the median and the longest wait for the lock (or the
 * queue), and what share of the mean the thread with the fewest operations had.
 */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "bench.h"

enum { ROOM = 64, BUCKETS = 512 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static int queued;
static volatile long protected;
static atomic_int stop;
static pthread_barrier_t begin;

static struct worker {
	pthread_t thread;
	long me, operations;
	double longest;
	unsigned waits[BUCKETS]; /* by eighths of powers of two */
} *workers;

static void work(int n)
{
	for (volatile int i = 0; i < n; i = i + 1)
		;
}

static void waited(struct worker *w, double ns)
{
	uint64_t v = ns < 8 ? 8 : (uint64_t)ns;
	int top = 63 - __builtin_clzll(v);

	w->waits[top * 8 + (int)((v >> (top - 3)) & 7)]++;
	if (ns > w->longest)
		w->longest = ns;
	w->operations++;
}

static void *mutex_user(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&begin);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		double since = now_ns();

		pthread_mutex_lock(&lock);
		waited(w, now_ns() - since);
		protected = protected + 1;
		work(20);
		pthread_mutex_unlock(&lock);
		work(50);
	}
	return NULL;
}

static void *free_user(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&begin);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		double since = now_ns();

		waited(w, now_ns() - since);
		work(20);
		work(50);
	}
	return NULL;
}

static void *rwlock_user(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&begin);
	for (long i = w->me; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
		double since = now_ns();

		if (i % 10)
			pthread_rwlock_rdlock(&rwlock);
		else
			pthread_rwlock_wrlock(&rwlock);
		waited(w, now_ns() - since);
		work(20);
		pthread_rwlock_unlock(&rwlock);
		work(50);
	}
	return NULL;
}

static void *queue_user(void *arg)
{
	struct worker *w = arg;
	int producer = w->me % 2 == 0;
	pthread_cond_t *wanted = producer ? &not_full : &not_empty;

	pthread_barrier_wait(&begin);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		double since = now_ns();

		pthread_mutex_lock(&lock);
		while ((producer ? queued == ROOM : queued == 0) &&
		       !atomic_load_explicit(&stop, memory_order_relaxed))
			pthread_cond_wait(wanted, &lock);
		waited(w, now_ns() - since);
		queued += producer ? queued < ROOM : -(queued > 0);
		pthread_cond_signal(producer ? &not_empty : &not_full);
		pthread_mutex_unlock(&lock);
		work(50);
	}
	return NULL;
}

static double median(long threads)
{
	unsigned long all = 0, seen = 0;

	for (long i = 0; i < threads; i++)
		for (int k = 0; k < BUCKETS; k++)
			all += workers[i].waits[k];
	for (int k = 0; k < BUCKETS; k++) {
		for (long i = 0; i < threads; i++)
			seen += workers[i].waits[k];
		if (seen && seen * 2 >= all)
			return (double)((uint64_t)(8 + k % 8) << (k / 8)) / 8;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "mutex";
	long threads = argc > 2 ? number(argv[2]) : 64, total = 0, fewest = -1;
	void *(*body)(void *) = strcmp(kind, "rwlock") == 0  ? rwlock_user
				: strcmp(kind, "queue") == 0 ? queue_user
				: strcmp(kind, "none") == 0  ? free_user
							     : mutex_user;
	double since, longest = 0, wall;
	double cpu;

	workers = calloc((size_t)threads, sizeof(*workers));
	pthread_barrier_init(&begin, NULL, (unsigned)threads + 1);
	for (long i = 0; i < threads; i++) {
		workers[i].me = i;
		start(&workers[i].thread, body, &workers[i]);
	}
	pthread_barrier_wait(&begin);
	since = now_ns();
	cpu = cpu_ns();
	usleep((useconds_t)(argc > 3 ? number(argv[3]) : 300) * 1000);
	atomic_store(&stop, 1);
	wall = now_ns() - since;
	cpu = cpu_ns() - cpu;
	for (long i = 0; i < threads; i++)
		total += workers[i].operations;
	pthread_mutex_lock(&lock);
	pthread_cond_broadcast(&not_full);
	pthread_cond_broadcast(&not_empty);
	pthread_mutex_unlock(&lock);
	for (long i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].longest > longest)
			longest = workers[i].longest;
		if (fewest < 0 || workers[i].operations < fewest)
			fewest = workers[i].operations;
	}
	figure("rate", (double)total / wall * 1e9);
	figure("operations", (double)total);
	figure("cpu_ns", cpu / (double)total);
	figure("median_us", median(threads) / 1e3);
	figure("longest_us", longest / 1e3);
	figure("fewest", (double)fewest / ((double)total / (double)threads));
	return 0;
}
