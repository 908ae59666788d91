/* SPDX-License-Identifier: MIT */
/*
 * keys.c - thread-specific data: all the keys there are, destructors and their
 * rounds, keys deleted and made again, values never leaking from one thread
 * into a later one; pthread_cleanup handlers before destructors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 2000 };

static pthread_key_t keys[MANY];
static unsigned n_keys;
static unsigned long destroyed, destroyed_sum, leaked, wrong;
static char order[1024];
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *what)
{
	pthread_mutex_lock(&order_lock);
	strncat(order, what, sizeof(order) - strlen(order) - 1);
	pthread_mutex_unlock(&order_lock);
}

static void tell(const char *what)
{
	printf("%s:%s\n", what, order);
	order[0] = '\0';
}

static void destroy(void *value)
{
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&destroyed_sum, (uintptr_t)value, __ATOMIC_RELAXED);
}

static void run(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, arg) != 0)
		abort();
	pthread_join(thread, NULL);
}

static void *use_all(void *arg)
{
	uintptr_t id = (uintptr_t)arg;

	for (unsigned i = 0; i < n_keys; i++) {
		if (pthread_getspecific(keys[i]))
			__atomic_add_fetch(&leaked, 1, __ATOMIC_RELAXED);
		if (pthread_setspecific(keys[i], (void *)(id * 10000 + i + 1)) != 0)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		if (i % 100 == 0)
			sched_yield();
	}
	for (unsigned i = 0; i < n_keys; i++)
		if (pthread_getspecific(keys[i]) != (void *)(id * 10000 + i + 1))
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *use_none(void *arg)
{
	for (unsigned i = 0; i < n_keys; i++)
		if (pthread_getspecific(keys[i]))
			__atomic_add_fetch(&leaked, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void test_all_keys(void)
{
	int err = 0;

	while (n_keys < MANY && (err = pthread_key_create(&keys[n_keys], destroy)) == 0)
		n_keys++;
	printf("keys: %u of %d, then %s\n", n_keys, PTHREAD_KEYS_MAX, err == EAGAIN ? "EAGAIN" : "?");

	pthread_t threads[20];
	unsigned long want = 0;

	for (uintptr_t t = 0; t < 20; t++) {
		pthread_create(&threads[t], NULL, use_all, (void *)t);
		for (unsigned i = 0; i < n_keys; i++)
			want += t * 10000 + i + 1;
	}
	for (int t = 0; t < 20; t++)
		pthread_join(threads[t], NULL);
	printf("destructors: %s\n", destroyed == 20ul * n_keys && destroyed_sum == want ? "each once" : "?");
	for (int t = 0; t < 20; t++)
		run(use_none, NULL);
	printf("leaked %lu, wrong %lu\n", leaked, wrong);

	for (unsigned i = 0; i < n_keys; i++)
		if (pthread_key_delete(keys[i]) != 0)
			wrong++;
	printf("delete again: %s\n", pthread_key_delete(keys[0]) == EINVAL ? "EINVAL" : "?");
	printf("set a deleted one: %s\n", pthread_setspecific(keys[5], &wrong) == EINVAL ? "EINVAL" : "?");
	printf("get a deleted one: %s\n", pthread_getspecific(keys[5]) ? "?" : "NULL");
	printf("delete one that never was: %s\n", pthread_key_delete(1 << 20) == EINVAL ? "EINVAL" : "?");
}

static pthread_key_t again_key, first_key, second_key;
static int again_left;

static void again(void *value)
{
	say(" again");
	if (--again_left > 0 && pthread_setspecific(again_key, value) != 0)
		say(" (refused)");
	if (pthread_getspecific(again_key) != (again_left > 0 ? value : NULL))
		say(" (not cleared)");
}

static void first_destructor(void *value)
{
	say(" first");
	/* Gives a value to another key, whose destructor must still run. */
	pthread_setspecific(second_key, value);
}

static void second_destructor(void *value)
{
	say(" second");
	sched_yield(); /* destructors may block and be moved */
}

static void *set_again(void *arg)
{
	pthread_setspecific(again_key, arg);
	return NULL;
}

static void *set_first(void *arg)
{
	pthread_setspecific(first_key, arg);
	return NULL;
}

static void test_rounds(void)
{
	pthread_key_create(&again_key, again);
	again_left = 3;
	run(set_again, &wrong);
	tell("three rounds");
	again_left = 1000;
	run(set_again, &wrong);
	tell("rounds until PTHREAD_DESTRUCTOR_ITERATIONS");
	pthread_key_delete(again_key);

	pthread_key_create(&second_key, second_destructor);
	pthread_key_create(&first_key, first_destructor);
	run(set_first, &wrong);
	tell("a destructor that sets another key");
	pthread_key_delete(first_key);
	pthread_key_delete(second_key);
}

static void cleanup(void *arg)
{
	say(arg);
}

static void key_destructor(void *value)
{
	say(" key");
}

static void *with_cleanup(void *arg)
{
	pthread_setspecific(first_key, arg);
	pthread_cleanup_push(cleanup, " outer");
	pthread_cleanup_push(cleanup, " inner");
	pthread_exit(NULL);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *delete_before_end(void *arg)
{
	pthread_setspecific(first_key, arg);
	pthread_key_delete(first_key);
	return NULL;
}

static void *null_value(void *arg)
{
	pthread_setspecific(first_key, arg);
	pthread_setspecific(first_key, NULL);
	return NULL;
}

static void *stale_value(void *arg)
{
	pthread_key_t old = first_key;

	pthread_setspecific(old, arg);
	pthread_key_delete(old);
	pthread_key_create(&first_key, key_destructor); /* likely the same slot */
	if (first_key == old && pthread_getspecific(first_key))
		say(" stale value seen");
	return NULL;
}

static void test_order(void)
{
	pthread_key_create(&first_key, key_destructor);
	run(with_cleanup, &wrong);
	tell("pthread_exit");
	run(null_value, &wrong);
	tell("set to NULL again");
	run(delete_before_end, &wrong);
	tell("deleted before the end");
	pthread_key_create(&first_key, key_destructor);
	run(stale_value, &wrong);
	tell("deleted and made again");
	pthread_key_delete(first_key);
}

static pthread_key_t main_key;

static void main_destructor(void *value)
{
	/* Runs when main ends by pthread_exit, not when it returns. */
	printf("main's destructor: %s\n", (const char *)value);
}

static void *last(void *arg)
{
	pthread_join(*(pthread_t *)arg, NULL);
	printf("main is over\n");
	return NULL;
}

int main(void)
{
	static pthread_t self;
	pthread_t thread;

	/* Made and set before there is any thread. */
	pthread_key_create(&main_key, main_destructor);
	pthread_setspecific(main_key, "set before the first thread");
	test_all_keys();
	test_rounds();
	test_order();
	printf("main's value: %s\n", (const char *)pthread_getspecific(main_key));
	fflush(stdout);
	self = pthread_self();
	pthread_create(&thread, NULL, last, &self);
	pthread_exit(NULL);
}
