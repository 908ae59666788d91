/* SPDX-License-Identifier: MIT */
/*
 * malloc_stress.c - threads allocate, fill, hand over and free each other's
 * blocks: malloc's per-thread caches and arenas must stay with their threads.
 *
 *	malloc_stress [THREADS [ROUNDS]]
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256, OWN = 16 };

struct block {
	size_t size;
	unsigned owner, fill;
	unsigned char data[];
};

static unsigned n_threads = 40, n_rounds = 3000;
static pthread_mutex_t slot_lock[SLOTS];
static struct block *slots[SLOTS];
static unsigned long wrong, allocated, freed;

static unsigned next(unsigned *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

static struct block *make(unsigned owner, unsigned *seed)
{
	/* Mostly small ones (the thread's cache), some middling (arenas), few huge (mmap). */
	unsigned r = next(seed) >> 8;
	size_t size = r % 100 < 80 ? r % 900 : r % 100 < 99 ? r % 40000 : 200000;
	struct block *b;

	switch (r % 3) {
	case 0:
		b = malloc(sizeof(*b) + size);
		break;
	case 1:
		b = calloc(1, sizeof(*b) + size);
		for (size_t i = 0; b && i < size; i += 97)
			if (b->data[i])
				__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		break;
	default:
		b = malloc(8);
		b = realloc(b, sizeof(*b) + size);
		break;
	}
	if (!b) {
		printf("no memory\n");
		exit(1);
	}
	b->size = size;
	b->owner = owner;
	b->fill = r & 0xff;
	memset(b->data, (int)b->fill, size);
	__atomic_add_fetch(&allocated, 1, __ATOMIC_RELAXED);
	return b;
}

static void check_and_free(struct block *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->size; i++)
		if (b->data[i] != b->fill) {
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
			break;
		}
	if (b->owner >= n_threads)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	free(b);
	__atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
}

static void *body(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, seed = id * 77 + 1;
	struct block *own[OWN] = { NULL };

	for (unsigned round = 0; round < n_rounds; round++) {
		struct block *b = make(id, &seed);
		unsigned s = (next(&seed) >> 8) % SLOTS;

		pthread_mutex_lock(&slot_lock[s]);
		struct block *other = slots[s];

		slots[s] = b;
		pthread_mutex_unlock(&slot_lock[s]);
		/* What came out was made by somebody else: keep some, free some. */
		if (round % 2) {
			check_and_free(own[round / 2 % OWN]);
			own[round / 2 % OWN] = other;
		} else {
			check_and_free(other);
		}
		if (round % 16 == 0)
			sched_yield();
	}
	for (unsigned i = 0; i < OWN; i++)
		check_and_free(own[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_threads = (unsigned)atoi(argv[1]);
	if (argc > 2)
		n_rounds = (unsigned)atoi(argv[2]);
	for (unsigned i = 0; i < SLOTS; i++)
		pthread_mutex_init(&slot_lock[i], NULL);

	/* Three generations: the second and third inherit whatever threads leave behind. */
	for (unsigned generation = 0; generation < 3; generation++) {
		pthread_t threads[n_threads];

		for (unsigned i = 0; i < n_threads; i++)
			if (pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i) != 0) {
				printf("cannot make thread %u\n", i);
				return 1;
			}
		for (unsigned i = 0; i < n_threads; i++)
			pthread_join(threads[i], NULL);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		check_and_free(slots[i]);
	malloc_trim(0);
	printf("blocks %lu, freed %s, wrong %lu\n", allocated, freed == allocated ? "all" : "not all",
	       wrong);
	return 0;
}
