/* SPDX-License-Identifier: MIT */
/*
 * turns.c - threads that take turns: two of them by mutex and condition variable,
 * semaphore, pipe or sched_yield, or a ring of 1,000 that hands a token on.
 *
 *	turns cond|sem|pipe|yield|ring MILLISECONDS
 *
 * Prints the time of one hop, from one thread to the other. The driver gives it one CPU.
 */
#define _GNU_SOURCE
#include <semaphore.h>

#include "bench.h"

enum { RING = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;
static long hops;
static sem_t sems[2];
static int there[2], back[2];

static void *cond_player(void *arg)
{
	int me = (int)(intptr_t)arg;

	pthread_mutex_lock(&lock);
	for (long i = 0; i < hops / 2; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &lock);
		turn = !me;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *sem_player(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (long i = 0; i < hops / 2; i++) {
		sem_wait(&sems[me]);
		sem_post(&sems[!me]);
	}
	return NULL;
}

static void *pipe_player(void *arg)
{
	int in = arg ? there[0] : back[0], out = arg ? back[1] : there[1];
	char c = 'x';

	for (long i = 0; i < hops / 2; i++)
		if (read(in, &c, 1) != 1 || write(out, &c, 1) != 1)
			die("turns: pipe");
	return NULL;
}

/* Only a change of who runs counts as a hop: the kernel need not heed a yield. */
static void *yield_player(void *arg)
{
	static volatile long done;
	static volatile int last;
	int me = (int)(intptr_t)arg;

	if (me)
		done = 0;
	while (done < hops) {
		if (last != me) {
			last = me; /* one CPU, and no preemption between these two that matters */
			done = done + 1;
		}
		sched_yield();
	}
	return NULL;
}

static void two(void *(*player)(void *))
{
	pthread_t thread;

	start(&thread, player, (void *)1);
	player(NULL);
	pthread_join(thread, NULL);
}

static struct seat {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int token;
} seats[RING];

static void seat_give(struct seat *seat)
{
	pthread_mutex_lock(&seat->lock);
	seat->token = 1;
	pthread_cond_signal(&seat->cond);
	pthread_mutex_unlock(&seat->lock);
}

static void *ring_player(void *arg)
{
	long me = (long)(intptr_t)arg;
	struct seat *seat = &seats[me];

	for (long i = me; i < hops; i += RING) {
		pthread_mutex_lock(&seat->lock);
		while (!seat->token)
			pthread_cond_wait(&seat->cond, &seat->lock);
		seat->token = 0;
		pthread_mutex_unlock(&seat->lock);
		seat_give(&seats[(me + 1) % RING]);
	}
	return NULL;
}

static void ring(void)
{
	static pthread_t threads[RING];

	for (long i = 0; i < RING; i++) {
		pthread_mutex_init(&seats[i].lock, NULL);
		pthread_cond_init(&seats[i].cond, NULL);
		seats[i].token = 0;
	}
	for (long i = 0; i < RING; i++)
		start(&threads[i], ring_player, (void *)(intptr_t)i);
	seat_give(&seats[0]);
	for (long i = 0; i < RING; i++)
		pthread_join(threads[i], NULL);
}

static const char *kind;

static void play(long n)
{
	hops = n;
	if (strcmp(kind, "cond") == 0) {
		two(cond_player);
	} else if (strcmp(kind, "sem") == 0) {
		sem_init(&sems[0], 0, 1);
		sem_init(&sems[1], 0, 0);
		two(sem_player);
	} else if (strcmp(kind, "pipe") == 0) {
		if (write(back[1], "x", 1) != 1)
			die("turns: pipe");
		two(pipe_player);
		if (read(back[0], &(char){ 0 }, 1) != 1)
			die("turns: pipe");
	} else if (strcmp(kind, "yield") == 0) {
		two(yield_player);
	} else {
		ring();
	}
}

int main(int argc, char **argv)
{
	kind = argc > 1 ? argv[1] : "cond";
	if (pipe(there) < 0 || pipe(back) < 0)
		die("turns: pipe");
	per_turn("hop", play, argc > 2 ? (double)number(argv[2]) : 200);
	return 0;
}
