/* SPDX-License-Identifier: MIT */
/*
 * sync_misc.c - barriers, once, spin locks, and the C11 names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err ? strerrorname_np(err) : "0");
}

/* Barriers: rounds do not overlap, one thread of each is told. */
enum { PARTY = 12, ROUNDS = 300 };
static pthread_barrier_t bar;
static atomic_int arrived[ROUNDS], serial, early;

static void *party(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		arrived[i]++;
		if (pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD)
			serial++;
		if (arrived[i] != PARTY)
			early = 1;
	}
	return NULL;
}

static void rounds(int shared)
{
	pthread_barrierattr_t a;
	pthread_t t[PARTY];

	memset(arrived, 0, sizeof(arrived));
	serial = 0;
	pthread_barrierattr_init(&a);
	pthread_barrierattr_setpshared(&a, shared);
	pthread_barrier_init(&bar, &a, PARTY);
	for (int i = 0; i < PARTY; i++)
		pthread_create(&t[i], NULL, party, NULL);
	for (int i = 0; i < PARTY; i++)
		pthread_join(t[i], NULL);
	printf("barrier: %d serial, %s\n", serial, early ? "LEFT EARLY" : "nobody left early");
	say("destroy", pthread_barrier_destroy(&bar));
}

/* Destroyed as soon as one's own wait is over. */
static void *brief_party(void *arg)
{
	pthread_barrier_wait(arg);
	return NULL;
}

static void brief_barriers(void)
{
	pthread_t t[3];

	for (int i = 0; i < 200; i++) {
		pthread_barrier_t *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		pthread_barrier_init(b, NULL, 4);
		for (int k = 0; k < 3; k++)
			pthread_create(&t[k], NULL, brief_party, b);
		pthread_barrier_wait(b);
		pthread_barrier_destroy(b);
		munmap(b, 4096);
		for (int k = 0; k < 3; k++)
			pthread_join(t[k], NULL);
	}
	puts("brief barriers: done");
	say("count 0", pthread_barrier_init(&bar, NULL, 0));
}

/* Once. */
static pthread_once_t once = PTHREAD_ONCE_INIT, often = PTHREAD_ONCE_INIT;
static atomic_int once_ran, once_done, once_early, often_ran;

static void slow_routine(void)
{
	once_ran++;
	usleep(30000);
	once_done = 1;
}

static void *call_it(void *arg)
{
	pthread_once(&once, slow_routine);
	if (!once_done)
		once_early = 1;
	return NULL;
}

static void stuck_routine(void)
{
	if (often_ran++ == 0)
		for (;;)
			pause();
}

static void *call_stuck(void *arg)
{
	pthread_once(&often, stuck_routine);
	return NULL;
}

static pthread_once_t parent = PTHREAD_ONCE_INIT;

static void *child_thread(void *arg)
{
	usleep(5000);
	return NULL;
}

/* A routine that itself makes threads and waits for them. */
static void fruitful_routine(void)
{
	pthread_t t;

	pthread_create(&t, NULL, child_thread, NULL);
	pthread_join(t, NULL);
}

static void *call_fruitful(void *arg)
{
	pthread_once(&parent, fruitful_routine);
	return NULL;
}

static void run_once(void)
{
	pthread_t t[20];

	for (int i = 0; i < 20; i++)
		pthread_create(&t[i], NULL, call_it, NULL);
	for (int i = 0; i < 20; i++)
		pthread_join(t[i], NULL);
	printf("once: ran %d, %s\n", once_ran, once_early ? "RETURNED EARLY" : "all waited");
	pthread_create(&t[0], NULL, call_stuck, NULL);
	while (!often_ran)
		usleep(1000);
	for (int i = 1; i < 5; i++)
		pthread_create(&t[i], NULL, call_stuck, NULL);
	usleep(20000);
	pthread_cancel(t[0]);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	printf("once cancelled: ran %d\n", often_ran);
	for (int i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, call_fruitful, NULL);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	puts("once with threads: done");
}

/* Spin locks, with a holder that sleeps now and then. */
static pthread_spinlock_t spin;
static long spun;

static void *spinner(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		if (i % 3)
			pthread_spin_lock(&spin);
		else
			while (pthread_spin_trylock(&spin) != 0)
				sched_yield();
		spun++;
		if (i % 500 == 0)
			usleep(100);
		pthread_spin_unlock(&spin);
	}
	return NULL;
}

static void spins(void)
{
	pthread_t t[6];

	say("spin init", pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, spinner, NULL);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	printf("spun: %ld\n", spun);
	say("trylock", pthread_spin_trylock(&spin));
	say("trylock held", pthread_spin_trylock(&spin));
	say("unlock", pthread_spin_unlock(&spin));
	say("destroy", pthread_spin_destroy(&spin));
}

/* C11. */
static mtx_t mtx;
static cnd_t cnd;
static int c11_turn, c11_calls;
static once_flag flag = ONCE_FLAG_INIT;

static void c11_routine(void)
{
	c11_calls++;
}

static int c11_player(void *arg)
{
	int me = (int)(long)arg;

	call_once(&flag, c11_routine);
	for (int i = 0; i < 200; i++) {
		mtx_lock(&mtx);
		while (c11_turn != me)
			cnd_wait(&cnd, &mtx);
		c11_turn = (me + 1) % 4;
		cnd_broadcast(&cnd);
		mtx_unlock(&mtx);
	}
	return me;
}

static int c11_try(void *arg)
{
	struct timespec ts;

	printf("mtx_trylock: %d\n", mtx_trylock(&mtx) == thrd_busy);
	timespec_get(&ts, TIME_UTC);
	ts.tv_nsec = (ts.tv_nsec + 10000000) % 1000000000;
	if (ts.tv_nsec < 10000000)
		ts.tv_sec++;
	printf("mtx_timedlock: %d\n", mtx_timedlock(&mtx, &ts) == thrd_timedout);
	return 0;
}

static void c11(void)
{
	struct timespec ts;
	int result, total = 0;
	thrd_t t[4];

	printf("mtx_init: %d\n", mtx_init(&mtx, mtx_timed | mtx_recursive) == thrd_success);
	printf("cnd_init: %d\n", cnd_init(&cnd) == thrd_success);
	for (long i = 0; i < 4; i++)
		thrd_create(&t[i], c11_player, (void *)i);
	for (int i = 0; i < 4; i++) {
		thrd_join(t[i], &result);
		total += result;
	}
	printf("c11: results %d, calls %d\n", total, c11_calls);
	mtx_lock(&mtx);
	printf("recursive: %d\n", mtx_trylock(&mtx) == thrd_success);
	thrd_create(&t[0], c11_try, NULL);
	thrd_join(t[0], NULL);
	mtx_unlock(&mtx);
	timespec_get(&ts, TIME_UTC);
	printf("cnd_timedwait: %d\n", cnd_timedwait(&cnd, &mtx, &ts) == thrd_timedout);
	printf("cnd_signal: %d\n", cnd_signal(&cnd) == thrd_success);
	mtx_unlock(&mtx);
	printf("unlock too often: %d\n", mtx_unlock(&mtx) == thrd_error);
	cnd_destroy(&cnd);
	mtx_destroy(&mtx);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A barrier of one, before the first thread. */
	pthread_barrier_init(&bar, NULL, 1);
	for (int i = 0; i < 5; i++)
		serial += pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD;
	printf("alone: %d\n", serial);
	rounds(PTHREAD_PROCESS_PRIVATE);
	rounds(PTHREAD_PROCESS_SHARED);
	brief_barriers();
	run_once();
	spins();
	c11();
	return 0;
}
