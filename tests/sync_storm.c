/* SPDX-License-Identifier: MIT */
/*
 * sync_storm.c - every kind of wait under a storm of signals: none ends early, none
 * is lost, nothing is counted twice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, LAPS = 2000 };

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c[THREADS], gate = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t bar;
static sem_t sem;
static int turn, opened;
static long writes, laps, passed, serial;
static atomic_int inside, broken, done;
static atomic_long handled;

static void handler(int sig)
{
	handled++;
}

static void lap(int me, int i)
{
	struct timespec ts;

	pthread_mutex_lock(&m);
	while (turn != me) {
		if (i % 3 == 0) {
			clock_gettime(CLOCK_REALTIME, &ts);
			ts.tv_sec += 60;
			pthread_cond_timedwait(&c[me], &m, &ts);
		} else {
			pthread_cond_wait(&c[me], &m);
		}
	}
	turn = (me + 1) % THREADS;
	laps++;
	pthread_cond_signal(&c[turn]);
	pthread_mutex_unlock(&m);

	while (sem_wait(&sem) != 0)
		if (errno != EINTR)
			broken = 1;
	if (++inside > 2)
		broken = 1;
	if (i % 8 == 0)
		sched_yield();
	inside--;
	sem_post(&sem);

	if (i % 4 == 0) {
		pthread_rwlock_wrlock(&rw);
		writes++;
	} else {
		pthread_rwlock_rdlock(&rw);
	}
	if (i % 16 == 0)
		sched_yield();
	pthread_rwlock_unlock(&rw);

	if (i % 10 == 0) {
		int last = pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD;

		pthread_mutex_lock(&m);
		if (last) {
			serial++;
			opened = i + 1;
			pthread_cond_broadcast(&gate);
		}
		while (opened <= i)
			pthread_cond_wait(&gate, &m);
		passed++;
		pthread_mutex_unlock(&m);
	}
}

static void *runner(void *arg)
{
	for (int i = 0; i < LAPS; i++)
		lap((int)(long)arg, i);
	done++;
	return NULL;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler };
	pthread_t t[THREADS];

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &sa, NULL);
	sem_init(&sem, 0, 2);
	pthread_barrier_init(&bar, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_cond_init(&c[i], NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, runner, (void *)(long)i);
	for (unsigned k = 0; done < THREADS; k++) {
		pthread_kill(t[k % THREADS], SIGUSR1);
		if (k % 5 == 0)
			usleep(50);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("laps %ld, writes %ld, passed %ld, serial %ld, %s, handlers %s\n", laps, writes,
	       passed, serial, broken ? "BROKEN" : "sound", handled ? "ran" : "DID NOT RUN");
	for (int i = 0; i < THREADS; i++)
		if (pthread_cond_destroy(&c[i]) != 0)
			puts("cannot be destroyed");
	return 0;
}
