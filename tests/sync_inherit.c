/* SPDX-License-Identifier: MIT */
/*
 * sync_inherit.c - mutexes of one process with priority inheritance: the owner has the
 * priority of whoever waits, as long as somebody does, and the highest priority is served
 * first. The priority is what the kernel shows of the thread that asks. What the machine
 * permits is printed, so that it can be compared.
 *
 *	sync_inherit WAY
 */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAITERS = 3 };

static pthread_mutex_t first, second;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static atomic_int served, stop, stage;

/* As the kernel has it: -1 - n for a real-time priority of n, 20 for none. */
static int priority(void)
{
	char buf[512], *at;
	FILE *f = fopen("/proc/thread-self/stat", "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;
	int value = 0;

	if (f)
		fclose(f);
	buf[n] = 0;
	at = strrchr(buf, ')');
	for (int field = 2; at && field < 18; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (at)
		value = atoi(at);
	return value;
}

static int plain; /* what it is of a thread that is lent none */

/* Until the caller has it, as a real-time priority, 0: none; for ever if that never comes. */
static void await_priority(int wanted, const char *why)
{
	while (priority() != (wanted > 0 ? -1 - wanted : plain))
		sched_yield();
	printf("%d: %s\n", wanted, why);
}

static void await_stage(int n)
{
	while (atomic_load(&stage) < n)
		sched_yield();
}

static void make(pthread_mutex_t *m, int type)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	CHECK(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0);
	CHECK(pthread_mutex_init(m, &a) == 0);
	pthread_mutexattr_destroy(&a);
}

/* Ends the program, with a line that says so, where that is not permitted. */
static pthread_t spawn(void *(*fn)(void *), void *arg, int level)
{
	struct sched_param param = { .sched_priority = level };
	pthread_attr_t a;
	pthread_t t;
	int err;

	pthread_attr_init(&a);
	if (level > 0) {
		pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&a, SCHED_FIFO);
		pthread_attr_setschedparam(&a, &param);
	}
	err = pthread_create(&t, &a, fn, arg);
	pthread_attr_destroy(&a);
	if (err) {
		printf("no real-time threads: %s\n", strerrorname_np(err));
		exit(0);
	}
	return t;
}

static void *locker(void *arg)
{
	CHECK(pthread_mutex_lock(arg) == 0);
	CHECK(pthread_mutex_unlock(arg) == 0);
	return NULL;
}

static void way_lock(int type)
{
	pthread_t t;

	make(&first, type);
	CHECK(pthread_mutex_lock(&first) == 0);
	await_priority(0, "nobody waits");
	t = spawn(locker, &first, 30);
	await_priority(30, "somebody waits");
	CHECK(pthread_mutex_unlock(&first) == 0);
	await_priority(0, "let go");
	pthread_join(t, NULL);
}

static void lock_normal(void)
{
	way_lock(PTHREAD_MUTEX_NORMAL);
}

static void lock_recursive(void)
{
	way_lock(PTHREAD_MUTEX_RECURSIVE);
}

static void lock_errorcheck(void)
{
	way_lock(PTHREAD_MUTEX_ERRORCHECK);
}

static void *impatient(void *arg)
{
	struct timespec ts;
	int err = ETIMEDOUT;

	while (!atomic_load(&stop)) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		ts.tv_nsec += 20000000;
		ts.tv_sec += ts.tv_nsec / 1000000000;
		ts.tv_nsec %= 1000000000;
		err = pthread_mutex_clocklock(arg, CLOCK_MONOTONIC, &ts);
		CHECK(err == ETIMEDOUT);
	}
	return NULL;
}

static void time_out(void)
{
	pthread_t t;

	make(&first, PTHREAD_MUTEX_NORMAL);
	CHECK(pthread_mutex_lock(&first) == 0);
	t = spawn(impatient, &first, 30);
	await_priority(30, "somebody waits");
	atomic_store(&stop, 1);
	await_priority(0, "his time is up");
	pthread_join(t, NULL);
	CHECK(pthread_mutex_unlock(&first) == 0);
}

static void two_mutexes(void)
{
	pthread_t a, b;

	make(&first, PTHREAD_MUTEX_NORMAL);
	make(&second, PTHREAD_MUTEX_NORMAL);
	CHECK(pthread_mutex_lock(&first) == 0 && pthread_mutex_lock(&second) == 0);
	a = spawn(locker, &first, 30);
	await_priority(30, "one waits");
	b = spawn(locker, &second, 40);
	await_priority(40, "two wait");
	CHECK(pthread_mutex_unlock(&second) == 0);
	await_priority(30, "one waits");
	pthread_join(b, NULL);
	CHECK(pthread_mutex_unlock(&first) == 0);
	await_priority(0, "none waits");
	pthread_join(a, NULL);
}

static void *middle(void *arg)
{
	CHECK(pthread_mutex_lock(&second) == 0);
	atomic_store(&stage, 1);
	CHECK(pthread_mutex_lock(&first) == 0);
	CHECK(pthread_mutex_unlock(&first) == 0);
	CHECK(pthread_mutex_unlock(&second) == 0);
	return NULL;
}

