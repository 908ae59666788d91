/* SPDX-License-Identifier: MIT */
/*
 * block_hogs.c - an echo thread among threads that give nobody a chance: one in a read
 * made by an instruction of its own, one in flock, one in wait, one opening a FIFO, and
 * one that computes without end. The client is another process. Prints what it got; how
 * long the slowest answer took goes to standard error, "slowest_us N".
 *
 *	block_hogs [REQUESTS [MICROSECONDS_BETWEEN]]
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HOGS = 5 };

static char dir[] = "/tmp/block_hogs.XXXXXX", fifo[64], file[64];
static int raw_pipe[2], child_pipe[2], locked, connection[2];
static volatile int stop;
static volatile unsigned long computed;
static long requests = 100, gap = 1000;

static void *raw_read(void *arg)
{
	char c = 0;
	long n;

	__asm__ volatile("syscall"
			 : "=a"(n)
			 : "a"(SYS_read), "D"(raw_pipe[0]), "S"(&c), "d"(1)
			 : "rcx", "r11", "memory");
	printf("read: %ld\n", n == 1 ? (long)c : n);
	return arg;
}

static void *lock_file(void *arg)
{
	int fd = open(file, O_RDWR), ret = flock(fd, LOCK_EX);

	printf("flock: %d\n", ret);
	return arg;
}

static void *wait_child(void *arg)
{
	int status = 0;
	pid_t pid = wait(&status);

	printf("wait: %d, status %#x\n", pid > 0, (unsigned)status);
	return arg;
}

static void *open_fifo(void *arg)
{
	int fd = open(fifo, O_RDONLY);

	printf("open: %d\n", fd >= 0);
	return arg;
}

static void *compute(void *arg)
{
	while (!stop)
		computed++;
	printf("compute: done\n");
	return arg;
}

static void *echo(void *arg)
{
	char b[64];
	ssize_t n;

	while ((n = read(connection[0], b, sizeof(b))) > 0)
		CHECK(write(connection[0], b, (size_t)n) == n);
	return arg;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void client(void)
{
	double slowest = 0, before;
	long right = 0;
	char b[64], c[64];

	close(connection[0]);
	close(child_pipe[1]);
	for (long i = 0; i < requests; i++) {
		int n = snprintf(b, sizeof(b), "request %ld\n", i);

		before = now();
		CHECK(write(connection[1], b, (size_t)n) == n);
		right += read(connection[1], c, sizeof(c)) == n && memcmp(b, c, (size_t)n) == 0;
		before = now() - before;
		slowest = before > slowest ? before : slowest;
		usleep((unsigned)gap);
	}
	printf("answers: %ld of %ld right\n", right, requests);
	fprintf(stderr, "slowest_us %.0f\n", slowest);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	void *(*const hogs[HOGS])(void *) = { raw_read, lock_file, wait_child, open_fifo, compute };
	pthread_t t[HOGS], echoer;
	pid_t child, asker;
	char c;

	if (argc > 1)
		requests = atol(argv[1]);
	if (argc > 2)
		gap = atol(argv[2]);
	CHECK(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	CHECK(mkfifo(fifo, 0600) == 0 && pipe(raw_pipe) == 0 && pipe(child_pipe) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, connection) == 0);
	locked = open(file, O_RDWR | O_CREAT, 0600);
	CHECK(locked >= 0 && flock(locked, LOCK_EX) == 0);
	asker = fork();
	CHECK(asker >= 0);
	/* Two generations, so that there is one other child to wait for. */
	if (asker == 0) {
		asker = fork();
		if (asker == 0)
			client();
		_exit(asker < 0);
	}
	CHECK(waitpid(asker, NULL, 0) == asker);
	/* The client ends by itself; its connection does then. */
	close(connection[1]);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		/* Neither outlives a process that is killed. */
		close(child_pipe[1]);
		close(connection[0]);
		_exit(read(child_pipe[0], &c, 1) == 1 ? 7 : 8);
	}
	CHECK(pthread_create(&echoer, NULL, echo, NULL) == 0);
	for (int i = 0; i < HOGS; i++)
		CHECK(pthread_create(&t[i], NULL, hogs[i], NULL) == 0);
	pthread_join(echoer, NULL);
	/* One after the other, so that the output is always the same. */
	CHECK(write(raw_pipe[1], "r", 1) == 1);
	pthread_join(t[0], NULL);
	CHECK(flock(locked, LOCK_UN) == 0);
	pthread_join(t[1], NULL);
	close(open(fifo, O_WRONLY));
	pthread_join(t[3], NULL);
	stop = 1;
	pthread_join(t[4], NULL);
	CHECK(write(child_pipe[1], "x", 1) == 1);
	pthread_join(t[2], NULL);
	unlink(fifo);
	unlink(file);
	rmdir(dir);
	return 0;
}
