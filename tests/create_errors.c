/* SPDX-License-Identifier: MIT */
/*
 * create_errors.c - pthread_create when it cannot: attributes that are wrong,
 * stacks nobody could have, no address space left; and that afterwards threads
 * can be made again as if nothing had happened.
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
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FAILURES = 200, MANY = 4096 };

static const char *name(int err)
{
	switch (err) {
	case 0: return "0";
	case EAGAIN: return "EAGAIN";
	case EINVAL: return "EINVAL";
	case EPERM: return "EPERM";
	case ENOTSUP: return "ENOTSUP";
	case ENOMEM: return "ENOMEM";
	}
	return strerror(err);
}

static unsigned long ran;

static void *body(void *arg)
{
	__atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
	return arg;
}

static int make(const pthread_attr_t *attr)
{
	pthread_t thread;
	int err = pthread_create(&thread, attr, body, &ran);

	if (!err) {
		void *result = NULL;

		pthread_join(thread, &result);
		if (result != &ran)
			printf("wrong result\n");
	}
	return err;
}

static void test_attributes(void)
{
	pthread_attr_t attr;
	struct sched_param param = { .sched_priority = 99999 };

	pthread_attr_init(&attr);
	printf("stack size 0: %s\n", name(pthread_attr_setstacksize(&attr, 0)));
	printf("stack size too small: %s\n",
	       name(pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN - 1)));
	printf("stack too small: %s\n", name(pthread_attr_setstack(&attr, &attr, 100)));
	printf("detach state 7: %s\n", name(pthread_attr_setdetachstate(&attr, 7)));
	printf("scheduling policy 99: %s\n", name(pthread_attr_setschedpolicy(&attr, 99)));
	printf("inherit 5: %s\n", name(pthread_attr_setinheritsched(&attr, 5)));
	printf("scope process: %s\n", name(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS)));
	printf("scope 9: %s\n", name(pthread_attr_setscope(&attr, 9)));
	pthread_attr_setschedpolicy(&attr, SCHED_RR);
	printf("priority 99999: %s\n", name(pthread_attr_setschedparam(&attr, &param)));
	pthread_attr_destroy(&attr);

	pthread_attr_init(&attr);
	printf("after refused settings: %s\n", name(make(&attr)));
	pthread_attr_setguardsize(&attr, SIZE_MAX);
	printf("guard of SIZE_MAX: %s\n", name(make(&attr)));
	pthread_attr_setguardsize(&attr, SIZE_MAX / 2);
	printf("guard of SIZE_MAX / 2: %s\n", name(make(&attr)));
	pthread_attr_setguardsize(&attr, 4096);
	pthread_attr_setstacksize(&attr, (size_t)1 << 47);
	printf("stack of 128 TiB: %s\n", name(make(&attr)));
	pthread_attr_setstacksize(&attr, SIZE_MAX / 4);
	printf("stack of SIZE_MAX / 4: %s\n", name(make(&attr)));
	pthread_attr_setstacksize(&attr, SIZE_MAX - 100);
	printf("stack of nearly SIZE_MAX: %s\n", name(make(&attr)));
	pthread_attr_setstacksize(&attr, 1 << 20);
	printf("stack of 1 MiB: %s\n", name(make(&attr)));
	pthread_attr_setguardsize(&attr, 4 << 20);
	printf("its guard of 4 MiB: %s\n", name(make(&attr)));
	pthread_attr_destroy(&attr);
}

static size_t address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu", &pages) != 1)
		abort();
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* With a limit a little above what is used, a big stack is refused, again and again,
   a small one still works. */
static void test_address_space(void)
{
	struct rlimit old, new;
	pthread_attr_t big, small;
	unsigned again = 0, other = 0;

	pthread_attr_init(&big);
	pthread_attr_setstacksize(&big, 512 << 20);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 << 10);
	printf("small stack before: %s\n", name(make(&small)));

	getrlimit(RLIMIT_AS, &old);
	new = old;
	new.rlim_cur = address_space() + (256 << 20);
	setrlimit(RLIMIT_AS, &new);
	for (int i = 0; i < FAILURES; i++) {
		int err = make(&big);

		if (err == EAGAIN)
			again++;
		else
			other++;
	}
	printf("%d big stacks under RLIMIT_AS: %u EAGAIN, %u other\n", FAILURES, again, other);
	printf("small stack under RLIMIT_AS: %s\n", name(make(&small)));
	setrlimit(RLIMIT_AS, &old);
	printf("big stack afterwards: %s\n", name(make(&big)));
	pthread_attr_destroy(&big);
	pthread_attr_destroy(&small);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int go;

static void *wait_for_go(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!go)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

/* Threads until there is no room for another; all of those made work and can be joined. */
static void test_until_full(void)
{
	static pthread_t threads[MANY];
	struct rlimit old, new;
	pthread_attr_t attr;
	unsigned made = 0, right = 0;
	int err = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 << 20);
	getrlimit(RLIMIT_AS, &old);
	new = old;
	new.rlim_cur = address_space() + ((size_t)1 << 30);
	setrlimit(RLIMIT_AS, &new);
	while (made < MANY) {
		err = pthread_create(&threads[made], &attr, wait_for_go, (void *)(uintptr_t)made);
		if (err)
			break;
		made++;
	}
	setrlimit(RLIMIT_AS, &old);
	printf("until full: %s, some were made: %s\n", name(err), made > 0 && made < MANY ? "yes" : "no");
	pthread_mutex_lock(&lock);
	go = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < made; i++) {
		void *result = &lock;

		if (pthread_join(threads[i], &result) == 0 && result == (void *)(uintptr_t)i)
			right++;
	}
	printf("joined: %s\n", right == made ? "all" : "not all");
	pthread_attr_destroy(&attr);
}

int main(void)
{
	test_attributes();
	test_address_space();
	test_until_full();
	printf("default afterwards: %s\n", name(make(NULL)));
	return 0;
}
