/* SPDX-License-Identifier: MIT */
/*
 * sync_sem.c - semaphores: answers, tokens that are never lost or made up, signal
 * handlers that post, objects that go as soon as the wait is over, named ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, int ret)
{
	printf("%s: %s\n", what, ret ? strerrorname_np(errno) : "0");
}

static struct timespec in_us(clockid_t clock, long us)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += us % 1000000 * 1000;
	ts.tv_sec += us / 1000000 + ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return ts;
}

static void answers(int shared)
{
	struct timespec ts;
	int value;
	sem_t s;

	say("init", sem_init(&s, shared, 1));
	errno = 77;
	say("wait", sem_wait(&s));
	printf("errno: %d\n", errno);
	say("trywait", sem_trywait(&s));
	ts = in_us(CLOCK_REALTIME, 20000);
	say("timedwait", sem_timedwait(&s, &ts));
	say("passed", sem_timedwait(&s, &ts));
	ts = in_us(CLOCK_MONOTONIC, 20000);
	say("clockwait", sem_clockwait(&s, CLOCK_MONOTONIC, &ts));
	ts.tv_sec = -1;
	say("long ago", sem_timedwait(&s, &ts));
	ts.tv_nsec = 1000000000;
	say("bad time", sem_timedwait(&s, &ts));
	say("post", sem_post(&s));
	say("bad time", sem_timedwait(&s, &ts));
	say("bad clock", sem_clockwait(&s, CLOCK_PROCESS_CPUTIME_ID, &ts));
	sem_getvalue(&s, &value);
	printf("value: %d\n", value);
	say("destroy", sem_destroy(&s));
	say("init", sem_init(&s, shared, SEM_VALUE_MAX));
	say("post", sem_post(&s));
	say("wait", sem_wait(&s));
	say("post", sem_post(&s));
	say("destroy", sem_destroy(&s));
}

/* Tokens go round; time-outs race with posts. */
static sem_t tokens;
static atomic_int out;
static atomic_int broken;

static void *taker(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)&seed;

	for (int i = 0; i < 4000; i++) {
		struct timespec ts = in_us(CLOCK_REALTIME, rand_r(&seed) % 40);
		int ret = rand_r(&seed) % 3 ? sem_wait(&tokens) : sem_timedwait(&tokens, &ts);

		if (ret)
			continue;
		if (++out > 3)
			broken = 1;
		if (i % 16 == 0)
			sched_yield();
		out--;
		sem_post(&tokens);
	}
	return NULL;
}

static void rounds(int shared)
{
	pthread_t t[8];
	int value;

	sem_init(&tokens, shared, 3);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, taker, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	sem_getvalue(&tokens, &value);
	printf("tokens: %d, %s\n", value, broken ? "BROKEN" : "never more out than there are");
	say("destroy", sem_destroy(&tokens));
}

/* Gone as soon as the wait is over. */
static void *post_it(void *arg)
{
	sem_post(arg);
	return NULL;
}

static void brief(void)
{
	for (int i = 0; i < 300; i++) {
		sem_t *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		pthread_t t;

		sem_init(s, 0, 0);
		pthread_create(&t, NULL, post_it, s);
		if (i % 2)
			sched_yield();
		sem_wait(s);
		sem_destroy(s);
		munmap(s, 4096);
		pthread_join(t, NULL);
	}
	puts("brief ones: done");
}

/* Ping-pong. */
static sem_t ping, pong;

static void *ponger(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		sem_wait(&ping);
		sem_post(&pong);
	}
	return NULL;
}

static void ping_pong(void)
{
	pthread_t t;
	int value;

	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
	pthread_create(&t, NULL, ponger, NULL);
	for (int i = 0; i < 20000; i++) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	pthread_join(t, NULL);
	sem_getvalue(&pong, &value);
	printf("ping-pong: %d left\n", value);
}

static void *cancelled(void *arg)
{
	sem_wait(arg);
	return NULL;
}

static void cancel(void)
{
	void *result;
	pthread_t t;
	int value;
	sem_t s;

	for (int shared = 0; shared < 2; shared++) {
		sem_init(&s, shared, 0);
		pthread_create(&t, NULL, cancelled, &s);
		usleep(20000);
		pthread_cancel(t);
		pthread_join(t, &result);
		sem_post(&s);
		sem_getvalue(&s, &value);
		printf("cancelled: %s, value %d\n", result == PTHREAD_CANCELED ? "yes" : "no",
		       value);
	}
}

static void named(void)
{
	char name[64];
	int status;
	sem_t *s;
	pid_t pid;

	snprintf(name, sizeof(name), "/sync_sem_%d", (int)getpid());
	s = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	if (s == SEM_FAILED) {
		puts("named: cannot be made");
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		usleep(10000);
		sem_post(s);
		_exit(0);
	}
	say("named wait", sem_wait(s));
	waitpid(pid, &status, 0);
	say("close", sem_close(s));
	say("unlink", sem_unlink(name));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Before the first thread, and after. */
	answers(0);
	ping_pong();
	answers(0);
	answers(1);
	rounds(0);
	rounds(1);
	brief();
	cancel();
	named();
	return 0;
}
