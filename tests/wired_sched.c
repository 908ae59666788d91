/* SPDX-License-Identifier: MIT */
/*
 * wired_sched.c - scheduling policy, priority and nice value are each thread's own:
 * what succeeds, what fails and how, what others see, what is inherited. What the
 * machine permits is printed, so that it can be compared.
 *
 *	wired_sched CASE [unprivileged]
 */
#define _GNU_SOURCE
#include "stage.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pid_t other_tid;

static void rest(void)
{
	struct timespec ts = { 0, 200000 };

	for (int i = 0; i < 10; i++) {
		sched_yield();
		nanosleep(&ts, NULL);
	}
}

static void show(const char *what, long ret)
{
	printf("%s: %ld%s%s\n", what, ret, ret == -1 ? " " : "", ret == -1 ? strerror(errno) : "");
}

/* All that can be asked about a thread by its number. */
static void look(const char *who, pid_t tid)
{
	struct sched_param param = { -1 };
	struct timespec slice = { 0, 0 };
	int policy, got, nice_value;

	errno = 0;
	policy = sched_getscheduler(tid);
	got = sched_getparam(tid, &param);
	nice_value = getpriority(PRIO_PROCESS, (id_t)tid);
	printf("%s: policy %d priority %d %d nice %d io %ld slice %d%s%s\n", who, policy, got,
	       param.sched_priority, nice_value, syscall(SYS_ioprio_get, 1, tid),
	       sched_rr_get_interval(tid, &slice), errno ? " " : "", errno ? strerror(errno) : "");
}

/* And by the other name. glibc answers with what it was told last, by this name. */
static void look_pthread(const char *who, pthread_t t)
{
	struct sched_param param = { -1 };
	int policy = -1, err = pthread_getschedparam(t, &policy, &param);

	printf("%s: %d policy %d priority %d\n", who, err, policy, param.sched_priority);
}

static void *child(void *arg)
{
	look(arg, 0);
	if (strcmp(arg, "reset") != 0)
		look_pthread(arg, pthread_self());
	return NULL;
}

static void create(const char *what, const pthread_attr_t *attr)
{
	pthread_t t;
	int err = pthread_create(&t, attr, child, (void *)what);

	if (err)
		printf("%s: not created, %s\n", what, strerror(err));
	else
		pthread_join(t, NULL);
}

static void *changes_itself(void *arg)
{
	struct sched_param param = { 0 };

	look("at first", gettid());
	show("setpriority", setpriority(PRIO_PROCESS, 0, 5));
	rest();
	look("nice 5", 0);
	show("nice 3 more", nice(3));
	rest();
	look("nice 8", gettid());
	create("child of nice 8", NULL);
	show("batch", sched_setscheduler(gettid(), SCHED_BATCH, &param));
	rest();
	look("batch", 0);
	create("child of batch", NULL);
	show("ioprio", syscall(SYS_ioprio_set, 1, 0, 3 << 13));
	rest();
	look("idle I/O", 0);
	create("child of idle I/O", NULL);
	printf("other: %d\n", pthread_setschedparam(pthread_self(), SCHED_OTHER, &param));
	rest();
	look("other", 0);
	show("nice -20", nice(-20));
	look("at last", 0);
	return NULL;
}

static void case_self(void)
{
	pthread_t t;

	pthread_create(&t, NULL, changes_itself, NULL);
	pthread_join(t, NULL);
	look("main", getpid());
	create("child of main", NULL);
}

static void *is_changed(void *arg)
{
	other_tid = gettid();
	to_stage(1);
	for (int n = 2; n <= 6; n += 2) {
		await_stage(n);
		rest();
		look("itself", 0);
		to_stage(n + 1);
	}
	return NULL;
}

