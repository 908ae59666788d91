/* SPDX-License-Identifier: MIT */
/*
 * ids_limit.c - at the limit of processes (RLIMIT_NPROC), as a user it holds for: no thread, no
 * process beyond it, and what is there goes on. With the library threads are no kernel
 * threads: once there is one, more can be made than bare.
 *
 * Needs root, to become a user of whom nothing else runs; else it says nothing.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USER = 1900000000, CROWD = 12, ROUNDS = 50 };

static atomic_int stop, handled;

static void limit(rlim_t n)
{
	struct rlimit l;

	CHECK(getrlimit(RLIMIT_NPROC, &l) == 0);
	l.rlim_cur = n;
	CHECK(setrlimit(RLIMIT_NPROC, &l) == 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static void *rest(void *arg)
{
	while (!atomic_load(&stop))
		usleep(500);
	return arg;
}

/* Takes turns, sleeps, and makes a system call that blocks and that nobody replaces. */
static void *work(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static long shared;

	for (int i = 0; i < ROUNDS; i++) {
		struct timespec short_time = { 0, 200000 };

		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
		if (i % 2)
			syscall(SYS_pselect6, 0, NULL, NULL, NULL, &short_time, NULL);
		else
			usleep(100);
	}
	return arg;
}

static void on_usr1(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static void new_processes(const char *when)
{
	char *argv[] = { "true", NULL }, *envp[] = { NULL };
	pid_t pid;
	int err;

	pid = fork();
	err = errno;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	printf("%s: fork %s", when, pid < 0 ? strerror(err) : "works");
	pid = vfork();
	err = errno;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	printf(", vfork %s", pid < 0 ? strerror(err) : "works");
	err = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp);
	if (err == 0)
		waitpid(pid, NULL, 0);
	printf(", posix_spawn %s", err ? strerror(err) : "works");
	err = system("exit 3");
	printf(", system %x\n", err);
}

/* With room for few: those that come do their work, whatever else cannot be had. */
static void crowd(const char *when)
{
	pthread_t t[CROWD];
	int n = 0, err = 0;

	for (; n < CROWD && err == 0; n++)
		err = pthread_create(&t[n], NULL, work, NULL);
	if (err)
		n--;
	if (err != 0 && err != EAGAIN)
		printf("pthread_create: %s\n", strerror(err));
	for (int i = 0; i < n; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	printf("%s: some came %d, all did their work\n", when, n > 0);
	fflush(stdout);
}

int main(void)
{
	pthread_t t;
	int before;

	if (getuid() != 0)
		return 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGUSR1, on_usr1);
	CHECK(setgroups(0, NULL) == 0 && setgid(USER) == 0);
	/* A user for each run: others may be at it. */
	CHECK(setuid((uid_t)(USER + getpid() % 100000000)) == 0);
	limit(1);
	printf("the first thread: %s\n", strerror(pthread_create(&t, NULL, nothing, NULL)));
	printf("once more: %s\n", strerror(pthread_create(&t, NULL, nothing, NULL)));
	new_processes("before");
	limit(3);
	crowd("room for two");
	limit(1);
	new_processes("after");
	limit(8);
	crowd("room for some");
	CHECK(pthread_create(&t, NULL, rest, NULL) == 0);
	limit(1);
	before = atomic_load(&handled);
	CHECK(pthread_kill(t, SIGUSR1) == 0 && raise(SIGUSR1) == 0);
	while (atomic_load(&handled) < before + 2)
		usleep(500);
	printf("signals come\n");
	new_processes("with a thread");
	limit(1000);
	new_processes("without a limit");
	crowd("room for all");
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	return 0;
}
