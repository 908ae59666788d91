/* SPDX-License-Identifier: MIT */
/*
 * sync_cond.c - what condition variables promise: no wake-up is lost, to whichever
 * of signal, broadcast, time-out and cancellation it comes close; the object may go
 * right after a broadcast; every kind of mutex goes with them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
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

static struct timespec in_us(clockid_t clock, long us)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += us % 1000000 * 1000;
	ts.tv_sec += us / 1000000 + ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return ts;
}

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static pthread_cond_t d = PTHREAD_COND_INITIALIZER;

/* 1. A ring of threads hands a token round; each waits for its turn. */
enum { RING = 16, LAPS = 200 };
static int turn;
static pthread_cond_t ring[RING];

static void *runner(void *arg)
{
	int me = (int)(long)arg;

	for (int i = 0; i < LAPS; i++) {
		pthread_mutex_lock(&m);
		while (turn != me)
			pthread_cond_wait(&ring[me], &m);
		turn = (turn + 1) % RING;
		if (me % 2)
			pthread_mutex_unlock(&m);
		pthread_cond_signal(&ring[(me + 1) % RING]);
		if (me % 2 == 0)
			pthread_mutex_unlock(&m);
	}
	return NULL;
}

static void run_ring(void)
{
	pthread_t t[RING];

	for (int i = 0; i < RING; i++) {
		pthread_cond_init(&ring[i], NULL);
		pthread_create(&t[i], NULL, runner, (void *)(long)i);
	}
	for (int i = 0; i < RING; i++) {
		pthread_join(t[i], NULL);
		say("destroy", pthread_cond_destroy(&ring[i]));
	}
	printf("ring: turn %d\n", turn);
}

/* 2. A bounded queue; consumers use short time-outs that race with the signals. */
enum { ITEMS = 20000, SLOTS = 4, SIDES = 4 };
static int slots[SLOTS], used, produced, consumed;
static long sum;

static void *producer(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&m);
		while (used == SLOTS && produced < ITEMS)
			pthread_cond_wait(&d, &m);
		if (produced == ITEMS) {
			pthread_cond_broadcast(&c);
			pthread_cond_broadcast(&d);
			pthread_mutex_unlock(&m);
			return NULL;
		}
		slots[used++] = ++produced;
		pthread_cond_signal(&c);
		pthread_mutex_unlock(&m);
	}
}

static void *consumer(void *arg)
{
	int patient = (int)(long)arg % 2;

	for (;;) {
		pthread_mutex_lock(&m);
		while (used == 0 && consumed < ITEMS) {
			struct timespec ts = in_us(CLOCK_REALTIME, 30);

			if (patient)
				pthread_cond_wait(&c, &m);
			else
				pthread_cond_timedwait(&c, &m, &ts);
		}
		if (used == 0) {
			pthread_mutex_unlock(&m);
			return NULL;
		}
		sum += slots[--used];
		consumed++;
		pthread_cond_signal(&d);
		if (consumed == ITEMS)
			pthread_cond_broadcast(&c);
		pthread_mutex_unlock(&m);
	}
}

static void run_queue(void)
{
	pthread_t p[SIDES], q[SIDES];

	for (int i = 0; i < SIDES; i++) {
		pthread_create(&p[i], NULL, producer, NULL);
		pthread_create(&q[i], NULL, consumer, (void *)(long)i);
	}
	for (int i = 0; i < SIDES; i++) {
		pthread_join(p[i], NULL);
		pthread_join(q[i], NULL);
	}
	printf("queue: %d items, sum %ld\n", consumed, sum);
}

/* 3. Destroyed and unmapped right after the broadcast. */
struct brief {
	pthread_cond_t c;
	int go;
};
static int waiting;

static void *brief_waiter(void *arg)
{
	struct brief *b = arg;
	int go;

	pthread_mutex_lock(&m);
	waiting++;
	pthread_cond_signal(&d);
	do {
		pthread_cond_wait(&b->c, &m);
		go = waiting <= 0; /* not in the object: it may be gone */
	} while (!go);
	pthread_mutex_unlock(&m);
	return NULL;
}

