/* SPDX-License-Identifier: MIT */
/*
 * sync_rust.c - the locks of Rust's standard library, in C: a mutex that spins, then
 * waits with an absolute deadline it does not have; a condition variable that is a
 * counter; and park/unpark.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* false: the deadline (nanoseconds from now; 0: none) has passed. */
static bool futex_wait(atomic_uint *word, unsigned expected, long timeout)
{
	struct timespec ts, *deadline = NULL;

	if (timeout) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		ts.tv_nsec += timeout % 1000000000;
		ts.tv_sec += timeout / 1000000000 + ts.tv_nsec / 1000000000;
		ts.tv_nsec %= 1000000000;
		deadline = &ts;
	}
	for (;;) {
		if (*word != expected)
			return true;
		if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
			    deadline, NULL, ~0u) == 0)
			return true;
		if (errno == ETIMEDOUT)
			return false;
		if (errno != EINTR)
			return true;
	}
}

static bool futex_wake(atomic_uint *word, int n)
{
	return syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n) > 0;
}

static unsigned spin(atomic_uint *m)
{
	unsigned state = 0;

	for (int i = 0; i < 100; i++) {
		state = atomic_load_explicit(m, memory_order_relaxed);
		if (state != 1)
			return state;
		__builtin_ia32_pause();
	}
	return state;
}

static void lock(atomic_uint *m)
{
	unsigned state = 0;

	if (atomic_compare_exchange_strong(m, &state, 1))
		return;
	state = spin(m);
	if (state == 0 && atomic_compare_exchange_strong(m, &state, 1))
		return;
	for (;;) {
		if (state != 2 && atomic_exchange(m, 2) == 0)
			return;
		futex_wait(m, 2, 0);
		state = spin(m);
	}
}

static void unlock(atomic_uint *m)
{
	if (atomic_exchange(m, 0) == 2)
		futex_wake(m, 1);
}

struct cond {
	atomic_uint count;
};

static bool cond_wait(struct cond *c, atomic_uint *m, long timeout)
{
	unsigned count = c->count;
	bool in_time;

	unlock(m);
	in_time = futex_wait(&c->count, count, timeout);
	lock(m);
	return in_time;
}

static void cond_wake(struct cond *c, int n)
{
	c->count++;
	futex_wake(&c->count, n);
}

/* A bounded queue between six threads. */
static atomic_uint mutex;
static struct cond not_empty, not_full;
static unsigned queue[4], head, tail;
static unsigned long sum;

static void *producer(void *arg)
{
	for (unsigned i = 1; i <= 3000; i++) {
		lock(&mutex);
		while (head - tail == 4)
			cond_wait(&not_full, &mutex, i % 5 ? 0 : 1000000);
		queue[head++ % 4] = i;
		unlock(&mutex);
		cond_wake(&not_empty, 1);
	}
	return NULL;
}

static void *consumer(void *arg)
{
	for (unsigned i = 0; i < 3000; i++) {
		lock(&mutex);
		while (head == tail)
			cond_wait(&not_empty, &mutex, i % 3 ? 0 : 2000000);
		sum += queue[tail++ % 4];
		unlock(&mutex);
		cond_wake(&not_full, 1);
	}
	return NULL;
}

/* thread::park: empty 0, parked -1, notified 1. */
static atomic_uint token[2];

static void park(atomic_uint *t)
{
	if (atomic_fetch_sub(t, 1) == 1)
		return;
	for (;;) {
		unsigned notified = 1;

		futex_wait(t, UINT_MAX, 0);
		if (atomic_compare_exchange_strong(t, &notified, 0))
			return;
	}
}

static void unpark(atomic_uint *t)
{
	if (atomic_exchange(t, 1) == UINT_MAX)
		futex_wake(t, 1);
}

static void *player(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	for (int i = 0; i < 5000; i++) {
		park(&token[me]);
		unpark(&token[!me]);
	}
	return NULL;
}

int main(void)
{
	struct cond never = { 0 };
	pthread_t t[6];

	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, i % 2 ? producer : consumer, NULL);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	printf("queue: %lu, %u left\n", sum, head - tail);
	lock(&mutex);
	printf("out of time: %d\n", !cond_wait(&never, &mutex, 3000000));
	unlock(&mutex);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, player, (void *)i);
	unpark(&token[0]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("park: %u %u\n", token[0], token[1]);
	return 0;
}
