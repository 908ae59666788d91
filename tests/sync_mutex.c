/* SPDX-License-Identifier: MIT */
/*
 * sync_mutex.c - what mutexes promise: the answers of each kind, mutual exclusion
 * under contention, time-outs on both clocks, robust and process-shared ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *name(int err)
{
	return err ? strerrorname_np(err) : "0";
}

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, name(err));
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return ts;
}

static void make(pthread_mutex_t *m, int type, int protocol, int robust, int shared)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutexattr_setpshared(&a, shared);
	say("init", pthread_mutex_init(m, &a));
	pthread_mutexattr_destroy(&a);
}

/* Operations on a mutex another thread holds. */
static void *outsider(void *arg)
{
	pthread_mutex_t *m = arg;
	struct timespec ts;

	say("  trylock", pthread_mutex_trylock(m));
	ts = in_ms(CLOCK_REALTIME, 20);
	say("  timedlock", pthread_mutex_timedlock(m, &ts));
	ts = in_ms(CLOCK_MONOTONIC, 20);
	say("  clocklock", pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &ts));
	ts = in_ms(CLOCK_REALTIME, -1000);
	say("  past", pthread_mutex_timedlock(m, &ts));
	ts = (struct timespec){ .tv_sec = -5 };
	say("  before time", pthread_mutex_timedlock(m, &ts));
	ts = in_ms(CLOCK_REALTIME, 20);
	ts.tv_nsec = 1000000000;
	say("  bad nanoseconds", pthread_mutex_timedlock(m, &ts));
	say("  bad clock", pthread_mutex_clocklock(m, CLOCK_PROCESS_CPUTIME_ID, &ts));
	return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, fn, arg);
	pthread_join(t, NULL);
}

static void *unlock_it(void *m)
{
	say("  foreign unlock", pthread_mutex_unlock(m));
	return NULL;
}

static void kinds(const char *title, int type, int protocol, int robust, int shared)
{
	struct timespec bad = { .tv_nsec = -1 };
	pthread_mutex_t m;

	printf("%s\n", title);
	make(&m, type, protocol, robust, shared);
	say("free, bad time", pthread_mutex_timedlock(&m, &bad));
	say("destroy held", robust == PTHREAD_MUTEX_ROBUST ? EBUSY : pthread_mutex_destroy(&m));
	in_thread(outsider, &m);
	if (type != PTHREAD_MUTEX_NORMAL)
		say("relock", pthread_mutex_lock(&m));
	say("trylock by owner", pthread_mutex_trylock(&m));
	if (type == PTHREAD_MUTEX_RECURSIVE) {
		say("unlock", pthread_mutex_unlock(&m));
		say("unlock", pthread_mutex_unlock(&m));
	}
	if (type != PTHREAD_MUTEX_NORMAL)
		in_thread(unlock_it, &m);
	say("unlock", pthread_mutex_unlock(&m));
	if (type != PTHREAD_MUTEX_NORMAL)
		say("unlock free", pthread_mutex_unlock(&m));
	say("trylock", pthread_mutex_trylock(&m));
	say("unlock", pthread_mutex_unlock(&m));
	say("destroy", pthread_mutex_destroy(&m));
	say("lock destroyed", pthread_mutex_lock(&m));
}

/* Mutual exclusion. */
struct shared {
	pthread_mutex_t m;
	long count;
	int inside;
	int broken;
};

static void *hammer(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < 4000; i++) {
		if (i % 7 == 0) {
			while (pthread_mutex_trylock(&s->m) != 0)
				sched_yield();
		} else if (i % 11 == 0) {
			struct timespec ts = in_ms(CLOCK_MONOTONIC, 60000);

			if (pthread_mutex_clocklock(&s->m, CLOCK_MONOTONIC, &ts) != 0)
				abort();
		} else {
			pthread_mutex_lock(&s->m);
		}
		s->broken |= s->inside++;
		s->count++;
		if (i % 64 == 0)
			sched_yield();
		s->inside--;
		pthread_mutex_unlock(&s->m);
	}
	return NULL;
}

