/* SPDX-License-Identifier: MIT */
/*
 * cancel_state.c - state and type of cancellation, cleanup handlers, and requests at odd
 * moments: to oneself, to a thread that has not begun or has ended, twice, on the way out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sem_t ready, go;
static char trace[64];

static void wait_for(sem_t *s)
{
	int state;

	/* Waiting for the test's own cue is no part of the test. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	while (sem_wait(s) != 0)
		;
	pthread_setcancelstate(state, NULL);
}

static void note(void *arg)
{
	strncat(trace, arg, sizeof(trace) - strlen(trace) - 1);
}

static void run(const char *what, void *(*fn)(void *), void (*meanwhile)(pthread_t))
{
	pthread_t t;
	void *result;

	trace[0] = '\0';
	printf("%s: ", what);
	fflush(stdout);
	pthread_create(&t, NULL, fn, NULL);
	if (meanwhile)
		meanwhile(t);
	pthread_join(t, &result);
	if (result == PTHREAD_CANCELED)
		printf("cancelled");
	else
		printf("%ld", (long)result);
	printf(" [%s]\n", trace);
}

static void cancel_ready(pthread_t t)
{
	wait_for(&ready);
	printf("cancel %d, ", pthread_cancel(t));
	sem_post(&go);
}

static void cancel_at_once(pthread_t t)
{
	printf("cancel %d, ", pthread_cancel(t));
}

static void cancel_twice(pthread_t t)
{
	wait_for(&ready);
	printf("cancel %d", pthread_cancel(t));
	printf(" %d, ", pthread_cancel(t));
	sem_post(&go);
}

static void *setters(void *arg)
{
	int old = -1;

	printf("state %d", pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
	printf(" was %d", old == PTHREAD_CANCEL_ENABLE);
	printf(", again %d", pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
	printf(" was %d", old == PTHREAD_CANCEL_DISABLE);
	printf(", bad %s", strerrorname_np(pthread_setcancelstate(99, &old)));
	printf(", type %d", pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
	printf(" was %d", old == PTHREAD_CANCEL_DEFERRED);
	printf(", again %d", pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL));
	printf(", bad %s, ", strerrorname_np(pthread_setcanceltype(-1, NULL)));
	return NULL;
}

/* Handlers run last in, first out; one that was popped does not run. */
static void *nested(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_cleanup_push(note, "b");
	pthread_cleanup_push(note, "x");
	pthread_cleanup_pop(0);
	pthread_cleanup_push(note, "y");
	pthread_cleanup_pop(1);
	pthread_cleanup_push(note, "c");
	sem_post(&ready);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *to_itself(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_cancel(pthread_self());
	note("still here ");
	pthread_testcancel();
	note("NOT REACHED");
	pthread_cleanup_pop(0);
	return NULL;
}

static void *to_itself_asynchronously(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cancel(pthread_self());
	note("NOT REACHED");
	pthread_cleanup_pop(0);
	return NULL;
}

static void *disabled_until_the_end(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	sem_post(&ready);
	wait_for(&go);
	usleep(1);
	pthread_testcancel();
	return (void *)5;
}

static void *disabled_then_enabled(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	sem_post(&ready);
	wait_for(&go);
	pthread_testcancel();
	note("enabled ");
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	note("deferred ");
	pthread_testcancel();
	note("NOT REACHED");
	pthread_cleanup_pop(0);
	return NULL;
}

static void *enabled_asynchronously(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	sem_post(&ready);
	while (sem_wait(&go) != 0)
		;
	note("enabling ");
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	note("NOT REACHED");
	pthread_cleanup_pop(0);
	return NULL;
}

static void *type_changed(void *arg)
{
	pthread_cleanup_push(note, "a");
	sem_post(&ready);
	wait_for(&go);
	note("changing ");
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	note("NOT REACHED");
	pthread_cleanup_pop(0);
	return NULL;
}

/* No call at all. */
static void *computes(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	sem_post(&ready);
	for (volatile unsigned long i = 0;; i++)
		;
	pthread_cleanup_pop(0);
	return NULL;
}

static void *begins(void *arg)
{
	pthread_cleanup_push(note, "a");
	pthread_testcancel(); /* asked before it began, or in time */
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

/* In a handler, requests wait for ever and cancellation points are none. */
static void point_in_handler(void *arg)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
	usleep(1);
	note("handler done ");
}

static void *handler_with_points(void *arg)
{
	pthread_cleanup_push(note, "outer");
	pthread_cleanup_push(point_in_handler, NULL);
	sem_post(&ready);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *exits_with_request(void *arg)
{
	pthread_cleanup_push(point_in_handler, NULL);
	pthread_cancel(pthread_self());
	pthread_exit((void *)7);
	pthread_cleanup_pop(0);
	return NULL;
}

static pthread_key_t key;

static void destructor(void *value)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
	note(value);
}

static void *destructor_with_points(void *arg)
{
	pthread_setspecific(key, "destructor ");
	return (void *)3;
}

static void *over(void *arg)
{
	return (void *)3;
}

static void cancel_over(void)
{
	pthread_t t;
	void *result;

	pthread_create(&t, NULL, over, NULL);
	usleep(20000);
	printf("to one that is over: %d", pthread_cancel(t));
	pthread_join(t, &result);
	printf(" value %ld\n", (long)result);
}

/* Many, at random moments, each with something to give back. */
static atomic_long held;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void give_back(void *arg)
{
	pthread_mutex_unlock(&lock);
	held--;
}

static void *holder(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		held++;
		pthread_cleanup_push(give_back, NULL);
		if ((uintptr_t)arg % 3)
			usleep((uintptr_t)arg % 5);
		else
			pthread_testcancel();
		pthread_cleanup_pop(1);
		sched_yield();
		pthread_testcancel();
	}
}

static void crowd(void)
{
	enum { MANY = 40, TIMES = 10 };
	pthread_t t[MANY];
	unsigned wrong = 0;
	void *result;

	for (int k = 0; k < TIMES; k++) {
		for (uintptr_t i = 0; i < MANY; i++)
			pthread_create(&t[i], NULL, holder, (void *)(i + k));
		for (int i = 0; i < MANY; i++)
			pthread_cancel(t[(i * 7 + k) % MANY]);
		for (int i = 0; i < MANY; i++) {
			pthread_join(t[i], &result);
			wrong += result != PTHREAD_CANCELED;
		}
	}
	printf("crowd: %u not cancelled, %ld held, lock %d\n", wrong, (long)held,
	       pthread_mutex_trylock(&lock));
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	pthread_key_create(&key, destructor);
	run("setters", setters, NULL);
	run("nested", nested, cancel_ready);
	sem_wait(&go);
	run("itself", to_itself, NULL);
	run("itself, asynchronous", to_itself_asynchronously, NULL);
	run("disabled", disabled_until_the_end, cancel_ready);
	run("disabled, then enabled", disabled_then_enabled, cancel_ready);
	run("enabled, asynchronous", enabled_asynchronously, cancel_ready);
	run("made asynchronous", type_changed, cancel_ready);
	run("computes", computes, cancel_ready);
	sem_wait(&go);
	run("twice", disabled_then_enabled, cancel_twice);
	run("before it begins", begins, cancel_at_once);
	run("points in a handler", handler_with_points, cancel_ready);
	sem_wait(&go);
	run("exit with a request", exits_with_request, NULL);
	run("points in a destructor", destructor_with_points, NULL);
	trace[0] = '\0';
	cancel_over();
	crowd();
	return 0;
}
