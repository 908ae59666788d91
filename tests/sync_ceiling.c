/* SPDX-License-Identifier: MIT */
/*
 * sync_ceiling.c - mutexes with a priority ceiling: who may lock them, what priority the
 * owner has in the kernel and what pthread_getschedparam says of it. What the machine
 * permits is printed, so that it can be compared.
 *
 *	sync_ceiling POLICY WHO [unprivileged]
 *
 * POLICY: other, fifo, rr. WHO: main, thread, early (main, which locks before it makes
 * its first thread). unprivileged: a real-time policy at priority 5, and nothing above.
 */
#define _GNU_SOURCE
#include "stage.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(expression) say(#expression, (expression))

static int policy;
static bool permitted; /* to have the priorities of all these ceilings */

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err == 0 ? "0" : strerrorname_np(err));
}

static void look(const char *when)
{
	struct sched_param kernel = { -1 }, own = { -1 };
	int own_policy = -1, kernel_policy = sched_getscheduler(0);

	sched_getparam(0, &kernel);
	pthread_getschedparam(pthread_self(), &own_policy, &own);
	printf("  %s: kernel %d/%d, own %d/%d\n", when, kernel_policy, kernel.sched_priority,
	       own_policy, own.sched_priority);
}

static struct timespec soon(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += 5000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void make(pthread_mutex_t *m, int type, int shared, int ceiling)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT);
	pthread_mutexattr_setprioceiling(&a, ceiling);
	pthread_mutexattr_setpshared(&a, shared);
	SAY(pthread_mutex_init(m, &a));
	pthread_mutexattr_destroy(&a);
}

static void *outsider(void *arg)
{
	pthread_mutex_t *m = arg;
	struct timespec ts;
	int ceiling;

	look("born");
	SAY(pthread_mutex_trylock(m));
	look("tried");
	ts = soon(CLOCK_REALTIME);
	SAY(pthread_mutex_timedlock(m, &ts));
	look("timed out");
	ts = soon(CLOCK_MONOTONIC);
	SAY(pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &ts));
	look("timed out again");
	SAY(pthread_mutex_getprioceiling(m, &ceiling));
	return NULL;
}

static void several(int type, int shared)
{
	const struct timespec bad = { .tv_nsec = -1 };
	pthread_mutex_t low, high;
	pthread_t t;

	printf("type %d shared %d\n", type, shared);
	make(&low, type, shared, 20);
	make(&high, type, shared, 30);
	look("at first");
	SAY(pthread_mutex_timedlock(&low, &bad));
	look("low");
	SAY(pthread_mutex_trylock(&high));
	look("low and high");
	pthread_create(&t, NULL, outsider, &low);
	pthread_join(t, NULL);
	if (!permitted) /* what failed counts all the same, and the next attempt succeeds */
		return;
	SAY(pthread_mutex_unlock(&low));
	look("high");
	SAY(pthread_mutex_trylock(&low));
	look("both");
	SAY(pthread_mutex_unlock(&high));
	look("low");
	if (type != PTHREAD_MUTEX_NORMAL) {
		SAY(pthread_mutex_lock(&low));
		SAY(pthread_mutex_trylock(&low));
	}
	if (type == PTHREAD_MUTEX_RECURSIVE) {
		SAY(pthread_mutex_unlock(&low));
		SAY(pthread_mutex_unlock(&low));
	}
	SAY(pthread_mutex_unlock(&low));
	look("none");
	if (type != PTHREAD_MUTEX_NORMAL)
		SAY(pthread_mutex_unlock(&low));
	SAY(pthread_mutex_destroy(&low));
	SAY(pthread_mutex_destroy(&high));
}

static void ceilings(int type)
{
	struct sched_param param = { 0 };
	pthread_mutex_t m;
	int old = -1;

	printf("ceilings, type %d\n", type);
	make(&m, type, PTHREAD_PROCESS_PRIVATE, 20);
	SAY(pthread_mutex_setprioceiling(&m, 0, &old));
	SAY(pthread_mutex_setprioceiling(&m, 100, &old));
	SAY(pthread_mutex_setprioceiling(&m, 40, &old));
	printf("before: %d\n", old);
	SAY(pthread_mutex_lock(&m));
	look("40");
	if (type != PTHREAD_MUTEX_NORMAL) {
		SAY(pthread_mutex_setprioceiling(&m, 12, &old));
		printf("before: %d\n", old);
		look("held");
	}
	SAY(pthread_mutex_unlock(&m));
	look("none");
	if (!permitted)
		return;
	SAY(pthread_mutex_setprioceiling(&m, 3, &old));
	SAY(pthread_mutex_lock(&m));
	SAY(pthread_mutex_trylock(&m));
	look("3");
	SAY(pthread_mutex_setprioceiling(&m, 14, &old));
	SAY(pthread_mutex_lock(&m));
	param.sched_priority = 4;
	SAY(pthread_setschedparam(pthread_self(), policy, &param));
	look("own 4, held 14");
	SAY(pthread_setschedprio(pthread_self(), 2));
	look("own 2, held 14");
	SAY(pthread_mutex_unlock(&m));
	look("own 2");
	param.sched_priority = 5;
	SAY(pthread_setschedparam(pthread_self(), policy, &param));
	SAY(pthread_mutex_destroy(&m));
}

