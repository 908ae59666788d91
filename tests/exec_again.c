/* SPDX-License-Identifier: MIT */
/*
 * exec_again.c - becomes itself, over and over, with other threads: when it has computed
 * for so long that others want the processor, and, with `signals', while another process
 * sends it signals that it handles. None of that is anything to the next one.
 *
 *	exec_again [signals]
 */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { TIMES = 200, LONG = 120000 };

/* To copy them takes a while, in which the others go on. */
static char ballast[LONG];
#define BALLAST ballast, ballast, ballast, ballast, ballast, ballast, ballast, ballast

static void *compute(void *arg)
{
	for (;;)
		;
	return arg;
}

static void *doze(void *arg)
{
	for (;;)
		usleep(100);
	return arg;
}

static void handle(int sig)
{
	(void)sig;
}

static void send_for_ever(pid_t to)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (kill(to, SIGWINCH) == 0)
		for (volatile int i = 0; i < 3000; i++)
			;
	_exit(0);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	int signals = argc > 1 && strcmp(argv[1], "signals") == 0;
	int n = argc > 2 ? atoi(argv[2]) : 0;
	char next[16];
	double end;
	sigset_t set;
	pthread_t t;

	if (n == TIMES) {
		printf("the last of %d\n", TIMES);
		return 0;
	}
	if (signals) {
		sigemptyset(&set);
		sigaddset(&set, SIGWINCH);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		if (n == 0) {
			pid_t me = getpid(), pid = fork();

			CHECK(pid >= 0);
			if (pid == 0)
				send_for_ever(me);
		}
		signal(SIGWINCH, handle);
		CHECK(pthread_create(&t, NULL, doze, NULL) == 0);
	}
	CHECK(pthread_create(&t, NULL, signals ? doze : compute, NULL) == 0);
	if (signals)
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* Sometimes a time slice, sometimes a bit less or more. */
	end = now() + (signals ? 1 : 2) + (n % 50) * 0.05;
	while (now() < end)
		;
	snprintf(next, sizeof(next), "%d", n + 1);
	memset(ballast, 'x', LONG - 1);
	execl("/proc/self/exe", argv[0], signals ? "signals" : "plain", next, BALLAST, NULL);
	return 1;
}
