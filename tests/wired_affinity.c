/* SPDX-License-Identifier: MIT */
/*
 * wired_affinity.c - a thread that is bound to a CPU stays there, through yields,
 * sleeps and waits, and nobody else is bound; threads can be bound by others, before
 * they begin, by an attribute, and by their creator's own binding.
 *
 *	wired_affinity CASE
 */
#define _GNU_SOURCE
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static cpu_set_t all, one, other;
static int cpu_one, cpu_other;

static void say(const char *what, int ok)
{
	pthread_mutex_lock(&lock);
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
	pthread_mutex_unlock(&lock);
}

/* The line of this kernel thread's status that begins with key. */
static int status_says(const char *key, const char *value)
{
	char buf[8192], *at;
	int fd = open("/proc/thread-self/status", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	at = strstr(buf, key);
	if (!at)
		return 0;
	at += strlen(key);
	at += strspn(at, ":\t ");
	return strncmp(at, value, strlen(value)) == 0 && at[strlen(value)] == '\n';
}

static int is_bound_to(const cpu_set_t *want)
{
	cpu_set_t now, same;
	char list[32];

	CPU_ZERO(&now);
	if (sched_getaffinity(0, sizeof(now), &now) != 0 || !CPU_EQUAL(&now, want))
		return 0;
	CPU_ZERO(&same);
	if (pthread_getaffinity_np(pthread_self(), sizeof(same), &same) != 0 ||
	    !CPU_EQUAL(&same, want))
		return 0;
	CPU_ZERO(&same);
	if (sched_getaffinity(gettid(), sizeof(same), &same) != 0 || !CPU_EQUAL(&same, want))
		return 0;
	if (CPU_COUNT(want) == 1) {
		int cpu = CPU_EQUAL(want, &one) ? cpu_one : cpu_other;

		if (sched_getcpu() != cpu)
			return 0;
		snprintf(list, sizeof(list), "%d", cpu);
		return status_says("Cpus_allowed_list", list);
	}
	return 1;
}

static int stays_bound_to(const cpu_set_t *want, int rounds)
{
	struct timespec ts = { 0, 50000 };
	int fds[2], ok = 1;
	char c;

	if (pipe(fds) != 0)
		return 0;
	for (int i = 0; i < rounds && ok; i++) {
		switch (i % 4) {
		case 0:
			sched_yield();
			break;
		case 1:
			nanosleep(&ts, NULL);
			break;
		case 2:
			pthread_mutex_lock(&lock);
			clock_gettime(CLOCK_REALTIME, &ts);
			ts.tv_nsec += 100000;
			if (ts.tv_nsec >= 1000000000) {
				ts.tv_sec++;
				ts.tv_nsec -= 1000000000;
			}
			pthread_cond_timedwait(&cond, &lock, &ts);
			pthread_mutex_unlock(&lock);
			ts = (struct timespec){ 0, 50000 };
			break;
		default:
			ok = write(fds[1], "x", 1) == 1 && read(fds[0], &c, 1) == 1;
			break;
		}
		ok = ok && is_bound_to(want);
	}
	close(fds[0]);
	close(fds[1]);
	return ok;
}

static void *stays_free(void *arg)
{
	return (void *)(intptr_t)stays_bound_to(&all, 60);
}

static void *binds_itself(void *arg)
{
	const cpu_set_t *to = arg;
	int ok = sched_setaffinity(0, sizeof(*to), to) == 0 && stays_bound_to(to, 60);

	/* and elsewhere, and back to all */
	to = to == &one ? &other : &one;
	ok = ok && pthread_setaffinity_np(pthread_self(), sizeof(*to), to) == 0 && stays_bound_to(to, 20);
	return (void *)(intptr_t)(ok && sched_setaffinity(0, sizeof(all), &all) == 0 && is_bound_to(&all));
}

static int join_ok(pthread_t t)
{
	void *result;

	return pthread_join(t, &result) == 0 && result;
}

static void case_self(void)
{
	pthread_t t[8];
	int ok = 1;

	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, i < 4 ? stays_free : binds_itself, i % 2 ? &one : &other);
	for (int i = 0; i < 8; i++)
		ok &= join_ok(t[i]);
	say("each as it wants", ok);
	say("main is free", is_bound_to(&all));
}

static void case_main(void)
{
	pthread_t t;

	pthread_create(&t, NULL, stays_free, NULL);
	say("main bound", sched_setaffinity(0, sizeof(one), &one) == 0 && stays_bound_to(&one, 60));
	say("the other is free", join_ok(t));
	/* From now on threads are born bound. */
	pthread_create(&t, NULL, stays_free, NULL);
	say("a new one is not", !join_ok(t));
	say("main still bound", is_bound_to(&one));
	sched_setaffinity(getpid(), sizeof(all), &all);
	pthread_create(&t, NULL, stays_free, NULL);
	say("free again", is_bound_to(&all) && join_ok(t));
}

static pid_t tid_of_waiter;

static void *waits(void *arg)
{
	int ok;

	tid_of_waiter = gettid();
	to_stage(1);
	await_stage(2);
	ok = stays_bound_to(&one, 20);
	to_stage(3);
	await_stage(4);
	return (void *)(intptr_t)(ok && stays_bound_to(&other, 20));
}

static volatile int spin_stop;

static void *spins(void *arg)
{
	to_stage(1);
	while (!spin_stop)
		;
	return (void *)(intptr_t)is_bound_to(&other);
}

