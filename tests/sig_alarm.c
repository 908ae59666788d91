/* SPDX-License-Identifier: MIT */
/*
 * sig_alarm.c - timers of the kernel: a handler that sets the flag a computing thread
 * looks at, an interval that ticks while threads block and compute, and the old way of
 * giving a call a time-out, by jumping out of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t flag, ticks;
static sigjmp_buf out;
static int fds[2];

static void set_flag(int sig)
{
	flag = 1;
}

static void tick(int sig)
{
	ticks++;
}

static void jump(int sig)
{
	siglongjmp(out, 1);
}

static void alarm_ms(long ms, long every)
{
	struct itimerval it = { { 0, every * 1000 }, { 0, ms * 1000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static int blocked(int sig)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, sig);
}

static void *idle(void *arg)
{
	char c;

	return (void *)(long)read(fds[0], &c, 1);
}

static volatile int stop;

static void *compute(void *arg)
{
	volatile unsigned long n = 0;

	while (!stop)
		n++;
	return NULL;
}

static void test_flag(void)
{
	volatile unsigned long n = 0;

	signal(SIGALRM, set_flag);
	for (int i = 0; i < 3; i++) {
		flag = 0;
		alarm_ms(10, 0);
		while (!flag)
			n++;
	}
	printf("a computing main sees its alarms\n");
}

static void test_ticks(void)
{
	struct sigaction act = { .sa_handler = tick };
	int slept = 0, broken = 0;

	sigaction(SIGALRM, &act, NULL);
	alarm_ms(5, 5);
	while (ticks < 20) {
		struct timespec ts = { 1000, 0 }; /* never over, however late a tick is */

		slept++;
		if (nanosleep(&ts, NULL) < 0 && errno == EINTR)
			broken++;
	}
	alarm_ms(0, 0);
	printf("a sleeping main is woken by each tick: %s\n", slept == broken ? "yes" : "no");
}

static void test_jump(void)
{
	volatile int timeouts = 0, left_blocked = 0;

	signal(SIGALRM, jump);
	for (volatile int i = 0; i < 10; i++) {
		char c;

		if (sigsetjmp(out, 1) == 0) {
			alarm_ms(2, 0);
			if (read(fds[0], &c, 1) >= 0)
				printf("read returned\n");
		} else {
			timeouts++;
			left_blocked += blocked(SIGALRM);
		}
	}
	printf("jumped out of read: %d times, signal left blocked %d times\n", timeouts, left_blocked);
	signal(SIGALRM, jump);
	timeouts = 0;
	for (volatile int i = 0; i < 10; i++) {
		if (sigsetjmp(out, 1) == 0) {
			alarm_ms(1, 0);
			for (;;)
				;
		} else {
			timeouts++;
		}
	}
	printf("jumped out of a loop: %d times\n", timeouts);
}

static void *jumper(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	test_jump();
	return NULL;
}

int main(void)
{
	sigset_t set;
	pthread_t t, computer;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* for the threads; then the alarms are main's */
	if (pipe(fds) < 0 || pthread_create(&t, NULL, idle, NULL) != 0)
		return 1;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	test_flag();
	test_ticks();
	test_jump();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&computer, NULL, compute, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	test_flag();
	ticks = 0;
	test_ticks();
	test_jump();
	stop = 1;
	pthread_join(computer, NULL);
	/* Now the only thread that lets it in is another one. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&computer, NULL, jumper, NULL);
	pthread_join(computer, NULL);
	if (write(fds[1], "x", 1) != 1)
		return 1;
	pthread_join(t, NULL);
	return 0;
}