/* The owner of the first is waited for by one who is waited for. */
static void chain(void)
{
	pthread_t a, b;

	make(&first, PTHREAD_MUTEX_NORMAL);
	make(&second, PTHREAD_MUTEX_NORMAL);
	CHECK(pthread_mutex_lock(&first) == 0);
	a = spawn(middle, NULL, 0);
	await_stage(1);
	b = spawn(locker, &second, 30);
	await_priority(30, "at second hand");
	CHECK(pthread_mutex_unlock(&first) == 0);
	await_priority(0, "let go");
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

static void *ordered(void *arg)
{
	const int *level = arg;

	CHECK(pthread_mutex_lock(&first) == 0);
	printf("%d is served\n", *level);
	CHECK(pthread_mutex_unlock(&first) == 0);
	return NULL;
}

static void order(void)
{
	static const int levels[WAITERS] = { 10, 20, 30 };
	pthread_t t[WAITERS];

	make(&first, PTHREAD_MUTEX_NORMAL);
	CHECK(pthread_mutex_lock(&first) == 0);
	for (int i = 0; i < WAITERS; i++) {
		t[i] = spawn(ordered, (void *)&levels[i], levels[i]);
		await_priority(levels[i], "waits");
	}
	CHECK(pthread_mutex_unlock(&first) == 0);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(t[i], NULL);
	await_priority(0, "all served");
}

static void *condition(void *arg)
{
	CHECK(pthread_mutex_lock(&first) == 0);
	atomic_store(&stage, 1);
	while (!atomic_load(&served))
		CHECK(pthread_cond_wait(&cond, &first) == 0);
	CHECK(pthread_mutex_unlock(&first) == 0);
	return NULL;
}

/* Whoever waits for a condition does not wait for the mutex, but when it is woken. */
static void cond_wait(void)
{
	pthread_t t;

	make(&first, PTHREAD_MUTEX_NORMAL);
	t = spawn(condition, NULL, 30);
	await_stage(1);
	CHECK(pthread_mutex_lock(&first) == 0);
	await_priority(0, "waits for the condition");
	atomic_store(&served, 1);
	CHECK(pthread_cond_broadcast(&cond) == 0);
	await_priority(30, "waits for the mutex");
	CHECK(pthread_mutex_unlock(&first) == 0);
	await_priority(0, "let go");
	pthread_join(t, NULL);
}

static sigjmp_buf away;

static void jump(int sig)
{
	siglongjmp(away, 1);
}

static void *jumper(void *arg)
{
	if (sigsetjmp(away, 1) == 0)
		pthread_mutex_lock(&first);
	atomic_store(&stage, 1);
	return NULL;
}

/* A handler jumps out of the wait. */
static void jump_away(void)
{
	pthread_t t;

	make(&first, PTHREAD_MUTEX_NORMAL);
	signal(SIGUSR1, jump);
	CHECK(pthread_mutex_lock(&first) == 0);
	t = spawn(jumper, NULL, 30);
	await_priority(30, "waits");
	pthread_kill(t, SIGUSR1);
	await_stage(1);
	pthread_join(t, NULL);
	t = spawn(locker, &first, 40);
	await_priority(40, "another waits");
	CHECK(pthread_mutex_unlock(&first) == 0);
	pthread_join(t, NULL);
	await_priority(0, "let go");
}

static void *storm_thread(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;

	for (int i = 0; i < 200; i++) {
		pthread_mutex_t *a = (seed >> 8) % 2 ? &first : &second;

		seed = seed * 1103515245 + 12345;
		CHECK(pthread_mutex_lock(a) == 0);
		atomic_fetch_add(&served, 1);
		if ((seed >> 16) % 4 == 0)
			sched_yield();
		CHECK(pthread_mutex_unlock(a) == 0);
	}
	return NULL;
}

/* Nobody keeps what was lent. */
static void storm(void)
{
	pthread_t t[8];

	make(&first, PTHREAD_MUTEX_NORMAL);
	make(&second, PTHREAD_MUTEX_NORMAL);
	for (size_t i = 0; i < 8; i++)
		t[i] = spawn(storm_thread, (void *)i, i % 4 == 0 ? 10 + (int)i : 0);
	storm_thread((void *)99);
	for (size_t i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	printf("%d locks\n", atomic_load(&served));
	await_priority(0, "in the end");
}

static const struct way ways[] = {
	{ "normal", lock_normal },
	{ "recursive", lock_recursive },
	{ "errorcheck", lock_errorcheck },
	{ "time_out", time_out },
	{ "two_mutexes", two_mutexes },
	{ "chain", chain },
	{ "order", order },
	{ "cond_wait", cond_wait },
	{ "jump_away", jump_away },
	{ "storm", storm },
};

int main(int argc, char **argv)
{
	plain = priority();
	GO(ways, argv[1]);
	return 0;
}
