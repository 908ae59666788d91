/* SPDX-License-Identifier: MIT */
/*
 * attr_values.c - every attribute object of the thread functions: what it begins with,
 * what it takes and refuses, what a thread made with it says; the defaults of the
 * program; scheduling parameters and processor time of live threads, from their first
 * moment to their last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err ? strerrorname_np(err) : "0");
}

#define SAY(expression) say(#expression, (expression))

static void thread_attributes(void)
{
	struct sched_param param = { .sched_priority = 5 };
	pthread_attr_t a;
	size_t size;
	cpu_set_t cpus;
	sigset_t mask;
	void *addr;
	int n;

	SAY(pthread_attr_init(&a));
	pthread_attr_getdetachstate(&a, &n);
	printf("joinable %d", n == PTHREAD_CREATE_JOINABLE);
	pthread_attr_getinheritsched(&a, &n);
	printf(", inherits %d", n == PTHREAD_INHERIT_SCHED);
	pthread_attr_getschedpolicy(&a, &n);
	printf(", policy %d", n);
	pthread_attr_getscope(&a, &n);
	printf(", system %d", n == PTHREAD_SCOPE_SYSTEM);
	pthread_attr_getguardsize(&a, &size);
	printf(", guard %zu, mask %d\n", size, pthread_attr_getsigmask_np(&a, &mask));
	SAY(pthread_attr_setdetachstate(&a, 77));
	SAY(pthread_attr_setinheritsched(&a, 77));
	SAY(pthread_attr_setschedpolicy(&a, 77));
	SAY(pthread_attr_setschedpolicy(&a, SCHED_FIFO));
	SAY(pthread_attr_setschedparam(&a, &param));
	param.sched_priority = 1000;
	SAY(pthread_attr_setschedparam(&a, &param));
	SAY(pthread_attr_setscope(&a, PTHREAD_SCOPE_PROCESS));
	SAY(pthread_attr_setscope(&a, 77));
	SAY(pthread_attr_setstacksize(&a, 1));
	SAY(pthread_attr_setstacksize(&a, PTHREAD_STACK_MIN));
	SAY(pthread_attr_setstack(&a, &a, 1));
	SAY(pthread_attr_getstack(&a, &addr, &size));
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	SAY(pthread_attr_setaffinity_np(&a, sizeof(cpus), &cpus));
	CPU_ZERO(&cpus);
	SAY(pthread_attr_getaffinity_np(&a, sizeof(cpus), &cpus));
	printf("cpus %d\n", CPU_COUNT(&cpus));
	SAY(pthread_attr_setaffinity_np(&a, 0, &cpus));
	sigemptyset(&mask);
	SAY(pthread_attr_setsigmask_np(&a, &mask));
	SAY(pthread_attr_getsigmask_np(&a, &mask));
	SAY(pthread_attr_destroy(&a));
}

static void other_attributes(void)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;
	pthread_rwlockattr_t w;
	pthread_barrierattr_t b;
	pthread_mutex_t mutex;
	pthread_barrier_t barrier;
	pthread_spinlock_t spin;
	sem_t sem;
	int n;

	SAY(pthread_mutexattr_init(&m));
	SAY(pthread_mutexattr_settype(&m, 77));
	SAY(pthread_mutexattr_setpshared(&m, 77));
	SAY(pthread_mutexattr_setrobust(&m, 77));
	SAY(pthread_mutexattr_setprotocol(&m, 77));
	SAY(pthread_mutexattr_setprioceiling(&m, 1000));
	SAY(pthread_mutexattr_setprioceiling(&m, -1));
	SAY(pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_PROTECT));
	SAY(pthread_mutexattr_setprioceiling(&m, 10));
	SAY(pthread_mutexattr_getprioceiling(&m, &n));
	printf("ceiling %d\n", n);
	SAY(pthread_mutex_init(&mutex, &m));
	SAY(pthread_mutex_getprioceiling(&mutex, &n));
	printf("ceiling %d\n", n);
	SAY(pthread_mutex_destroy(&mutex));
	/* Robust ones with a ceiling: glibc has none. */
	SAY(pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST));
	SAY(pthread_mutex_init(&mutex, &m));
	SAY(pthread_mutexattr_destroy(&m));
	pthread_mutex_init(&mutex, NULL);
	SAY(pthread_mutex_getprioceiling(&mutex, &n));
	SAY(pthread_mutex_setprioceiling(&mutex, 5, &n));
	SAY(pthread_mutex_consistent(&mutex));
	SAY(pthread_condattr_init(&c));
	SAY(pthread_condattr_setclock(&c, CLOCK_PROCESS_CPUTIME_ID));
	SAY(pthread_condattr_setclock(&c, 77));
	SAY(pthread_condattr_setclock(&c, CLOCK_MONOTONIC));
	SAY(pthread_condattr_setpshared(&c, 77));
	SAY(pthread_condattr_destroy(&c));
	SAY(pthread_rwlockattr_init(&w));
	SAY(pthread_rwlockattr_setkind_np(&w, 77));
	SAY(pthread_rwlockattr_setpshared(&w, 77));
	SAY(pthread_rwlockattr_destroy(&w));
	SAY(pthread_barrierattr_init(&b));
	SAY(pthread_barrierattr_setpshared(&b, 77));
	SAY(pthread_barrierattr_destroy(&b));
	SAY(pthread_barrier_init(&barrier, NULL, 0));
	SAY(pthread_barrier_init(&barrier, NULL, INT_MAX));
	SAY(pthread_barrier_init(&barrier, NULL, UINT_MAX));
	SAY(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
	SAY(pthread_spin_trylock(&spin));
	SAY(pthread_spin_trylock(&spin));
	SAY(pthread_spin_unlock(&spin));
	say("sem_init too large", sem_init(&sem, 0, (unsigned)INT_MAX + 1) ? errno : 0);
	sem_init(&sem, 0, INT_MAX);
	say("sem_post too far", sem_post(&sem) ? errno : 0);
	say("sem_open nowhere", sem_open("/no/such", 0) == SEM_FAILED ? errno : 0);
}