static void run_brief(void)
{
	for (int round = 0; round < 100; round++) {
		struct brief *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_t t[8];

		pthread_cond_init(&b->c, NULL);
		waiting = 0;
		for (int i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, brief_waiter, b);
		pthread_mutex_lock(&m);
		while (waiting < 8)
			pthread_cond_wait(&d, &m);
		waiting = 0;
		pthread_cond_broadcast(&b->c);
		pthread_mutex_unlock(&m);
		pthread_cond_destroy(&b->c);
		munmap(b, 4096);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
	puts("brief ones: done");
}

/* 4. Answers. */
static void *signal_soon(void *arg)
{
	usleep(20000);
	pthread_mutex_lock(&m);
	turn = 1;
	pthread_cond_signal(arg);
	pthread_mutex_unlock(&m);
	return NULL;
}

static void answers(void)
{
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;
	struct timespec ts;
	pthread_mutex_t e;
	pthread_cond_t mono;
	pthread_t t;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&e, &ma);
	say("not the owner", pthread_cond_wait(&c, &e));
	pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&e, &ma);
	say("not the owner", pthread_cond_wait(&c, &e));
	say("signal nobody", pthread_cond_signal(&c));
	say("broadcast nobody", pthread_cond_broadcast(&c));

	pthread_mutex_lock(&m);
	ts = in_us(CLOCK_REALTIME, 10000);
	say("timed", pthread_cond_timedwait(&c, &m, &ts));
	say("passed", pthread_cond_timedwait(&c, &m, &ts));
	ts.tv_nsec = 1000000000;
	say("bad time", pthread_cond_timedwait(&c, &m, &ts));
	ts = (struct timespec){ .tv_sec = -1 };
	say("long ago", pthread_cond_timedwait(&c, &m, &ts));
	ts = in_us(CLOCK_MONOTONIC, 10000);
	say("other clock", pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &ts));
	say("bad clock", pthread_cond_clockwait(&c, &m, CLOCK_THREAD_CPUTIME_ID, &ts));
	say("held", pthread_mutex_trylock(&m));

	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&mono, &ca);
	ts = in_us(CLOCK_MONOTONIC, 10000);
	say("monotonic", pthread_cond_timedwait(&mono, &m, &ts));
	turn = 0;
	pthread_create(&t, NULL, signal_soon, &mono);
	while (!turn) {
		ts = in_us(CLOCK_MONOTONIC, 60000000);
		say("signalled", pthread_cond_timedwait(&mono, &m, &ts));
	}
	pthread_join(t, NULL);
	pthread_mutex_unlock(&m);
	say("destroy", pthread_cond_destroy(&mono));
}

/* 5. All kinds of objects: a hand-shake on each. */
struct pair {
	pthread_mutex_t m;
	pthread_cond_t c;
	int ping, pong, depth;
};

static void *ponger(void *arg)
{
	struct pair *p = arg;

	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&p->m);
		while (!p->ping)
			pthread_cond_wait(&p->c, &p->m);
		p->ping = 0;
		p->pong = 1;
		pthread_cond_broadcast(&p->c);
		pthread_mutex_unlock(&p->m);
	}
	return NULL;
}

static void hand_shake(const char *title, int type, int robust, int inherit, int mshared,
		       int cshared)
{
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;
	struct pair p = { 0 };
	pthread_t t;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_settype(&ma, type);
	pthread_mutexattr_setrobust(&ma, robust);
	pthread_mutexattr_setprotocol(&ma, inherit ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
	pthread_mutexattr_setpshared(&ma, mshared);
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, cshared);
	pthread_mutex_init(&p.m, &ma);
	pthread_cond_init(&p.c, &ca);
	pthread_create(&t, NULL, ponger, &p);
	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&p.m);
		p.ping = 1;
		pthread_cond_broadcast(&p.c);
		while (!p.pong) {
			struct timespec ts = in_us(CLOCK_REALTIME, 30000000);

			if (i % 2)
				pthread_cond_wait(&p.c, &p.m);
			else if (pthread_cond_timedwait(&p.c, &p.m, &ts))
				abort();
		}
		p.pong = 0;
		pthread_mutex_unlock(&p.m);
	}
	pthread_join(t, NULL);
	printf("%s: ", title);
	say("destroy", pthread_cond_destroy(&p.c));
	say("destroy", pthread_mutex_destroy(&p.m));
}

/* 6. Cancelled while waiting: the clean-up handler owns the mutex, no signal is lost. */
static atomic_int cleaned;

static void clean(void *arg)
{
	if (pthread_mutex_trylock(arg) == EBUSY)
		cleaned++;
	pthread_mutex_unlock(arg);
}

static int tokens;

