/* SPDX-License-Identifier: MIT */
/*
 * fork_register.c - a program that has a __register_atfork of its own, which hides libc's
 * from every library, and runs what it was told there round its own clone. That leaves the
 * function for clone's child by longjmp.
 */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 8, STACK = 65536 };

static void (*before[MOST])(void);
static unsigned count;

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
		      void *object)
{
	CHECK(count < MOST);
	before[count++] = prepare;
	return 0;
}

static char stack[STACK] __attribute__((aligned(16)));

static int back(void *arg)
{
	longjmp(*(jmp_buf *)arg, 1);
}

static int __attribute__((noinline)) begin(jmp_buf *where)
{
	return clone(back, stack + sizeof(stack), SIGCHLD, where);
}

static int own_fork(void)
{
	jmp_buf where;

	for (unsigned i = count; i-- > 0;)
		if (before[i])
			before[i]();
	return _setjmp(where) ? 0 : begin(&where);
}

/* As the owner of a mutex a thread is called by its number. */
static int number(void)
{
	pthread_mutex_t m = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	int n;

	CHECK(pthread_mutex_lock(&m) == 0);
	n = m.__data.__owner;
	CHECK(pthread_mutex_unlock(&m) == 0);
	return n;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *forks(void *arg)
{
	int before_fork = number(), pid = own_fork(), status;

	if (pid == 0) {
		pthread_t t;

		CHECK(syscall(SYS_gettid) == getpid());
		CHECK(number() == getpid() || number() == before_fork);
		CHECK(pthread_create(&t, NULL, nothing, NULL) == 0);
		_exit(7);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	printf("%#x\n", status);
	return NULL;
}

int main(void)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, forks, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	return 0;
}
