/* SPDX-License-Identifier: MIT */
/*
 * sync_rwlock.c - read-write locks: their answers, their exclusion, and who is next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err ? strerrorname_np(err) : "0");
}

static struct timespec in_us(clockid_t clock, long us)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += us % 1000000 * 1000;
	ts.tv_sec += us / 1000000 + ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return ts;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, fn, arg);
	pthread_join(t, NULL);
}

static void *try_all(void *arg)
{
	pthread_rwlock_t *l = arg;
	struct timespec ts = in_us(CLOCK_REALTIME, 20000);
	int err;

	err = pthread_rwlock_tryrdlock(l);
	say("  tryrdlock", err);
	if (!err)
		pthread_rwlock_unlock(l);
	say("  trywrlock", pthread_rwlock_trywrlock(l));
	err = pthread_rwlock_timedrdlock(l, &ts);
	say("  timedrdlock", err);
	if (!err)
		pthread_rwlock_unlock(l);
	ts = in_us(CLOCK_REALTIME, 20000);
	say("  timedwrlock", pthread_rwlock_timedwrlock(l, &ts));
	ts = in_us(CLOCK_MONOTONIC, 20000);
	say("  clockwrlock", pthread_rwlock_clockwrlock(l, CLOCK_MONOTONIC, &ts));
	ts.tv_sec = -7;
	say("  long ago", pthread_rwlock_timedwrlock(l, &ts));
	ts.tv_nsec = -1;
	say("  bad time", pthread_rwlock_timedwrlock(l, &ts));
	say("  bad clock", pthread_rwlock_clockrdlock(l, CLOCK_PROCESS_CPUTIME_ID, &ts));
	return NULL;
}

static void make(pthread_rwlock_t *l, int kind, int shared)
{
	pthread_rwlockattr_t a;

	pthread_rwlockattr_init(&a);
	pthread_rwlockattr_setkind_np(&a, kind);
	pthread_rwlockattr_setpshared(&a, shared);
	say("init", pthread_rwlock_init(l, &a));
}

static void answers(int kind, int shared)
{
	struct timespec ts = in_us(CLOCK_REALTIME, 20000);
	pthread_rwlock_t l;

	printf("kind %d, shared %d\n", kind, shared);
	make(&l, kind, shared);
	say("wrlock", pthread_rwlock_wrlock(&l));
	say("rdlock by writer", pthread_rwlock_rdlock(&l));
	say("wrlock by writer", pthread_rwlock_wrlock(&l));
	say("timedwrlock by writer", pthread_rwlock_timedwrlock(&l, &ts));
	say("tryrdlock by writer", pthread_rwlock_tryrdlock(&l));
	in_thread(try_all, &l);
	say("unlock", pthread_rwlock_unlock(&l));
	say("rdlock", pthread_rwlock_rdlock(&l));
	say("rdlock again", pthread_rwlock_rdlock(&l));
	in_thread(try_all, &l);
	say("unlock", pthread_rwlock_unlock(&l));
	say("trywrlock by reader", pthread_rwlock_trywrlock(&l));
	say("unlock", pthread_rwlock_unlock(&l));
	ts.tv_nsec = 1000000000;
	say("free, bad time", pthread_rwlock_timedrdlock(&l, &ts));
	say("trywrlock", pthread_rwlock_trywrlock(&l));
	say("unlock", pthread_rwlock_unlock(&l));
	say("destroy", pthread_rwlock_destroy(&l));
}

/* Exclusion, with time-outs that race. */
struct guarded {
	pthread_rwlock_t l;
	atomic_int readers, writers, broken;
	long a, b;
};

static void *worker(void *arg)
{
	struct guarded *g = arg;
	unsigned seed = (unsigned)(uintptr_t)&seed;

	for (int i = 0; i < 3000; i++) {
		struct timespec ts = in_us(CLOCK_REALTIME, rand_r(&seed) % 60);
		int what = rand_r(&seed) % 8, err;

		if (what == 0)
			err = pthread_rwlock_wrlock(&g->l);
		else if (what == 1)
			err = pthread_rwlock_timedwrlock(&g->l, &ts);
		else if (what == 2)
			err = pthread_rwlock_timedrdlock(&g->l, &ts);
		else if (what == 3)
			err = pthread_rwlock_tryrdlock(&g->l);
		else
			err = pthread_rwlock_rdlock(&g->l);
		if (err)
			continue;
		if (what < 2) {
			if (g->writers++ || g->readers)
				g->broken = 1;
			g->a++;
			if (i % 8 == 0)
				sched_yield();
			g->b++;
			g->writers--;
		} else {
			g->readers++;
			if (g->writers || g->a != g->b)
				g->broken = 1;
			if (i % 8 == 0)
				sched_yield();
			g->readers--;
		}
		pthread_rwlock_unlock(&g->l);
	}
	return NULL;
}

static void exclusion(int kind)
{
	struct guarded g = { 0 };
	pthread_t t[8];

	make(&g.l, kind, 0);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, worker, &g);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	printf("kind %d: %s, counts %s\n", kind, g.broken ? "BROKEN" : "exclusive",
	       g.a == g.b ? "agree" : "DIFFER");
	say("free", pthread_rwlock_trywrlock(&g.l));
	pthread_rwlock_unlock(&g.l);
}