static void case_other(void)
{
	cpu_set_t got;
	pthread_t t;

	pthread_create(&t, NULL, waits, NULL);
	await_stage(1);
	say("bind a waiting thread", pthread_setaffinity_np(t, sizeof(one), &one) == 0);
	CPU_ZERO(&got);
	say("it shows at once", pthread_getaffinity_np(t, sizeof(got), &got) == 0 && CPU_EQUAL(&got, &one));
	CPU_ZERO(&got);
	say("by its number too", sched_getaffinity(tid_of_waiter, sizeof(got), &got) == 0 &&
					 CPU_EQUAL(&got, &one));
	to_stage(2);
	await_stage(3);
	say("bind it elsewhere", sched_setaffinity(tid_of_waiter, sizeof(other), &other) == 0);
	to_stage(4);
	say("it was there", join_ok(t));
	stage = 0;
	pthread_create(&t, NULL, spins, NULL);
	await_stage(1);
	say("bind a running thread", pthread_setaffinity_np(t, sizeof(other), &other) == 0);
	usleep(20000);
	spin_stop = 1;
	say("it was there", join_ok(t));
	say("main is free", is_bound_to(&all));
}

static void *is_bound(void *arg)
{
	return (void *)(intptr_t)stays_bound_to(arg, 20);
}

static void *has_bound_child(void *arg)
{
	pthread_t t;
	int ok = stays_bound_to(arg, 10);

	pthread_create(&t, NULL, is_bound, arg);
	return (void *)(intptr_t)(ok && join_ok(t));
}

/* Not over before it was looked at. */
static void *is_looked_at(void *arg)
{
	void *ok = has_bound_child(arg);

	await_stage(1);
	return ok;
}

static void *binds_and_creates(void *arg)
{
	pthread_t t[3];
	pthread_attr_t attr;
	int ok = sched_setaffinity(0, sizeof(one), &one) == 0;

	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(other), &other);
	pthread_create(&t[0], NULL, is_bound, &one);
	pthread_create(&t[1], &attr, is_bound, &other);
	pthread_create(&t[2], NULL, has_bound_child, &one);
	for (int i = 0; i < 3; i++)
		ok &= join_ok(t[i]);
	return (void *)(intptr_t)ok;
}

static void case_born(void)
{
	pthread_attr_t attr;
	cpu_set_t got;
	pthread_t t, u;

	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	stage = 0;
	pthread_create(&t, &attr, is_looked_at, &one);
	CPU_ZERO(&got);
	say("visible from the start", pthread_getaffinity_np(t, sizeof(got), &got) == 0 && CPU_EQUAL(&got, &one));
	to_stage(1);
	say("born bound", join_ok(t));
	pthread_attr_setaffinity_np(&attr, sizeof(all), &all);
	pthread_create(&t, &attr, stays_free, NULL);
	pthread_create(&u, NULL, binds_and_creates, NULL);
	say("born free", join_ok(t));
	say("inherited", join_ok(u));
	CPU_ZERO(&got);
	pthread_attr_setaffinity_np(&attr, sizeof(got), &got);
	printf("no CPU: %d\n", pthread_create(&t, &attr, stays_free, NULL));
	say("main is free", is_bound_to(&all));
}

static void show(const char *what, long ret)
{
	printf("%s: %ld %s\n", what, ret, ret == -1 ? strerror(errno) : "");
}

static void *errors(void *arg)
{
	cpu_set_t set;
	unsigned char small[1];
	unsigned long big[64];
	size_t n = 0;

	CPU_ZERO(&set);
	show("empty mask", sched_setaffinity(0, sizeof(set), &set));
	printf("the same: %d\n", pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
	CPU_SET(1023, &set);
	show("absent CPU", sched_setaffinity(0, sizeof(set), &set));
	show("null", sched_setaffinity(0, sizeof(set), NULL));
	show("bad address", sched_setaffinity(0, sizeof(set), (void *)16));
	show("no such thread", sched_setaffinity(4000000, sizeof(all), &all));
	show("negative", sched_setaffinity(-5, sizeof(all), &all));
	show("get: no such thread", sched_getaffinity(4000000, sizeof(set), &set));
	show("get: no such thread either", sched_getaffinity(4194304 + 100000, sizeof(set), &set));
	show("get: size", sched_getaffinity(0, sizeof(small), (void *)small));
	show("get: size 0", sched_getaffinity(0, 0, (void *)small));
	printf("get: the same %d\n", pthread_getaffinity_np(pthread_self(), sizeof(small), (void *)small));
	memset(big, 0xff, sizeof(big));
	show("get: large", sched_getaffinity(0, sizeof(big), (void *)big));
	for (size_t i = 1; i < 64; i++)
		n += big[i] != 0;
	printf("get: %zu words not zero\n", n);
	memset(big, 0xff, sizeof(big));
	show("all ones", sched_setaffinity(0, sizeof(big), (void *)big));
	say("is all there are", is_bound_to(&all));
	show("syscall", syscall(SYS_sched_getaffinity, 0, sizeof(set), &set));
	show("syscall", syscall(SYS_sched_setaffinity, gettid(), sizeof(one), &one));
	say("is one", is_bound_to(&one));
	return (void *)1;
}

static void case_errors(void)
{
	pthread_t t;

	pthread_create(&t, NULL, errors, NULL);
	say("done", join_ok(t));
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "self", case_self }, { "main", case_main }, { "other", case_other },
	{ "born", case_born }, { "errors", case_errors },
};

int main(int argc, char **argv)
{
	CPU_ZERO(&all);
	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(cpu_one, &all))
		cpu_one++;
	for (cpu_other = CPU_SETSIZE - 1; !CPU_ISSET(cpu_other, &all);)
		cpu_other--;
	CPU_SET(cpu_one, &one);
	CPU_SET(cpu_other, &other);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (argc > 1 && strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	return 2;
}
