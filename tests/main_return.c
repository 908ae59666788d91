/* SPDX-License-Identifier: MIT */
/*
 * main_return.c - a program that ends as Free Pascal's do: from deep inside it jumps to
 * main's return address, with main's caller's frame pointer, and whatever stack pointer
 * and other registers it has at that moment.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((used)) void *main_address, *main_frame;
static int status;

static void farewell(void)
{
	puts("farewell");
}

static void *body(void *arg)
{
	return arg;
}

__attribute__((noinline, noreturn)) static void leave(int code)
{
	char deep[300];

	memset(deep, 0xa5, sizeof(deep));
	/* The stack pointer becomes that of a function called from here, as it is after a
	   return: 16 divides it. */
	__asm__ volatile("and $-16, %%rsp\n"
			 "mov main_frame(%%rip), %%rbp\n"
			 "mov main_address(%%rip), %%rcx\n"
			 "movabs $0x5a5a5a5a5a5a5a5a, %%rbx\n"
			 "mov %%rbx, %%r12\n"
			 "mov %%rbx, %%r13\n"
			 "mov %%rbx, %%r14\n"
			 "mov %%rbx, %%r15\n"
			 "jmp *%%rcx\n"
			 :
			 : "a"(code), "r"(deep)
			 : "memory");
	__builtin_unreachable();
}

/* After main's prologue has saved the registers: from here on it never comes back. */
__attribute__((used)) int real_main(int argc, char **argv)
{
	pthread_t t;

	status = argc > 1 ? atoi(argv[1]) : 0;
	atexit(farewell);
	if (argc > 2) {
		pthread_create(&t, NULL, body, NULL);
		pthread_join(t, NULL);
	}
	printf("leaving\n");
	leave(status);
}

__asm__(".text\n"
	".globl main\n"
	".type main, @function\n"
	"main:\n"
	"	mov (%rsp), %rax\n"
	"	mov %rax, main_address(%rip)\n"
	"	mov %rbp, main_frame(%rip)\n"
	"	sub $8, %rsp\n"
	"	call real_main\n"
	"	hlt\n"
	".size main, . - main\n");