static void exclusion(int type, int shared)
{
	struct shared s = { 0 };
	pthread_t t[8];

	make(&s.m, type, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, shared);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, hammer, &s);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	printf("type %d: %ld, %s\n", type, s.count, s.broken ? "BROKEN" : "exclusive");
	say("destroy", pthread_mutex_destroy(&s.m));
}

/* A normal mutex may be unlocked by a thread that did not lock it. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *opener(void *arg)
{
	usleep(20000);
	pthread_mutex_unlock(&gate);
	return NULL;
}

static void hand_over(void)
{
	pthread_t t;

	pthread_mutex_lock(&gate);
	pthread_create(&t, NULL, opener, NULL);
	pthread_mutex_lock(&gate);
	puts("gate opened");
	pthread_join(t, NULL);
	pthread_mutex_unlock(&gate);
}

/* A time-out that races with the unlock loses nothing. */
static pthread_mutex_t racy = PTHREAD_MUTEX_INITIALIZER;

static void *impatient(void *arg)
{
	long got = 0;

	for (int i = 0; i < 300; i++) {
		struct timespec ts = in_ms(CLOCK_REALTIME, 0);

		ts.tv_nsec = (ts.tv_nsec + (i % 50) * 2000) % 1000000000;
		if (pthread_mutex_timedlock(&racy, &ts) == 0) {
			got++;
			if (i % 10 == 0)
				usleep(50);
			pthread_mutex_unlock(&racy);
		}
	}
	*(long *)arg = got;
	return NULL;
}

static void races(void)
{
	long got[6];
	pthread_t t[6];

	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, impatient, &got[i]);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	say("after the race", pthread_mutex_trylock(&racy));
	pthread_mutex_unlock(&racy);
}

/* Robust: the owner ends, the next is told. */
static void *die_holding(void *m)
{
	say("  lock", pthread_mutex_lock(m));
	return NULL;
}

static void *wait_for_dead(void *m)
{
	int err = pthread_mutex_lock(m);

	say("  waiter", err);
	if (err == EOWNERDEAD)
		say("  consistent", pthread_mutex_consistent(m));
	say("  unlock", pthread_mutex_unlock(m));
	return NULL;
}

static sem_t held;

static void *die_slowly(void *m)
{
	pthread_mutex_lock(m);
	sem_post(&held);
	usleep(30000); /* the other waits, as a rule; its answer is the same if not yet */
	return NULL;
}

static void robust(int protocol)
{
	pthread_mutex_t m;
	pthread_t a, b;

	printf("robust\n");
	make(&m, PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
	in_thread(die_holding, &m);
	say("lock", pthread_mutex_lock(&m));
	say("consistent", pthread_mutex_consistent(&m));
	say("unlock", pthread_mutex_unlock(&m));
	sem_init(&held, 0, 0);
	pthread_create(&a, NULL, die_slowly, &m);
	while (sem_wait(&held) != 0)
		;
	pthread_create(&b, NULL, wait_for_dead, &m);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	in_thread(die_holding, &m);
	say("lock", pthread_mutex_lock(&m));
	say("unlock inconsistent", pthread_mutex_unlock(&m));
	say("lock", pthread_mutex_lock(&m));
	say("destroy", pthread_mutex_destroy(&m));
}

/* Several wait when the owner dies, and each that gets it dies, too. */
static struct {
	pthread_mutex_t m;
	pthread_cond_t c;
	int waiting, answers[2]; /* none, EOWNERDEAD; others are said */
} line;

static void *stand_in_line(void *arg)
{
	int err;

	pthread_mutex_lock(&line.m);
	line.waiting++;
	err = pthread_cond_wait(&line.c, &line.m);
	if (err && err != EOWNERDEAD)
		say("  out of line", err);
	else
		line.answers[err != 0]++;
	return arg;
}

static void successors(int protocol)
{
	enum { LINE = 5 };
	pthread_t t[LINE];
	int err;

	printf("successors of the dead\n");
	for (int round = 0; round < 20; round++) {
		line.waiting = line.answers[0] = line.answers[1] = 0;
		make(&line.m, PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST,
		     PTHREAD_PROCESS_PRIVATE);
		pthread_cond_init(&line.c, NULL);
		for (int i = 0; i < LINE; i++)
			pthread_create(&t[i], NULL, stand_in_line, NULL);
		for (int all = 0; !all; sched_yield()) {
			pthread_mutex_lock(&line.m);
			all = line.waiting == LINE;
			pthread_mutex_unlock(&line.m);
		}
		pthread_cond_broadcast(&line.c);
		for (int i = 0; i < LINE; i++)
			pthread_join(t[i], NULL);
		err = pthread_mutex_lock(&line.m);
		if (err != EOWNERDEAD || line.answers[0] != 1 || line.answers[1] != LINE - 1) {
			say("lock", err);
			printf("%d and %d\n", line.answers[0], line.answers[1]);
		}
		pthread_mutex_unlock(&line.m);
	}
}

/* Process-shared, with a child. */
static void between_processes(void)
{
	struct shared *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);
	int status;
	pid_t pid;

	make(&s->m, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED,
	     PTHREAD_PROCESS_SHARED);
	fflush(stdout);
	pid = fork();
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&s->m);
		s->count++;
		pthread_mutex_unlock(&s->m);
	}
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	printf("two processes: %ld, status %d\n", s->count, status);
}

