/* SPDX-License-Identifier: MIT */
/*
 * sync_foreign.c - threads that libc starts by itself (SIGEV_THREAD timers) share
 * mutexes, condition variables, semaphores, barriers and read-write locks with those
 * of the program, waiting and waking either way.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t to_them = PTHREAD_COND_INITIALIZER, to_us = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t bar;
static sem_t up, down;
static int asked, answered;
static long count, writes;

enum { ROUNDS = 300, PILE = 3000, HELPERS = 3 };

static void notified(union sigval v)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&m);
		while (!asked)
			pthread_cond_wait(&to_them, &m);
		asked--;
		answered++;
		pthread_cond_broadcast(&to_us);
		pthread_mutex_unlock(&m);
		sem_wait(&down);
		sem_post(&up);
	}
	for (int i = 0; i < PILE; i++) {
		pthread_mutex_lock(&m);
		count++;
		pthread_mutex_unlock(&m);
		pthread_rwlock_rdlock(&rw);
		pthread_rwlock_unlock(&rw);
		if (i % 16 == 0) {
			pthread_rwlock_wrlock(&rw);
			writes++;
			pthread_rwlock_unlock(&rw);
		}
	}
	pthread_barrier_wait(&bar);
}

static void *ours(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&m);
		asked++;
		pthread_cond_signal(&to_them);
		while (!answered)
			pthread_cond_wait(&to_us, &m);
		answered--;
		pthread_mutex_unlock(&m);
		sem_post(&down);
		sem_wait(&up);
	}
	for (int i = 0; i < PILE; i++) {
		pthread_rwlock_wrlock(&rw);
		writes++;
		pthread_mutex_lock(&m);
		count++;
		pthread_mutex_unlock(&m);
		pthread_rwlock_unlock(&rw);
		if (i % 64 == 0)
			sched_yield();
	}
	pthread_barrier_wait(&bar);
	return NULL;
}

int main(void)
{
	pthread_t t[HELPERS];

	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&up, 0, 0);
	sem_init(&down, 0, 0);
	pthread_barrier_init(&bar, NULL, 2 * HELPERS + 1);
	for (int i = 0; i < HELPERS; i++)
		pthread_create(&t[i], NULL, ours, NULL);
	for (int i = 0; i < HELPERS; i++) {
		struct sigevent ev = { .sigev_notify = SIGEV_THREAD,
				       .sigev_notify_function = notified };
		struct itimerspec when = { .it_value = { .tv_nsec = 1000000 } };
		timer_t timer;

		if (timer_create(CLOCK_MONOTONIC, &ev, &timer) != 0) {
			perror("timer_create");
			return 1;
		}
		timer_settime(timer, 0, &when, NULL);
	}
	pthread_barrier_wait(&bar);
	for (int i = 0; i < HELPERS; i++)
		pthread_join(t[i], NULL);
	printf("asked %d, answered %d, count %ld, writes %ld\n", asked, answered, count, writes);
	return 0;
}
