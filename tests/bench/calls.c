/* SPDX-License-Identifier: MIT */
/*
 * calls.c - what a call costs that nobody else contends for, in a program that has a
 * second thread (which only waits).
 *
 *	calls MILLISECONDS
 */
#define _GNU_SOURCE
#include <semaphore.h>

#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t sem, never;
static __thread volatile long local;
static void *volatile kept;

static void nothing(void)
{
}

static void *waiter(void *arg)
{
	sem_wait(&never);
	return arg;
}

#define CALLS(name, ...)                                                       \
	static void name(long turns)                                           \
	{                                                                      \
		for (long i = 0; i < turns; i++) {                             \
			__VA_ARGS__                                            \
		}                                                              \
	}

CALLS(do_lock, pthread_mutex_lock(&lock); pthread_mutex_unlock(&lock);)
CALLS(do_rdlock, pthread_rwlock_rdlock(&rwlock); pthread_rwlock_unlock(&rwlock);)
CALLS(do_sem, sem_post(&sem); sem_wait(&sem);)
CALLS(do_spin, pthread_spin_lock(&spin); pthread_spin_unlock(&spin);)
CALLS(do_once, pthread_once(&once, nothing);)
CALLS(do_getspecific, kept = pthread_getspecific(key);)
CALLS(do_errno, errno = (int)i; __asm__ volatile("" ::: "memory");)
CALLS(do_tls, local = local + i;)
CALLS(do_malloc, kept = malloc(64); free(kept);)

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(long);
	} calls[] = {
		{ "lock", do_lock },	 { "rdlock", do_rdlock }, { "sem", do_sem },
		{ "spin", do_spin },	 { "once", do_once },	  { "getspecific", do_getspecific },
		{ "errno", do_errno },	 { "tls", do_tls },	  { "malloc", do_malloc },
	};
	double milliseconds = argc > 1 ? (double)number(argv[1]) : 30;
	pthread_t thread;

	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	pthread_key_create(&key, NULL);
	sem_init(&sem, 0, 0);
	sem_init(&never, 0, 0);
	start(&thread, waiter, NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		per_turn(calls[i].name, calls[i].work, milliseconds);
	return 0;
}
