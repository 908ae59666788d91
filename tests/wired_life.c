/* SPDX-License-Identifier: MIT */
/*
 * wired_life.c - threads with a kernel thread of their own come and go like others:
 * their kernel threads end with them, they wait for each other and for ordinary ones,
 * and processes end from any of them.
 *
 *	wired_life CASE
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static cpu_set_t all, one;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void say(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
	fflush(stdout);
}

static int kernel_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Kernel threads end a little after their threads were joined. */
static int back_to(int n)
{
	for (int i = 0; i < 2000 && kernel_threads() > n; i++)
		usleep(10000);
	return kernel_threads() <= n;
}

static int join_ok(pthread_t t)
{
	void *result;

	return pthread_join(t, &result) == 0 && result;
}

static void *binds(void *arg)
{
	int ok = sched_setaffinity(0, sizeof(one), &one) == 0;

	if (arg)
		usleep(1000);
	return (void *)(intptr_t)(ok && sched_getcpu() >= 0);
}

static void *binds_by_prctl(void *arg)
{
	return (void *)(intptr_t)(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

static void case_end(void)
{
	pthread_attr_t attr;
	pthread_t t[40];
	int before, ok = 1;

	pthread_create(&t[0], NULL, binds, NULL);
	ok &= join_ok(t[0]);
	usleep(50000);
	before = kernel_threads();
	for (int i = 0; i < 200; i++) {
		pthread_create(&t[0], NULL, i % 2 ? binds : binds_by_prctl, i % 3 ? (void *)1 : NULL);
		ok &= join_ok(t[0]);
	}
	say("one after the other", ok);
	/* as many ordinary ones as it has use for may have been started meanwhile */
	say("no kernel threads left", back_to(before + 8));
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 40; i++)
			pthread_create(&t[i], NULL, i % 2 ? binds : binds_by_prctl, i % 3 ? (void *)1 : NULL);
		for (int i = 0; i < 40; i++)
			ok &= join_ok(t[i]);
	}
	say("many at once", ok);
	say("no kernel threads left", back_to(before + 8));
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	for (int i = 0; i < 100; i++)
		ok &= pthread_create(&t[0], &attr, binds, NULL) == 0;
	say("detached", ok);
	say("no kernel threads left", back_to(before + 8));
}

/* ---- ping-pong ---- */

enum { ROUNDS = 3000 };

static int turn;
static int fds[2][2];
static sem_t sems[2];

static void *ping_cond(void *arg)
{
	int me = (int)(intptr_t)arg & 1, ok = 1;

	if ((intptr_t)arg & 2)
		ok = sched_setaffinity(0, sizeof(one), &one) == 0;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < ROUNDS; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &lock);
		turn = !me;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&lock);
	return (void *)(intptr_t)ok;
}

static void *ping_socket(void *arg)
{
	int me = (int)(intptr_t)arg & 1, ok = 1;
	char c = 'x';

	if ((intptr_t)arg & 2)
		ok = sched_setaffinity(0, sizeof(one), &one) == 0;
	for (int i = 0; i < ROUNDS && ok; i++) {
		if (me)
			ok = write(fds[1][1], &c, 1) == 1 && read(fds[0][0], &c, 1) == 1;
		else
			ok = read(fds[1][0], &c, 1) == 1 && write(fds[0][1], &c, 1) == 1;
	}
	return (void *)(intptr_t)ok;
}

static void *ping_sem(void *arg)
{
	int me = (int)(intptr_t)arg & 1, ok = 1;

	if ((intptr_t)arg & 2)
		ok = sched_setaffinity(0, sizeof(one), &one) == 0;
	for (int i = 0; i < ROUNDS && ok; i++) {
		ok = sem_wait(&sems[me]) == 0;
		sem_post(&sems[!me]);
	}
	return (void *)(intptr_t)ok;
}

static void pair(const char *what, void *(*body)(void *), int wired)
{
	pthread_t a, b;

	turn = 0;
	pthread_create(&a, NULL, body, (void *)(intptr_t)(0 | (wired & 1 ? 2 : 0)));
	pthread_create(&b, NULL, body, (void *)(intptr_t)(1 | (wired & 2 ? 2 : 0)));
	say(what, join_ok(a) & join_ok(b));
}

static void case_pingpong(void)
{
	if (pipe(fds[0]) != 0 || pipe(fds[1]) != 0)
		return;
	sem_init(&sems[0], 0, 1);
	sem_init(&sems[1], 0, 0);
	pair("cond, both", ping_cond, 3);
	pair("cond, one", ping_cond, 1);
	pair("pipe, both", ping_socket, 3);
	pair("pipe, one", ping_socket, 2);
	pair("semaphore, both", ping_sem, 3);
	pair("semaphore, one", ping_sem, 1);
}

