/* SPDX-License-Identifier: MIT */
/*
 * malloc_own.c - a program that brings its own allocator, with a lock that a thread may
 * hold when it is interrupted, while kernel threads come and go: starting one allocates.
 *
 *	malloc_own [nice]	nice: every other thread has a priority of its own
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <fcntl.h>

enum { THREADS = 12, ROUNDS = 150, CLASSES = 48, LOCKERS = 4 };

struct header {
	struct header *next;
	size_t order;
};

static pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;
static struct header *heap_free[CLASSES];
static volatile unsigned heap_work;
static char *heap_at, *heap_end;

/* Long enough to be interrupted now and then. */
static void dawdle(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		heap_work++;
}

static void *heap_more(size_t n)
{
	char *at;

	if ((size_t)(heap_end - heap_at) < n) {
		size_t size = n > (1 << 20) ? n : 1 << 20;

		heap_at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (heap_at == MAP_FAILED)
			abort();
		heap_end = heap_at + size;
	}
	at = heap_at;
	heap_at += n;
	return at;
}

/* Not called malloc: the compiler makes calloc of malloc and memset. */
static void *take(size_t n)
{
	struct header *h;
	size_t order = 5;

	while (((size_t)1 << order) < n + sizeof(*h))
		order++;
	pthread_mutex_lock(&heap_lock);
	dawdle(2000);
	h = heap_free[order];
	if (h)
		heap_free[order] = h->next;
	else
		h = heap_more((size_t)1 << order);
	pthread_mutex_unlock(&heap_lock);
	h->order = order;
	return h + 1;
}

void *malloc(size_t n)
{
	return take(n);
}

void free(void *p)
{
	struct header *h = (struct header *)p - 1;

	if (!p)
		return;
	pthread_mutex_lock(&heap_lock);
	dawdle(2000);
	h->next = heap_free[h->order];
	heap_free[h->order] = h;
	pthread_mutex_unlock(&heap_lock);
}

void *calloc(size_t n, size_t size)
{
	void *p = take(n * size);

	return memset(p, 0, n * size);
}

void *realloc(void *old, size_t n)
{
	void *p = take(n);

	if (old) {
		size_t had = ((size_t)1 << ((struct header *)old - 1)->order) - sizeof(struct header);

		memcpy(p, old, had < n ? had : n);
		free(old);
	}
	return p;
}

static char path[] = "/tmp/malloc_own.XXXXXX";
static long sum;
static int nice_ones;

static void *worker(void *arg)
{
	long id = (long)arg, mine = 0;

	if (nice_ones && id % 2)
		setpriority(PRIO_PROCESS, (id_t)gettid(), 1 + (int)id % 3);
	for (int i = 0; i < ROUNDS; i++) {
		long *p[16];

		for (int k = 0; k < 16; k++) {
			p[k] = malloc(8u << (k % 8));
			*p[k] = id + k;
		}
		for (int k = 0; k < 16; k++) {
			mine += *p[k];
			free(p[k]);
		}
	}
	__atomic_add_fetch(&sum, mine, __ATOMIC_RELAXED);
	return NULL;
}

/* Waits where only the kernel can wait, so that others need a kernel thread. */
static void *locker(void *arg)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 40; i++) {
		if (flock(fd, LOCK_EX) != 0)
			abort();
		usleep(500);
		flock(fd, LOCK_UN);
		sched_yield();
	}
	close(fd);
	return arg;
}

static void *body(void *arg)
{
	return (long)arg < LOCKERS ? locker(arg) : worker(arg);
}

int main(int argc, char **argv)
{
	pthread_t t[THREADS];

	nice_ones = argc > 1;
	close(mkstemp(path));
	for (int round = 0; round < 3; round++) {
		for (long i = 0; i < THREADS; i++)
			if (pthread_create(&t[i], NULL, body, (void *)i) != 0)
				return 1;
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
	}
	unlink(path);
	printf("%ld\n", sum);
	return 0;
}
