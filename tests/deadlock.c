/* SPDX-License-Identifier: MIT */
/*
 * deadlock.c - threads that wait for each other for ever, in several ways.
 *
 *	deadlock locks|join|cond|alive
 *
 * alive: the same as locks, but one more thread sleeps for a while and then ends the
 * process.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t both;
static pthread_t first;

static void *one(void *arg)
{
	pthread_mutex_lock(&a);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&b);
	return arg;
}

static void *other(void *arg)
{
	pthread_mutex_lock(&b);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&a);
	return arg;
}

static void *wait_never(void *arg)
{
	pthread_mutex_lock(&a);
	pthread_cond_wait(&never, &a);
	return arg;
}

static void *wait_for_first(void *arg)
{
	pthread_join(first, NULL);
	return arg;
}

static void *end(void *arg)
{
	usleep(700000);
	puts("alive");
	exit(3);
	return arg;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "locks";
	pthread_t t;

	pthread_barrier_init(&both, NULL, 2);
	if (strcmp(how, "join") == 0) {
		pthread_create(&first, NULL, wait_never, NULL);
		pthread_create(&t, NULL, wait_for_first, NULL);
	} else if (strcmp(how, "cond") == 0) {
		pthread_create(&t, NULL, wait_never, NULL);
	} else {
		pthread_create(&first, NULL, one, NULL);
		pthread_create(&t, NULL, other, NULL);
	}
	if (strcmp(how, "alive") == 0)
		pthread_create(&first, NULL, end, NULL);
	pthread_join(t, NULL);
	return 0;
}
