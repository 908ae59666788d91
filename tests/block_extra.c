/* SPDX-License-Identifier: MIT */
/*
 * block_extra.c - many threads in a read made by an instruction of their own, which no
 * library can catch: each needs a kernel thread. Another process lets them go one by one.
 * Afterwards the kernel threads have to go, too: all but one that sleeps for each
 * processor, the poller, the one that looks, and the monitor. The most seen go to standard
 * error, "kernel_threads N".
 *
 *	block_extra [THREADS [KERNEL_THREADS]]
 *
 * The other process begins when this one has that many kernel threads, and standard input
 * has ended.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 4000 };

static int (*pipes)[2];
static _Atomic long right;

static long kernel_threads(pid_t pid)
{
	char line[256], path[64];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Threads:", 8) == 0)
			n = atol(line + 8);
	if (f)
		fclose(f);
	return n;
}

static void *body(void *arg)
{
	char c = 0;
	long n;

	__asm__ volatile("syscall"
			 : "=a"(n)
			 : "a"(SYS_read), "D"(pipes[(long)arg][0]), "S"(&c), "d"(1)
			 : "rcx", "r11", "memory");
	right += n == 1 && c == (char)(long)arg;
	return NULL;
}

static long few(void)
{
	const char *procs = getenv("GOSHIM_MAXPROCS");

	return (procs ? atol(procs) : sysconf(_SC_NPROCESSORS_ONLN)) + 3;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 30, begin = argc > 2 ? atol(argv[2]) : 0;
	long most = 0, now = 0;
	pthread_t *t = calloc((size_t)threads, sizeof(*t));
	pid_t child;
	char c;

	pipes = calloc((size_t)threads, sizeof(*pipes));
	CHECK(t && pipes);
	for (long i = 0; i < threads; i++)
		CHECK(pipe(pipes[i]) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		for (int i = 0; i < PATIENCE && kernel_threads(getppid()) < begin; i++)
			usleep(5000);
		while (read(0, &c, 1) > 0)
			;
		usleep(100000);
		for (long i = 0; i < threads; i++) {
			c = (char)i;
			CHECK(write(pipes[i][1], &c, 1) == 1);
			usleep(2000);
		}
		_exit(0);
	}
	for (long i = 0; i < threads; i++)
		CHECK(pthread_create(&t[i], NULL, body, (void *)i) == 0);
	for (long i = 0; i < threads; i++) {
		now = kernel_threads(getpid());
		most = now > most ? now : most;
		pthread_join(t[i], NULL);
	}
	CHECK(waitpid(child, NULL, 0) == child);
	printf("read: %ld of %ld right\n", right, threads);
	for (int i = 0; i < PATIENCE && (now = kernel_threads(getpid())) > few(); i++)
		usleep(5000);
	printf("kernel threads: %s\n", now <= few() ? "few again" : "still many");
	fprintf(stderr, "kernel_threads %ld\n", most);
	return 0;
}
