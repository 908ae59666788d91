/* SPDX-License-Identifier: MIT */
/*
 * dump_churn.c - threads in full motion, to be dumped meanwhile: they signal and
 * wait, recurse and sleep, come and go. Usage: dump_churn THREADS SECONDS. Prints
 * its process number first.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PLACES = 16, DEPTH = 40 };

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
} places[PLACES];

static __attribute__((noinline)) int descend(int depth, unsigned *seed)
{
	volatile int here = depth;

	if (depth == 0)
		usleep(rand_r(seed) % 2000);
	else
		here += descend(depth - 1, seed);
	return here;
}

static void *run(void *arg)
{
	unsigned seed = (unsigned)(long)arg;

	for (;;) {
		int at = rand_r(&seed) % PLACES, ends[2];
		char c = 'x';

		pthread_mutex_lock(&places[at].mutex);
		pthread_cond_signal(&places[at].cond);
		if (rand_r(&seed) % 3 == 0)
			pthread_cond_wait(&places[at].cond, &places[at].mutex);
		pthread_mutex_unlock(&places[at].mutex);
		descend(rand_r(&seed) % DEPTH, &seed);
		if (rand_r(&seed) % 10 == 0 && pipe(ends) == 0) {
			if (write(ends[1], &c, 1) != 1 || read(ends[0], &c, 1) != 1)
				abort();
			close(ends[0]);
			close(ends[1]);
		}
	}
	return NULL;
}

static void *brief(void *arg)
{
	usleep(500);
	return arg;
}

static void start(void *(*fn)(void *), long arg)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 65536);
	if (pthread_create(&t, &attr, fn, (void *)arg) != 0) {
		perror("pthread_create");
		exit(1);
	}
	pthread_attr_destroy(&attr);
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 100, seconds = argc > 2 ? atoi(argv[2]) : 1;

	for (int i = 0; i < PLACES; i++) {
		pthread_mutex_init(&places[i].mutex, NULL);
		pthread_cond_init(&places[i].cond, NULL);
	}
	for (long i = 0; i < threads; i++)
		start(run, i);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	for (long i = 0; i < seconds * 500L; i++) {
		usleep(2000);
		start(brief, i);
	}
	exit(0);
}