static void case_other(void)
{
	struct sched_param param = { 0 };
	pthread_t t;

	pthread_create(&t, NULL, is_changed, NULL);
	await_stage(1);
	look("other", other_tid);
	show("nice", setpriority(PRIO_PROCESS, (id_t)other_tid, 7));
	look("other", other_tid);
	to_stage(2);
	await_stage(3);
	printf("batch: %d\n", pthread_setschedparam(t, SCHED_BATCH, &param));
	look_pthread("batch", t);
	look("other", other_tid);
	to_stage(4);
	await_stage(5);
	printf("priority: %d\n", pthread_setschedprio(t, 0));
	printf("priority: %d\n", pthread_setschedprio(t, 1));
	show("idle", sched_setscheduler(other_tid, SCHED_IDLE, &param));
	look("other", other_tid);
	to_stage(6);
	await_stage(7);
	pthread_join(t, NULL);
	/* The kernel takes it off its list a little later. */
	while (sched_getscheduler(other_tid) >= 0)
		usleep(1000);
	errno = 0;
	show("gone", sched_getscheduler(other_tid));
	show("gone", sched_setscheduler(other_tid, SCHED_OTHER, &param));
	errno = 0;
	show("gone", getpriority(PRIO_PROCESS, (id_t)other_tid));
	look("main", getpid());
}

static void *errors(void *arg)
{
	struct sched_param param = { 0 };
	pthread_t self = pthread_self();

	show("policy 77", sched_setscheduler(0, 77, &param));
	show("policy -1", sched_setscheduler(0, -1, &param));
	show("null", sched_setscheduler(0, SCHED_OTHER, NULL));
	show("bad address", sched_getparam(0, (void *)16));
	show("negative", sched_getscheduler(-1));
	show("no such", sched_setscheduler(4000000, SCHED_OTHER, &param));
	param.sched_priority = 1;
	show("other 1", sched_setscheduler(0, SCHED_OTHER, &param));
	show("setparam 1", sched_setparam(0, &param));
	printf("other 1: %d\n", pthread_setschedparam(self, SCHED_OTHER, &param));
	param.sched_priority = 0;
	printf("fifo 0: %d\n", pthread_setschedparam(self, SCHED_FIFO, &param));
	param.sched_priority = 100;
	printf("rr 100: %d\n", pthread_setschedparam(self, SCHED_RR, &param));
	printf("policy 77: %d\n", pthread_setschedparam(self, 77, &param));
	look("still", 0);
	param.sched_priority = 1;
	printf("fifo 1: %d\n", pthread_setschedparam(self, SCHED_FIFO, &param));
	look("fifo", 0);
	look_pthread("fifo", self);
	param.sched_priority = 2;
	show("setparam 2", sched_setparam(0, &param));
	show("rr", sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param));
	look("rr", 0);
	create("reset", NULL); /* by the kernel */
	param.sched_priority = 0;
	printf("back: %d\n", pthread_setschedparam(self, SCHED_OTHER, &param));
	look("back", 0);
	look_pthread("back", self);
	show("nobody", setpriority(PRIO_PROCESS, 4000000, 1));
	show("nothing", setpriority(77, 0, 1));
	show("nice 0", nice(0));
	show("better", setpriority(PRIO_PROCESS, 0, -3));
	show("better", nice(-2));
	look("at last", 0);
	show("group", setpriority(PRIO_PGRP, 4000000, 1));
	return NULL;
}

static void case_errors(void)
{
	pthread_t t;

	pthread_create(&t, NULL, errors, NULL);
	pthread_join(t, NULL);
	look("main", 0);
}

static void case_attr(void)
{
	struct sched_param param = { 0 };
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	create("explicit other", &attr);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	create("explicit fifo 0", &attr);
	param.sched_priority = 3;
	pthread_attr_setschedparam(&attr, &param);
	create("explicit fifo 3", &attr);
	pthread_attr_setschedpolicy(&attr, SCHED_RR);
	create("explicit rr 3", &attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED);
	create("inherit", &attr);
	look("main", 0);
}

static void case_main(void)
{
	create("before", NULL);
	show("nice", nice(4));
	look("main", 0);
	create("after", NULL);
	rest();
	look("main", getpid());
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && setresuid(65534, 65534, 65534) != 0)
		return 77;
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "self") == 0)
		case_self();
	else if (strcmp(argv[1], "other") == 0)
		case_other();
	else if (strcmp(argv[1], "errors") == 0)
		case_errors();
	else if (strcmp(argv[1], "attr") == 0)
		case_attr();
	else if (strcmp(argv[1], "main") == 0)
		case_main();
	else
		return 2;
	return 0;
}
