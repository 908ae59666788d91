/* SPDX-License-Identifier: MIT */
/*
 * preempt_pending.c - threads on small stacks that are preempted with the next such signal
 * pending already, as on a machine with far more to do than processors.
 *
 *	preempt_pending		under the library only: another process sends bursts of the
 *				library's signal, which would end the program otherwise
 *
 * The frames of a handler that lets the next one in too early fill the stack.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, STACK = 32768, SIGNAL = 32, BURST = 40, TURNS = 100 };

static struct shared {
	atomic_long pid, ktid; /* whom to send a burst; 0: nobody */
	atomic_int stop;
} *shared;

static atomic_int turns, last;

/* The kernel's numbers, which the library keeps to itself. */
static long raw(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

static void *compute(void *arg)
{
	int me = (int)(long)arg;

	/* Until they have taken over from each other so many times. */
	while (atomic_load(&turns) < TURNS) {
		if (atomic_exchange(&last, me) != me)
			atomic_fetch_add(&turns, 1);
		atomic_store(&shared->ktid, raw(SYS_gettid, 0, 0, 0));
		for (volatile int i = 0; i < 100000; i = i + 1)
			;
	}
	return NULL;
}

static void send(void)
{
	while (!atomic_load(&shared->stop) && getppid() == atomic_load(&shared->pid))
		for (long i = 0, ktid = atomic_exchange(&shared->ktid, 0); ktid && i < BURST; i++)
			raw(SYS_tgkill, atomic_load(&shared->pid), ktid, SIGNAL);
	_exit(0);
}

int main(void)
{
	pthread_t t[THREADS];
	pthread_attr_t attr;
	pid_t sender;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	atomic_store(&shared->pid, getpid());
	sender = fork();
	if (sender == 0)
		send();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], &attr, compute, (void *)(i + 1)))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	atomic_store(&shared->stop, 1);
	if (waitpid(sender, NULL, 0) != sender)
		return 1;
	printf("they took turns\n");
	return 0;
}
