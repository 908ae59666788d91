/* SPDX-License-Identifier: MIT */
/*
 * pkeys.c - rights to memory with protection keys belong to the thread: they stay the
 * same whatever it waits for, wherever it runs on, and when it is interrupted; a new
 * thread has its creator's; one that is older than the key has none.
 *
 *	pkeys [late | raw]	the first key comes when there are threads already;
 *				raw: by the bare system call, too
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 12, ROUNDS = 300, PAGE = 4096 };

static int key, other;
static volatile long *page;
static int wrong, faults;
static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread sigjmp_buf back;

/* A handler starts with the rights of a new process. */
static void on_fault(int sig)
{
	siglongjmp(back, 1);
}

static int may_read(void)
{
	if (sigsetjmp(back, 1))
		return 0;
	(void)*page;
	return 1;
}

static void expect(int which, int rights)
{
	if (pkey_get(which) != rights)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void compute(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

static void *body(void *arg)
{
	int mine = (int)(intptr_t)arg % 3; /* 0 all, 1 no access, 2 no writing */

	for (int i = 0; i < ROUNDS; i++) {
		pkey_set(key, (unsigned)mine);
		pkey_set(other, (unsigned)(i % 3));
		switch (i % 5) {
		case 0:
			sched_yield();
			break;
		case 1:
			pthread_mutex_lock(&mutex);
			sched_yield();
			pthread_mutex_unlock(&mutex);
			break;
		case 2:
			usleep(1);
			break;
		case 3:
			pthread_barrier_wait(&barrier);
			break;
		default:
			compute(i % 50 == 4 ? 3000000 : 1000);
		}
		expect(key, mine);
		expect(other, i % 3);
	}
	if (may_read() != (mine != PKEY_DISABLE_ACCESS))
		__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *heir(void *arg)
{
	expect(key, (int)(intptr_t)arg);
	sched_yield();
	expect(key, (int)(intptr_t)arg);
	return NULL;
}

static void *old(void *arg)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier); /* there is a key now */
	expect(key, PKEY_DISABLE_ACCESS);
	return NULL;
}

static int make_key(const char *how)
{
	return how && strcmp(how, "raw") == 0 ? (int)syscall(SYS_pkey_alloc, 0, 0) : pkey_alloc(0, 0);
}

static void start(pthread_t *t, int n, void *(*fn)(void *))
{
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)(intptr_t)i) != 0)
			exit(2);
}

static void join(pthread_t *t, int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	pthread_t t[THREADS];
	int late = argc > 1;

	sigaction(SIGSEGV, &sa, NULL);
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	if (late) {
		start(t, THREADS, old);
		pthread_barrier_wait(&barrier);
	}
	key = make_key(argv[1]);
	if (late) {
		pthread_barrier_wait(&barrier);
		join(t, THREADS);
	}
	if (key < 0) {
		puts("this machine has no protection keys");
		return 0;
	}
	other = pkey_alloc(0, 0);
	pthread_barrier_destroy(&barrier);
	pthread_barrier_init(&barrier, NULL, THREADS);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pkey_mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE, key);
	start(t, THREADS, body);
	join(t, THREADS);
	for (int rights = 0; rights < 3; rights++) {
		pkey_set(key, (unsigned)rights);
		for (int i = 0; i < 8; i++)
			if (pthread_create(&t[i], NULL, heir, (void *)(intptr_t)rights) != 0)
				return 2;
		join(t, 8);
		expect(key, rights);
	}
	printf("rights lost %d, faults missed %d\n", wrong, faults);
	return 0;
}