/* Preference: a reader holds, a writer waits, a reader comes. */
static pthread_rwlock_t pref;
static atomic_int writer_in, reader_in, reader_first;

static void *pref_writer(void *arg)
{
	pthread_rwlock_wrlock(&pref);
	if (!reader_in)
		reader_first = 0;
	writer_in = 1;
	pthread_rwlock_unlock(&pref);
	return NULL;
}

static void *pref_reader(void *arg)
{
	pthread_rwlock_rdlock(&pref);
	if (!writer_in)
		reader_first = 1;
	reader_in = 1;
	pthread_rwlock_unlock(&pref);
	return NULL;
}

static void preference(int kind)
{
	pthread_t w, r;

	make(&pref, kind, 0);
	writer_in = reader_in = reader_first = 0;
	pthread_rwlock_rdlock(&pref);
	pthread_create(&w, NULL, pref_writer, NULL);
	/* Where writers go first, a writer that waits keeps readers out; elsewhere it does
	   not matter whether it waits yet. */
	while (kind == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP &&
	       pthread_rwlock_tryrdlock(&pref) == 0) {
		pthread_rwlock_unlock(&pref);
		usleep(100);
	}
	pthread_create(&r, NULL, pref_reader, NULL);
	if (kind == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
		usleep(50000);
	while (kind != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP && !reader_in)
		usleep(100);
	printf("kind %d: reader joins: %d\n", kind, reader_in);
	pthread_rwlock_unlock(&pref);
	pthread_join(w, NULL);
	pthread_join(r, NULL);
	printf("kind %d: reader first: %d\n", kind, reader_first);
}

/* A writer that gives up lets in the readers that waited behind it. */
static void *give_up(void *arg)
{
	struct timespec ts = in_us(CLOCK_REALTIME, 100000);

	say("writer", pthread_rwlock_timedwrlock(&pref, &ts));
	return NULL;
}

static void behind_a_quitter(void)
{
	pthread_t w, r;

	make(&pref, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, 0);
	pthread_rwlock_rdlock(&pref);
	pthread_create(&w, NULL, give_up, NULL);
	usleep(30000);
	pthread_create(&r, NULL, pref_reader, NULL);
	pthread_join(w, NULL);
	pthread_join(r, NULL);
	puts("reader got in");
	pthread_rwlock_unlock(&pref);
	say("free", pthread_rwlock_trywrlock(&pref));
}

/* A crowd of readers behind a writer; all hold the lock at once. */
static pthread_rwlock_t hall = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t all_in;

static void *visitor(void *arg)
{
	pthread_rwlock_rdlock(&hall);
	pthread_barrier_wait(&all_in);
	pthread_rwlock_unlock(&hall);
	return NULL;
}

static void crowd(void)
{
	pthread_t t[50];

	pthread_barrier_init(&all_in, NULL, 50);
	pthread_rwlock_wrlock(&hall);
	for (int i = 0; i < 50; i++)
		pthread_create(&t[i], NULL, visitor, NULL);
	usleep(20000);
	pthread_rwlock_unlock(&hall);
	for (int i = 0; i < 50; i++)
		pthread_join(t[i], NULL);
	puts("all in at once");
	say("free", pthread_rwlock_trywrlock(&hall));
	pthread_rwlock_unlock(&hall);
}

/* Few readers that need each other inside, again and again, among writers. */
static atomic_int meetings_over;

static void *guest(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_rwlock_rdlock(&hall);
		pthread_barrier_wait(&all_in);
		pthread_rwlock_unlock(&hall);
		sched_yield();
	}
	return arg;
}

static void *cleaner(void *arg)
{
	while (!meetings_over) {
		pthread_rwlock_wrlock(&hall);
		sched_yield();
		pthread_rwlock_unlock(&hall);
		sched_yield();
	}
	return arg;
}

static void meetings(void)
{
	pthread_t t[5];

	pthread_barrier_init(&all_in, NULL, 3);
	for (int i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, i < 3 ? guest : cleaner, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	meetings_over = 1;
	pthread_join(t[3], NULL);
	pthread_join(t[4], NULL);
	puts("all met");
	say("free", pthread_rwlock_trywrlock(&hall));
	pthread_rwlock_unlock(&hall);
}

int main(void)
{
	pthread_rwlock_t early = PTHREAD_RWLOCK_INITIALIZER, used = PTHREAD_RWLOCK_INITIALIZER;
	pthread_rwlock_t read = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Used and held before the first thread exists. */
	pthread_rwlock_wrlock(&used);
	pthread_rwlock_unlock(&used);
	pthread_rwlock_wrlock(&early);
	pthread_rwlock_rdlock(&read);
	in_thread(try_all, &early);
	in_thread(try_all, &read);
	say("unlock", pthread_rwlock_unlock(&early));
	say("unlock", pthread_rwlock_unlock(&read));
	say("free", pthread_rwlock_trywrlock(&early));
	say("free", pthread_rwlock_trywrlock(&read));
	say("free", pthread_rwlock_trywrlock(&used));
	for (int kind = 0; kind < 3; kind++) {
		answers(kind, 0);
		answers(kind, 1);
		exclusion(kind);
		preference(kind);
	}
	behind_a_quitter();
	crowd();
	meetings();
	return 0;
}
