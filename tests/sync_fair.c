/* SPDX-License-Identifier: MIT */
/*
 * sync_fair.c - nobody starves: a thread that takes a lock again as soon as it has
 * let go of it, and never does anything else, does not keep others out.
 *
 *	sync_fair		everybody has a turn
 *	sync_fair bounds	how often others may take it while one waits
 *
 * The bounds are the library's own: a mutex or write lock is handed over after some
 * milliseconds or four wake-ups in vain, and semaphores and conditions serve those who
 * wait in the order of their coming. Some milliseconds are a thousand times the few
 * microseconds that the lock is held here; ten times that is allowed. A thread that the
 * kernel does not run between its look at the counter and its first attempt has not
 * waited, so a bound is passed only if it is passed three times running. (Without the
 * hand-over a lone greedy thread on another processor gets beyond it every time.)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int stop;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t sem;

static int length = 300;

static void work(void)
{
	for (volatile int i = 0; i < length; i++)
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

/* Two that wake each other and are never both asleep, beside one that sleeps and one that
   yields: runnable at once whenever the other parks, they come before nobody for ever. */
static sem_t ping, pong;

static void *pings(void *arg)
{
	while (!stop) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	sem_post(&ping);
	return arg;
}

static void *pongs(void *arg)
{
	while (!stop) {
		sem_wait(&ping);
		sem_post(&pong);
	}
	sem_post(&pong);
	return arg;
}

static void *yields(void *arg)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	return arg;
}

static void beside_a_pair(void)
{
	pthread_t p[4];

	stop = 0;
	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
	pthread_create(&p[0], NULL, pings, NULL);
	pthread_create(&p[1], NULL, pongs, NULL);
	pthread_create(&p[2], NULL, yields, NULL);
	pthread_create(&p[3], NULL, yields, NULL);
	usleep(1000);
	pthread_join(p[2], NULL);
	pthread_join(p[3], NULL);
	stop = 1;
	pthread_join(p[0], NULL);
	pthread_join(p[1], NULL);
	printf("beside two that wake each other: everybody had a turn\n");
}

/* One that waits, and how often the others took the lock meanwhile. */
static atomic_ulong taken;
static unsigned long worst;

static void *greedy_counts(void *fn)
{
	while (!stop) {
		((void (*)(void))fn)();
		taken++;
	}
	return NULL;
}

static void *modest_counts(void *fn)
{
	for (int i = 0; i < 20; i++) {
		unsigned long before = taken, others;

		((void (*)(void))fn)();
		others = taken - before;
		if (others > worst)
			worst = others;
		usleep(100);
	}
	return NULL;
}

/* Returns false when the bound was passed. */
static bool keeps(const char *name, void (*fn)(void), int greedies)
{
	enum { LIMIT = 10000 };
	pthread_t g[4], m;

	stop = 0;
	taken = worst = 0;
	for (int i = 0; i < greedies; i++)
		pthread_create(&g[i], NULL, greedy_counts, (void *)fn);
	pthread_create(&m, NULL, modest_counts, (void *)fn);
	pthread_join(m, NULL);
	stop = 1;
	for (int i = 0; i < greedies; i++)
		pthread_join(g[i], NULL);
	printf("%s: at most %lu, allowed %d\n", name, worst, LIMIT);
	return worst <= LIMIT;
}

static bool bound(const char *name, void (*fn)(void), int greedies)
{
	return keeps(name, fn, greedies) || keeps(name, fn, greedies) || keeps(name, fn, greedies);
}

/* Who waits on a condition or a semaphore is woken in the order of coming. */
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int waiting, order[16], woken;

static void *waits(void *arg)
{
	bool on_cond = (long)arg >= 100;

	pthread_mutex_lock(&mutex);
	waiting++;
	if (on_cond) {
		pthread_cond_wait(&cond, &mutex);
	} else {
		pthread_mutex_unlock(&mutex);
		sem_wait(&sem);
		pthread_mutex_lock(&mutex);
	}
	order[woken++] = (int)(long)arg % 100;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

/* How many wait for the semaphore: glibc counts them in the upper half, so the library does. */
static unsigned sem_waiters(void)
{
	return (unsigned)(__atomic_load_n((unsigned long *)&sem, __ATOMIC_RELAXED) >> 32);
}

static bool in_order(const char *name, bool on_cond)
{
	pthread_t t[16];
	int late = 0;

	waiting = woken = 0;
	for (long i = 0; i < 16; i++) {
		int now;

		pthread_create(&t[i], NULL, waits, (void *)(on_cond ? i + 100 : i));
		do {
			usleep(2000);
			pthread_mutex_lock(&mutex);
			now = waiting;
			pthread_mutex_unlock(&mutex);
		} while (now <= i || (!on_cond && sem_waiters() <= i));
	}
	for (int i = 0, now; i < 16; i++) {
		if (on_cond)
			pthread_cond_signal(&cond);
		else
			sem_post(&sem);
		do {
			usleep(100);
			pthread_mutex_lock(&mutex);
			now = woken;
			pthread_mutex_unlock(&mutex);
		} while (now <= i);
	}
	for (int i = 0; i < 16; i++) {
		pthread_join(t[i], NULL);
		late += order[i] != i;
	}
	printf("%s: %d out of order\n", name, late);
	/* "Within reason": a thread may be late on its way to the semaphore. */
	return late <= 4;
}

static int bounds(void)
{
	bool kept = true;

	length = 3000;
	kept &= bound("mutex, one greedy", mutex_once, 1);
	kept &= bound("mutex, four greedy", mutex_once, 4);
	kept &= bound("write lock, one greedy", write_once, 1);
	kept &= bound("write lock, four greedy", write_once, 4);
	kept &= bound("semaphore, two greedy", sem_once, 2);
	sem_wait(&sem);
	kept &= in_order("condition", true);
	kept &= in_order("semaphore", false);
	return kept ? 0 : 1;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&sem, 0, 1);
	if (argc > 1)
		return bounds();
	contest("mutex", mutex_once);
	contest("write lock", write_once);
	contest("semaphore", sem_once);
	beside_a_pair();
	return 0;
}