/* ---- a crowd: binding, unbinding, ordinary work, all at once ---- */

static volatile int crowd_stop;
static unsigned long counted, expected;

static void *counts(void *arg)
{
	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&lock);
		counted++;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&lock);
		if (i % 50 == (int)(intptr_t)arg % 50)
			sched_setaffinity(0, sizeof(one), i & 1 ? &one : &all);
		if (i % 20 == 0)
			usleep(100);
	}
	return (void *)1;
}

static void *binds_others(void *arg)
{
	pthread_t *t = arg;
	unsigned seed = 1;

	while (!crowd_stop) {
		seed = seed * 1103515245 + 12345;
		pthread_setaffinity_np(t[(seed >> 16) % 12], sizeof(one), seed & 65536 ? &one : &all);
		usleep(300);
	}
	return (void *)1;
}

static pthread_t crowd[12];

static void case_crowd(void)
{
	struct timespec deadline;
	pthread_t binder;
	int ok = 1;

	for (int i = 0; i < 12; i++)
		pthread_create(&crowd[i], NULL, counts, (void *)(intptr_t)(i * 4 + (i & 1 ? 1000000 : 0)));
	expected = 12 * 300;
	pthread_create(&binder, NULL, binds_others, crowd);
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 50;
	pthread_mutex_lock(&lock);
	while (counted < expected && pthread_cond_timedwait(&cond, &lock, &deadline) == 0)
		;
	pthread_mutex_unlock(&lock);
	crowd_stop = 1;
	ok &= join_ok(binder);
	for (int i = 0; i < 12; i++)
		ok &= join_ok(crowd[i]);
	say("everyone counted", ok && counted == expected);
}

/* ---- ends of the process ---- */

static void *exits(void *arg)
{
	binds(NULL);
	exit(17);
}

static void *exits_main_gone(void *arg)
{
	binds(NULL);
	usleep(20000);
	puts("main is gone");
	return NULL;
}

static void *waits(void *arg)
{
	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&cond, &lock);
	return NULL;
}

static void case_exit(void)
{
	pthread_t t;

	pthread_create(&t, NULL, waits, NULL);
	pthread_create(&t, NULL, exits, NULL);
	pthread_join(t, NULL);
}

static void case_main_exits(void)
{
	pthread_t t;

	pthread_create(&t, NULL, exits_main_gone, NULL);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_exit(NULL);
}

static void *cancelled(void *arg)
{
	binds(NULL);
	pthread_mutex_lock(&lock);
	turn = 7;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	for (;;)
		pause();
	return NULL;
}

static void case_cancel(void)
{
	pthread_t t;
	void *result = NULL;

	pthread_create(&t, NULL, cancelled, NULL);
	pthread_mutex_lock(&lock);
	while (turn != 7)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	usleep(10000);
	pthread_cancel(t);
	pthread_join(t, &result);
	say("cancelled", result == PTHREAD_CANCELED);
}

static void *forks(void *arg)
{
	int status = 0, ok = 1;

	binds(NULL);
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t t[4];

			ok = 1;
			for (int k = 0; k < 4; k++)
				ok &= pthread_create(&t[k], NULL, binds, (void *)1) == 0;
			for (int k = 0; k < 4; k++)
				ok &= join_ok(t[k]);
			ok &= sched_setaffinity(0, sizeof(all), &all) == 0;
			pthread_create(&t[0], NULL, binds, (void *)1);
			_exit(ok && join_ok(t[0]) ? 5 : 6);
		}
		ok &= waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5;
	}
	ok &= system("exit 3") == 3 << 8;
	return (void *)(intptr_t)ok;
}

static void case_fork(void)
{
	pthread_t t[3];
	int ok = 1;

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, forks, NULL);
	for (int i = 0; i < 3; i++)
		ok &= join_ok(t[i]);
	say("children", ok);
	sched_setaffinity(0, sizeof(one), &one);
	say("of main", forks(NULL) != NULL);
}

/* ---- */

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "end", case_end }, { "pingpong", case_pingpong }, { "crowd", case_crowd },
	{ "exit", case_exit }, { "main-exits", case_main_exits }, { "cancel", case_cancel },
	{ "fork", case_fork },
};

int main(int argc, char **argv)
{
	int cpu = 0;

	CPU_ZERO(&all);
	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_SET(cpu, &one);
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	return 2;
}
