/* SPDX-License-Identifier: MIT */
/*
 * sync_futex.c - the futex operations as programs call them through syscall().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(void *addr, int op, uint32_t val, const void *ts, void *to, uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, ts, to, val3);
}

static void say(const char *what, long ret)
{
	if (ret < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, ret);
}

static int flags;
static atomic_uint word, other, aside, gone;

/* Waits with the bits in arg, or plainly for 0. */
static void *waiter(void *arg)
{
	uint32_t bits = (uint32_t)(uintptr_t)arg;

	while (word == 0) {
		if (bits)
			futex(&word, FUTEX_WAIT_BITSET | flags, 0, NULL, NULL, bits);
		else
			futex(&word, FUTEX_WAIT | flags, 0, NULL, NULL, 0);
		break;
	}
	gone++;
	return NULL;
}

static pthread_t threads[8];

static void start(int n, const uint32_t *bits)
{
	word = other = gone = 0;
	for (int i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, waiter,
			       (void *)(uintptr_t)(bits ? bits[i] : 0));
	/* Only those who are in the call can be moved: until it was all, and back. */
	for (int moved = 0; moved < n; usleep(1000))
		moved += (int)futex(&word, FUTEX_CMP_REQUEUE | flags, 0, (void *)(long)INT_MAX,
				    &aside, 0);
	futex(&aside, FUTEX_CMP_REQUEUE | flags, 0, (void *)(long)INT_MAX, &word, 0);
}

static void finish(int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("gone: %u\n", gone);
}

static void operations(void)
{
	static const uint32_t bits[4] = { 1, 2, 4, 8 };
	struct timespec ts = { .tv_nsec = 10000000 }, now;

	say("wait, other value", futex(&word, FUTEX_WAIT | flags, 77, NULL, NULL, 0));
	word = 0;
	say("wait, time-out", futex(&word, FUTEX_WAIT | flags, 0, &ts, NULL, 0));
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= 1;
	say("wait until past", futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME | flags, 0,
				     &now, NULL, FUTEX_BITSET_MATCH_ANY));
	clock_gettime(CLOCK_MONOTONIC, &now);
	say("wait until now", futex(&word, FUTEX_WAIT_BITSET | flags, 0, &now, NULL, 1));
	say("no bits", futex(&word, FUTEX_WAIT_BITSET | flags, 0, &now, NULL, 0));
	say("wake, no bits", futex(&word, FUTEX_WAKE_BITSET | flags, 1, NULL, NULL, 0));
	ts.tv_nsec = 1000000000;
	say("bad time", futex(&word, FUTEX_WAIT | flags, 0, &ts, NULL, 0));
	ts = (struct timespec){ .tv_sec = -1 };
	say("negative time", futex(&word, FUTEX_WAIT | flags, 0, &ts, NULL, 0));
	say("odd address", futex((char *)&word + 1, FUTEX_WAIT | flags, 0, &ts, NULL, 0));
	say("no address", futex(NULL, FUTEX_WAIT | flags, 0, NULL, NULL, 0));
	say("wake nobody", futex(&word, FUTEX_WAKE | flags, 5, NULL, NULL, 0));
	say("no such operation", futex(&word, 99 | flags, 5, NULL, NULL, 0));

	start(4, NULL);
	say("wake 1", futex(&word, FUTEX_WAKE | flags, 1, NULL, NULL, 0));
	say("wake 0", futex(&word, FUTEX_WAKE | flags, 0, NULL, NULL, 0));
	say("wake all", futex(&word, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0));
	finish(4);

	start(4, bits);
	say("wake bits 6", futex(&word, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 6));
	say("wake bits 6", futex(&word, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 6));
	say("wake the rest", futex(&word, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, ~0U));
	finish(4);

	start(4, NULL);
	say("compare", futex(&word, FUTEX_CMP_REQUEUE | flags, 1, (void *)1L, &other, 5));
	say("requeue", futex(&word, FUTEX_CMP_REQUEUE | flags, 1, (void *)2L, &other, 0));
	say("wake moved", futex(&other, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0));
	say("requeue", futex(&word, FUTEX_REQUEUE | flags, 0, (void *)5L, &other, 0));
	say("wake moved", futex(&other, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0));
	finish(4);

	start(3, NULL);
	say("requeue to itself", futex(&word, FUTEX_CMP_REQUEUE | flags, 1, (void *)1L, &word, 0));
	say("wake the rest", futex(&word, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0));
	finish(3);

	start(3, NULL);
	other = 7;
	say("wake op", futex(&other, FUTEX_WAKE_OP | flags, 1, (void *)2L, &word,
			     FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 0)));
	printf("word: %u\n", word);
	say("wake op", futex(&other, FUTEX_WAKE_OP | flags, 1, (void *)2L, &word,
			     FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 3)));
	printf("word: %u\n", word);
	say("wake all", futex(&word, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0));
	finish(3);
}

/* A lock made of a futex, as people write them. */
static atomic_uint lock;
static long count;

static void *locker(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		unsigned zero = 0;

		if (!atomic_compare_exchange_strong(&lock, &zero, 1))
			while (atomic_exchange(&lock, 2) != 0)
				futex(&lock, FUTEX_WAIT | flags, 2, NULL, NULL, 0);
		count++;
		if (i % 128 == 0)
			sched_yield();
		if (atomic_exchange(&lock, 0) == 2)
			futex(&lock, FUTEX_WAKE | flags, 1, NULL, NULL, 0);
	}
	return NULL;
}

static void locks(void)
{
	count = 0;
	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, locker, NULL);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	printf("count: %ld\n", count);
}

static void *identity(void *arg)
{
	return (void *)(long)(syscall(SYS_gettid) == gettid() && gettid() != getpid());
}

int main(void)
{
	void *same;

	setvbuf(stdout, NULL, _IOLBF, 0);
	say("wake nobody", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	pthread_create(&threads[0], NULL, identity, NULL);
	pthread_join(threads[0], &same);
	printf("gettid: %ld\n", (long)same);
	errno = 55;
	syscall(SYS_sched_yield);
	syscall(SYS_getpid);
	printf("errno: %d\n", errno);
	say("close", syscall(SYS_close, -1));
	for (int private = 0; private < 2; private++) {
		flags = private ? FUTEX_PRIVATE_FLAG : 0;
		operations();
		locks();
	}
	return 0;
}