static size_t stack, guard;

static void *tell_stack(void *arg)
{
	pthread_attr_t a;

	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstacksize(&a, &stack);
	pthread_attr_getguardsize(&a, &guard);
	pthread_attr_destroy(&a);
	return NULL;
}

static void in_thread(const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	pthread_t t;
	int err = pthread_create(&t, a, fn, arg);

	if (err)
		say("create", err);
	else
		pthread_join(t, NULL);
}

static void defaults(void)
{
	pthread_attr_t a, old;

	SAY(pthread_getattr_default_np(&old));
	in_thread(NULL, tell_stack, NULL);
	/* What RLIMIT_STACK was when the program began, or libc's own idea. */
	printf("a stack of %zu MiB\n", (stack + (1 << 19)) >> 20);
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 300 * 1024);
	pthread_attr_setguardsize(&a, 16 * 1024);
	SAY(pthread_setattr_default_np(&a));
	in_thread(NULL, tell_stack, NULL);
	printf("stack at least %d, at most %d; guard %zu\n", stack >= 280 * 1024,
	       stack <= 340 * 1024, guard);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	SAY(pthread_setattr_default_np(&a));
	SAY(pthread_setattr_default_np(&old));
	in_thread(NULL, tell_stack, NULL);
	printf("guard %zu\n", guard);
	pthread_attr_destroy(&a);
	pthread_attr_destroy(&old);
	printf("concurrency %d", pthread_getconcurrency());
	printf(" %d", pthread_setconcurrency(4));
	printf(" %d", pthread_getconcurrency());
	printf(" %d\n", pthread_setconcurrency(-1));
}

/* Everybody asks everybody, all the time; half of them have a kernel thread of their own. */
enum { LIVE = 12, ROUNDS = 25 };

static pthread_t live[LIVE];
static pthread_barrier_t begun, asked;
static atomic_int failures;

static void ask(pthread_t t)
{
	struct sched_param param;
	struct timespec ts;
	clockid_t clock;
	cpu_set_t cpus;
	int policy, err;

	err = pthread_getschedparam(t, &policy, &param);
	if (err || policy != SCHED_OTHER || param.sched_priority != 0) {
		failures++;
		say("getschedparam", err);
	}
	err = pthread_getcpuclockid(t, &clock);
	if (err || clock_gettime(clock, &ts) != 0) {
		failures++;
		say("getcpuclockid", err ? err : errno);
	}
	err = pthread_getaffinity_np(t, sizeof(cpus), &cpus);
	if (err) {
		failures++;
		say("getaffinity", err);
	}
}

static void *asks_all(void *arg)
{
	ask(pthread_self());
	pthread_barrier_wait(&begun);
	for (int i = 0; i < LIVE; i++)
		ask(live[i]);
	pthread_barrier_wait(&asked);
	return NULL;
}

static void parameters(void)
{
	struct sched_param param = { 0 };
	pthread_attr_t wired;
	cpu_set_t cpus;

	pthread_barrier_init(&begun, NULL, LIVE + 1);
	pthread_barrier_init(&asked, NULL, LIVE + 1);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	pthread_attr_init(&wired);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus)) {
			CPU_ZERO(&cpus);
			CPU_SET(cpu, &cpus);
			break;
		}
	pthread_attr_setaffinity_np(&wired, sizeof(cpus), &cpus);
	for (int k = 0; k < ROUNDS; k++) {
		for (int i = 0; i < LIVE; i++) {
			if (pthread_create(&live[i], i % 4 == 0 ? &wired : NULL, asks_all, NULL))
				abort();
			ask(live[i]); /* may not have begun */
		}
		pthread_barrier_wait(&begun);
		for (int i = 0; i < LIVE; i++)
			ask(live[i]);
		pthread_barrier_wait(&asked);
		for (int i = 0; i < LIVE; i++)
			pthread_join(live[i], NULL);
	}
	printf("parameters: %d failures\n", (int)failures);
	SAY(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param));
	SAY(pthread_setschedparam(pthread_self(), 77, &param));
	param.sched_priority = 7;
	SAY(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param));
	SAY(pthread_setschedprio(pthread_self(), 7));
	SAY(pthread_setschedprio(pthread_self(), 0));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	thread_attributes();
	other_attributes();
	defaults();
	parameters();
	return 0;
}
