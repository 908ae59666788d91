/* SPDX-License-Identifier: MIT */
/*
 * sig_nostack.c - a thread whose stack pointer does not point to a stack, as with
 * compiled code that keeps a stack of its own there: what is below belongs to somebody
 * else. All handlers are for alternate stacks (SA_ONSTACK); nothing may be written where
 * the pointer points to, neither when the thread is interrupted nor for a signal.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 20, WORDS = 4096, SIZE = 64 * 1024 };

static unsigned long area[WORDS];
static volatile int stop, spinning;
static volatile int handled, off_stack;
static char alternate[2][SIZE];

static void handler(int sig)
{
	char *here = __builtin_frame_address(0);

	if (here < alternate[0] || here > alternate[0] + SIZE)
		off_stack++;
	handled++;
}

/* Computes with the stack pointer in the middle of the area until told to stop. */
static void *spin(void *arg)
{
	stack_t ss = { .ss_sp = alternate[0], .ss_size = SIZE };

	sigaltstack(&ss, NULL);
	spinning = 1;
	__asm__ __volatile__("mov %%rsp, %%rbx\n\t"
			     "mov %0, %%rsp\n"
			     "1:\n\t"
			     "pause\n\t"
			     "cmpl $0, (%1)\n\t"
			     "je 1b\n\t"
			     "mov %%rbx, %%rsp\n"
			     :
			     : "r"(area + WORDS / 2), "r"(&stop)
			     : "rbx", "memory", "cc");
	return NULL;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART };
	int spoilt = 0;
	pthread_t t;

	for (int i = 0; i < WORDS; i++)
		area[i] = 0x5a5a5a5a00000000ul + (unsigned long)i;
	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&t, NULL, spin, NULL);
	while (!spinning)
		usleep(100);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_kill(t, SIGUSR1);
		while (handled <= i)
			usleep(100);
	}
	stop = 1;
	pthread_join(t, NULL);
	for (int i = 0; i < WORDS; i++)
		spoilt += area[i] != 0x5a5a5a5a00000000ul + (unsigned long)i;
	printf("handled %d, off the alternate stack %d, words spoilt %d\n", handled, off_stack, spoilt);
	return 0;
}