static void conditions(int shared)
{
	pthread_cond_t c;
	pthread_condattr_t a;
	pthread_mutex_t m;
	struct timespec ts;

	printf("condition, shared %d\n", shared);
	pthread_condattr_init(&a);
	pthread_condattr_setpshared(&a, shared);
	pthread_cond_init(&c, &a);
	make(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, 20);
	if (pthread_mutex_lock(&m) == 0) {
		ts = soon(CLOCK_REALTIME);
		SAY(pthread_cond_timedwait(&c, &m, &ts));
		look("back");
		SAY(pthread_mutex_unlock(&m));
	}
	look("none");
	SAY(pthread_cond_destroy(&c));
	SAY(pthread_mutex_destroy(&m));
}

/* Another thread changes the priority of one that holds a ceiling. */
static pthread_mutex_t held;

static void *holder(void *arg)
{
	SAY(pthread_mutex_lock(&held));
	look("holds");
	to_stage(1);
	await_stage(2);
	look("changed");
	SAY(pthread_mutex_unlock(&held));
	look("let go");
	return arg;
}

static void changed(void)
{
	struct sched_param param = { 3 }, got;
	pthread_t t;
	int its;

	make(&held, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, 20);
	pthread_create(&t, NULL, holder, NULL);
	await_stage(1);
	SAY(pthread_setschedparam(t, policy, &param));
	pthread_getschedparam(t, &its, &got);
	printf("its: %d/%d\n", its, got.sched_priority);
	to_stage(2);
	pthread_join(t, NULL);
}

/* Two processes; a child that fork makes holds what its parent held. */
struct common {
	pthread_mutex_t m;
	pthread_cond_t c;
	int turn;
};

static void take_turns(struct common *s, int which)
{
	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&s->m);
		while (s->turn % 2 != which)
			pthread_cond_wait(&s->c, &s->m);
		s->turn++;
		pthread_cond_signal(&s->c);
		pthread_mutex_unlock(&s->m);
	}
}

static void processes(void)
{
	struct common *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_condattr_t a;
	pthread_mutex_t m;
	int status;
	pid_t pid;

	make(&s->m, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, 20);
	pthread_condattr_init(&a);
	pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&s->c, &a);
	make(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, 25);
	SAY(pthread_mutex_lock(&m));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		look("child");
		SAY(pthread_mutex_unlock(&m));
		look("child, none");
		take_turns(s, 1);
		fflush(stdout);
		_exit(0);
	}
	take_turns(s, 0);
	waitpid(pid, &status, 0);
	SAY(pthread_mutex_unlock(&m));
	printf("turns %d, status %d\n", s->turn, status);
	look("parent, none");
}

static void *all(void *arg)
{
	struct sched_param param = { policy == SCHED_OTHER ? 0 : 41 };

	permitted = pthread_setschedparam(pthread_self(), policy, &param) == 0 &&
		    policy != SCHED_OTHER;
	printf("permitted: %d\n", permitted);
	param.sched_priority = policy == SCHED_OTHER ? 0 : 5;
	SAY(pthread_setschedparam(pthread_self(), policy, &param));
	for (int type = 0; type < 3; type++)
		for (int shared = 0; shared < 2; shared++)
			several(type, shared);
	for (int type = 0; type < 3; type++)
		ceilings(type);
	conditions(PTHREAD_PROCESS_PRIVATE);
	conditions(PTHREAD_PROCESS_SHARED);
	if (permitted) {
		changed();
		processes();
	}
	return arg;
}

static void *nothing(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	struct sched_param param = { 5 };
	pthread_mutex_t m;
	pthread_t t;
	int old;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	policy = strcmp(argv[1], "fifo") == 0 ? SCHED_FIFO :
		 strcmp(argv[1], "rr") == 0 ? SCHED_RR : SCHED_OTHER;
	if (argc > 3) {
		struct rlimit limit = { 5, 5 };

		setrlimit(RLIMIT_RTPRIO, &limit);
		if (setresuid(65534, 65534, 65534) != 0)
			return 2;
	}
	if (strcmp(argv[2], "early") == 0) {
		SAY(sched_setscheduler(0, policy, &param));
		make(&m, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE, 20);
		SAY(pthread_mutex_lock(&m));
		pthread_create(&t, NULL, nothing, NULL);
		pthread_join(t, NULL);
		look("held");
		SAY(pthread_mutex_lock(&m));
		SAY(pthread_mutex_unlock(&m));
		look("let go");
		SAY(pthread_mutex_setprioceiling(&m, 10, &old));
		SAY(pthread_mutex_lock(&m));
		look("10");
		SAY(pthread_mutex_unlock(&m));
		look("none");
		return 0;
	}
	pthread_create(&t, NULL, strcmp(argv[2], "thread") == 0 ? all : nothing, NULL);
	pthread_join(t, NULL);
	if (strcmp(argv[2], "main") == 0)
		all(NULL);
	return 0;
}
