/* SPDX-License-Identifier: MIT */
/*
 * work.c - threads that have nothing to do with each other.
 *
 *	work compute|malloc|handover THREADS TURNS
 *
 * compute: arithmetic. malloc: a set of blocks of many sizes, replaced at random.
 * handover: two threads each that hand a turn to and fro by mutex and condition variable
 * (THREADS pairs). Prints the CPU and the wall time of the whole and turns per second.
 */
#define _GNU_SOURCE
#include "bench.h"

enum { BLOCKS = 1024 };

static long turns;
static void *volatile sink;

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static void *compute(void *arg)
{
	uint64_t state = (uint64_t)(intptr_t)arg + 88172645463325252ull, sum = 0;

	for (long i = 0; i < turns * 100; i++)
		sum += next(&state);
	sink = (void *)(uintptr_t)sum;
	return NULL;
}

static void *allocate(void *arg)
{
	uint64_t state = (uint64_t)(intptr_t)arg + 88172645463325252ull;
	char *blocks[BLOCKS] = { NULL };

	for (long i = 0; i < turns; i++) {
		uint64_t random = next(&state);
		size_t size = 16 + (random >> 32) % ((random & 15) ? 256 : 8192);

		free(blocks[random % BLOCKS]);
		blocks[random % BLOCKS] = malloc(size);
		blocks[random % BLOCKS][size - 1] = 1;
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return NULL;
}

struct pair {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int turn;
};

static void play(struct pair *p, int me)
{
	pthread_mutex_lock(&p->lock);
	for (long i = 0; i < turns; i++) {
		while (p->turn != me)
			pthread_cond_wait(&p->cond, &p->lock);
		p->turn = !me;
		pthread_cond_signal(&p->cond);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *second(void *arg)
{
	play(arg, 1);
	return NULL;
}

static void *handover(void *arg)
{
	struct pair p = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };
	pthread_t thread;

	if (small_thread(&thread, second, &p) != 0)
		die("work: thread");
	play(&p, 0);
	pthread_join(thread, NULL);
	return arg;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "compute";
	long count = argc > 2 ? number(argv[2]) : 4;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	double begin = now_ns();

	turns = argc > 3 ? number(argv[3]) : 100000;
	for (long i = 0; i < count; i++)
		start(&threads[i],
		      strcmp(kind, "malloc") == 0     ? allocate
		      : strcmp(kind, "handover") == 0 ? handover
						      : compute,
		      (void *)(intptr_t)i);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	figure("wall_ms", (now_ns() - begin) / 1e6);
	figure("cpu_ms", cpu_ns() / 1e6);
	figure("operations", (double)turns * (double)count);
	figure("rate", (double)turns * (double)count / (now_ns() - begin) * 1e9);
	return 0;
}
