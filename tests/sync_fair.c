/* SPDX-License-Identifier: MIT */
/*
 * sync_fair.c - nobody starves: a thread that takes a lock again as soon as it has
 * let go of it, and never does anything else, does not keep others out.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int stop;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t sem;

static void work(void)
{
	for (volatile int i = 0; i < 300; i++)
		;
}

static void mutex_once(void)
{
	pthread_mutex_lock(&mutex);
	work();
	pthread_mutex_unlock(&mutex);
}

static void write_once(void)
{
	pthread_rwlock_wrlock(&rwlock);
	work();
	pthread_rwlock_unlock(&rwlock);
}

static void sem_once(void)
{
	sem_wait(&sem);
	work();
	sem_post(&sem);
}

static void *greedy(void *fn)
{
	while (!stop)
		((void (*)(void))fn)();
	return NULL;
}

/* Holds the lock for a while, as seen by those who wait. */
static void *modest(void *fn)
{
	for (int i = 0; i < 5; i++) {
		((void (*)(void))fn)();
		usleep(1000);
	}
	return NULL;
}

static void contest(const char *name, void (*fn)(void))
{
	pthread_t g[2], m[4];

	stop = 0;
	for (int i = 0; i < 2; i++)
		pthread_create(&g[i], NULL, greedy, (void *)fn);
	for (int i = 0; i < 4; i++)
		pthread_create(&m[i], NULL, modest, (void *)fn);
	for (int i = 0; i < 4; i++)
		pthread_join(m[i], NULL);
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(g[i], NULL);
	printf("%s: everybody had a turn\n", name);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&sem, 0, 1);
	contest("mutex", mutex_once);
	contest("write lock", write_once);
	contest("semaphore", sem_once);
	return 0;
}
