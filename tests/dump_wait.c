/* SPDX-License-Identifier: MIT */
/*
 * dump_wait.c - threads that wait, each in a function named after what for, to be
 * looked at from outside. Prints its process number, waits for standard input to
 * end, and exits. With an argument, that many threads more compute.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, free_one = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int pipe_ends[2];
static atomic_int arrived;

/* Volatile, so that no call here is a tail call and each function has its frame. */
static volatile int result;

static __attribute__((noinline)) void wait_for_condition(void)
{
	pthread_mutex_lock(&free_one);
	arrived++;
	result = pthread_cond_wait(&cond, &free_one);
	pthread_mutex_unlock(&free_one);
}

static __attribute__((noinline)) void wait_for_input(void)
{
	char c;

	arrived++;
	result = (int)read(pipe_ends[0], &c, 1);
}

static __attribute__((noinline)) void wait_for_time(void)
{
	arrived++;
	result = (int)sleep(1000);
}

static __attribute__((noinline)) void wait_for_mutex(void)
{
	arrived++;
	result = pthread_mutex_lock(&held);
}

static __attribute__((noinline)) void wait_for_nothing(void)
{
	arrived++;
	for (;;)
		result++;
}

static void *run(void *arg)
{
	void (*wait)(void) = arg;

	wait();
	return NULL;
}

static void start(void (*wait)(void), const char *name)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, (void *)wait) != 0) {
		perror("pthread_create");
		exit(1);
	}
	pthread_setname_np(t, name);
}

static __attribute__((noinline)) void wait_for_the_end(void)
{
	char buf[16];

	while (read(0, buf, sizeof(buf)) > 0)
		;
	result = 0;
}

int main(int argc, char **argv)
{
	int more = argc > 1 ? atoi(argv[1]) : 0;

	if (pipe(pipe_ends) != 0)
		return 1;
	pthread_mutex_lock(&held);
	start(wait_for_condition, "condition");
	start(wait_for_input, "input");
	start(wait_for_time, "time");
	start(wait_for_mutex, "mutex");
	for (int i = 0; i < more; i++)
		start(wait_for_nothing, "nothing");
	while (arrived < 4 + more)
		usleep(1000);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	wait_for_the_end();
	return 0;
}
