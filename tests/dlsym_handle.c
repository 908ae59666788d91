/* SPDX-License-Identifier: MIT */
/*
 * dlsym_handle.c - a program that is not linked with the thread functions: it loads
 * libpthread and looks them up by name. They are those that a linked program calls.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 50, ROUNDS = 100 };

static const struct {
	const char *name;
	void *linked;
} names[] = {
	{ "pthread_create", (void *)pthread_create },
	{ "pthread_join", (void *)pthread_join },
	{ "pthread_cond_wait", (void *)pthread_cond_wait },
	{ "pthread_key_create", (void *)pthread_key_create },
	{ "sem_wait", (void *)sem_wait },
	{ "sigaction", (void *)sigaction },
	{ "read", (void *)read },
	{ "fcntl", (void *)fcntl },
	{ "accept", (void *)accept },
	{ "fork", (void *)fork },
	{ "dlsym", (void *)dlsym },
	{ "strlen", NULL },
	{ "malloc", NULL },
};

static void *handle;

static void *look(const char *name)
{
	void *at = dlsym(handle, name);

	if (!at) {
		printf("%s: %s\n", name, dlerror());
		exit(1);
	}
	return at;
}

static int (*lock)(pthread_mutex_t *), (*unlock)(pthread_mutex_t *);
static int (*cond_wait)(pthread_cond_t *, pthread_mutex_t *), (*broadcast)(pthread_cond_t *);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int arrived, round_;

static void *body(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		int mine;

		lock(&mutex);
		mine = round_;
		if (++arrived == THREADS) {
			arrived = 0;
			round_++;
			broadcast(&cond);
		}
		while (round_ == mine)
			cond_wait(&cond, &mutex);
		unlock(&mutex);
	}
	return arg;
}

int main(void)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int (*join)(pthread_t, void **);
	pthread_t t[THREADS];
	void *result;
	long sum = 0;

	handle = dlopen("libpthread.so.0", RTLD_NOW);
	if (!handle)
		return 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *found = look(names[i].name);

		if (names[i].linked)
			printf("%s: %s\n", names[i].name,
			       found == names[i].linked ? "the same" : "another");
	}
	printf("no such function: %s\n", dlsym(handle, "no_such_function") ? "?" : "right");
	printf("a message: %s\n", dlerror() ? "yes" : "no");
	printf("and no more: %s\n", dlerror() ? "?" : "right");

	*(void **)&create = look("pthread_create");
	*(void **)&join = look("pthread_join");
	*(void **)&lock = look("pthread_mutex_lock");
	*(void **)&unlock = look("pthread_mutex_unlock");
	*(void **)&cond_wait = look("pthread_cond_wait");
	*(void **)&broadcast = look("pthread_cond_broadcast");
	for (long i = 0; i < THREADS; i++)
		if (create(&t[i], NULL, body, (void *)i) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++) {
		join(t[i], &result);
		sum += (long)result;
	}
	printf("%ld %d\n", sum, round_);
	return 0;
}