/* Robust and process-shared: a process dies with it, on a thread of its own. */
static void *lock_and_die(void *arg)
{
	struct shared *s = arg;

	pthread_mutex_lock(&s->m);
	s->count = 1;
	for (;;)
		pause();
	return NULL;
}

static void dead_process(int protocol)
{
	struct shared *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);
	pthread_t t;
	int status;
	pid_t pid;

	make(&s->m, PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pthread_create(&t, NULL, lock_and_die, s);
		for (;;)
			pause();
	}
	while (!*(volatile long *)&s->count)
		usleep(1000);
	say("trylock", pthread_mutex_trylock(&s->m));
	kill(pid, SIGKILL);
	say("lock", pthread_mutex_lock(&s->m));
	waitpid(pid, &status, 0);
	say("consistent", pthread_mutex_consistent(&s->m));
	say("unlock", pthread_mutex_unlock(&s->m));
	say("lock", pthread_mutex_lock(&s->m));
	say("unlock", pthread_mutex_unlock(&s->m));
	say("destroy", pthread_mutex_destroy(&s->m));
	munmap(s, 4096);
}

int main(void)
{
	pthread_mutex_t fast = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_t nest = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Locked before the first thread exists, unlocked after. */
	pthread_mutex_lock(&fast);
	pthread_mutex_lock(&nest);
	pthread_mutex_lock(&nest);
	in_thread(outsider, &fast);
	in_thread(outsider, &nest);
	say("unlock", pthread_mutex_unlock(&fast));
	say("unlock", pthread_mutex_unlock(&nest));
	say("unlock", pthread_mutex_unlock(&nest));
	say("unlock", pthread_mutex_unlock(&nest));

	for (int shared = 0; shared < 2; shared++) {
		kinds("normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0, shared);
		kinds("recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 0, shared);
		kinds("errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 0, shared);
	}
	kinds("robust errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 1, 0);
	kinds("robust recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 1, 0);
	kinds("inherit", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 0, 0);
	kinds("inherit recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, 0, 0);
	kinds("inherit errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, 0, 0);
	exclusion(PTHREAD_MUTEX_NORMAL, 0);
	exclusion(PTHREAD_MUTEX_RECURSIVE, 0);
	exclusion(PTHREAD_MUTEX_ERRORCHECK, 0);
	exclusion(PTHREAD_MUTEX_ADAPTIVE_NP, 0);
	exclusion(PTHREAD_MUTEX_NORMAL, 1);
	hand_over();
	races();
	robust(PTHREAD_PRIO_NONE);
	robust(PTHREAD_PRIO_INHERIT);
	successors(PTHREAD_PRIO_NONE);
	successors(PTHREAD_PRIO_INHERIT);
	between_processes();
	dead_process(PTHREAD_PRIO_NONE);
	dead_process(PTHREAD_PRIO_INHERIT);
	return 0;
}