static void *victim(void *arg)
{
	pthread_mutex_lock(&m);
	pthread_cleanup_push(clean, &m);
	waiting++;
	pthread_cond_signal(&d);
	while (!tokens)
		pthread_cond_wait(&c, &m);
	tokens--;
	pthread_cleanup_pop(0);
	pthread_mutex_unlock(&m);
	return arg;
}

static void cancelled(void)
{
	int ended = 0, returned = 0;

	waiting = 0;
	for (int round = 0; round < 50; round++) {
		pthread_t t[4];
		void *result;

		waiting = 0;
		tokens = 0;
		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, victim, &tokens);
		pthread_mutex_lock(&m);
		while (waiting < 4)
			pthread_cond_wait(&d, &m);
		pthread_mutex_unlock(&m);
		pthread_cancel(t[round % 4]);
		pthread_mutex_lock(&m);
		tokens = 3;
		for (int i = 0; i < 3; i++)
			pthread_cond_signal(&c);
		pthread_mutex_unlock(&m);
		/* If the cancelled one took a token all the same, one is left over... */
		for (int i = 0; i < 4; i++) {
			if (i == round % 4)
				continue;
			for (;;) {
				struct timespec ts = in_us(CLOCK_REALTIME, 2000000);

				if (pthread_timedjoin_np(t[i], &result, &ts) == 0)
					break;
				/* ...and then one of the others waits for another. */
				pthread_mutex_lock(&m);
				tokens++;
				pthread_cond_broadcast(&c);
				pthread_mutex_unlock(&m);
			}
			returned += result == &tokens;
		}
		pthread_join(t[round % 4], &result);
		ended += result == PTHREAD_CANCELED || result == &tokens;
	}
	printf("cancelled: %d ended, %d returned\n", ended, returned);
}

static void *cancel_me(void *arg)
{
	pthread_mutex_lock(&m);
	pthread_cleanup_push(clean, &m);
	for (;;)
		pthread_cond_wait(&c, &m);
	pthread_cleanup_pop(1);
	return NULL;
}

static void cancel_simply(void)
{
	void *result;
	pthread_t t;

	cleaned = 0;
	pthread_create(&t, NULL, cancel_me, NULL);
	usleep(20000);
	pthread_cancel(t);
	pthread_join(t, &result);
	printf("cancelled: %s, mutex held in the handler: %d\n",
	       result == PTHREAD_CANCELED ? "yes" : "no", cleaned);
	say("mutex", pthread_mutex_trylock(&m));
	pthread_mutex_unlock(&m);
}

/* 7. A crowd and one broadcast. */
enum { CROWD = 500 };
static int crowd;

static void *member(void *arg)
{
	pthread_mutex_lock(&m);
	waiting++;
	pthread_cond_signal(&d);
	while (!turn)
		pthread_cond_wait(&c, &m);
	crowd++;
	pthread_mutex_unlock(&m);
	return NULL;
}

static void run_crowd(void)
{
	static pthread_t t[CROWD];

	turn = waiting = 0;
	for (int i = 0; i < CROWD; i++)
		pthread_create(&t[i], NULL, member, NULL);
	pthread_mutex_lock(&m);
	while (waiting < CROWD)
		pthread_cond_wait(&d, &m);
	turn = 1;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	printf("crowd: %d\n", crowd);
}

int main(void)
{
	struct timespec ts;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Used before the first thread exists. */
	pthread_mutex_lock(&m);
	ts = in_us(CLOCK_REALTIME, 1000);
	say("alone", pthread_cond_timedwait(&c, &m, &ts));
	pthread_cond_signal(&c);
	pthread_mutex_unlock(&m);
	run_ring();
	run_queue();
	run_brief();
	answers();
	hand_shake("normal", PTHREAD_MUTEX_NORMAL, 0, 0, 0, 0);
	hand_shake("recursive", PTHREAD_MUTEX_RECURSIVE, 0, 0, 0, 0);
	hand_shake("errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0, 0, 0, 0);
	hand_shake("inherit", PTHREAD_MUTEX_NORMAL, 0, 1, 0, 0);
	hand_shake("robust", PTHREAD_MUTEX_NORMAL, 1, 0, 0, 0);
	hand_shake("shared mutex", PTHREAD_MUTEX_NORMAL, 0, 0, 1, 0);
	hand_shake("shared condition", PTHREAD_MUTEX_NORMAL, 0, 0, 0, 1);
	hand_shake("both shared", PTHREAD_MUTEX_ERRORCHECK, 0, 0, 1, 1);
	cancelled();
	cancel_simply();
	run_crowd();
	return 0;
}
