/* SPDX-License-Identifier: MIT */
/*
 * loaded.c - objects that are loaded while threads live: their static thread-local
 * variables begin with their first value in every thread, again after the object was
 * closed and has come back; and stacks become executable for an object that needs it.
 *
 *	loaded STATIC-TLS.so CODE-ON-STACK.so
 *
 * The first has int tls_get(void), void tls_set(int) and a variable that begins as 7; the
 * second int apply(int (*)(int), int) and int adds(int, int), with a nested function.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, ROUNDS = 6 };

static pthread_barrier_t barrier;
static int (*get)(void), (*adds)(int, int);
static void (*set)(int);
static int wrong, first_wrong;

static void *look(const char *file, void **handle, const char *name)
{
	void *found;

	if (!*handle)
		*handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!*handle) {
		printf("%s\n", dlerror());
		exit(1);
	}
	found = dlsym(*handle, name);
	if (!found)
		abort();
	return found;
}

static void check(int id)
{
	if (get() != 7)
		__atomic_add_fetch(&first_wrong, 1, __ATOMIC_RELAXED);
	set(id);
	for (int i = 0; i < 20; i++) {
		sched_yield();
		if (get() != id)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	}
}

/* Lives through all rounds. */
static void *old(void *arg)
{
	int id = 100 + (int)(intptr_t)arg;

	for (int k = 0; k < ROUNDS; k++) {
		pthread_barrier_wait(&barrier); /* loaded */
		check(id);
		pthread_barrier_wait(&barrier); /* to be closed */
	}
	pthread_barrier_wait(&barrier);
	if (adds(id, 5) != id + 5)
		wrong++;
	return NULL;
}

/* Is made for one round; every other loads the object itself. */
static void *new(void *arg)
{
	check(200 + (int)(intptr_t)arg);
	return NULL;
}

static const char *static_tls;
static void *handle;

static void *loads(void *arg)
{
	handle = NULL;
	get = look(static_tls, &handle, "tls_get");
	set = look(static_tls, &handle, "tls_set");
	return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg) != 0)
		abort();
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	void *code = NULL;

	if (argc != 3)
		return 2;
	static_tls = argv[1];
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, old, (void *)i) != 0)
			abort();
	for (int k = 0; k < ROUNDS; k++) {
		if (k % 2)
			in_thread(loads, NULL);
		else
			loads(NULL);
		pthread_barrier_wait(&barrier);
		for (intptr_t i = 0; i < 3; i++)
			in_thread(new, (void *)i);
		check(1);
		pthread_barrier_wait(&barrier);
		dlclose(handle);
	}
	adds = look(argv[2], &code, "adds");
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d first values wrong, %d others\n", first_wrong, wrong);
	return 0;
}
