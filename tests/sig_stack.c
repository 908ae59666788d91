/* SPDX-License-Identifier: MIT */
/*
 * sig_stack.c - faults: recovered from by jumping, by mending, on the alternate stack and
 * off it, in main and in threads that take turns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 20, ALT = 64 * 1024 };

static _Thread_local sigjmp_buf out;
static _Thread_local char *alt, *page;
static _Thread_local volatile int on_alt, right_address, flagged;

static void look(siginfo_t *info, ucontext_t *uc)
{
	char here;
	stack_t now;

	on_alt = &here >= alt && &here < alt + ALT;
	right_address = info->si_addr == page;
	sigaltstack(NULL, &now);
	flagged = (now.ss_flags & SS_ONSTACK) != 0 && uc->uc_stack.ss_sp == alt &&
		  uc->uc_stack.ss_size == ALT;
}

static void jump(int sig, siginfo_t *info, void *uc)
{
	look(info, uc);
	usleep(100);
	siglongjmp(out, sig);
}

static void mend(int sig, siginfo_t *info, void *uc)
{
	look(info, uc);
	usleep(100); /* others run, and fault */
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0)
		_exit(9);
}

static int deep(volatile int *n)
{
	volatile char big[4096];

	big[0] = (char)++*n;
	big[4095] = 1;
	return *n < 0 ? 0 : deep(n) + big[0];
}

static void handle(void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(SIGSEGV, &act, NULL);
}

struct result {
	int jumped, mended, alt, addresses, flags, masks, overflows;
};

/* One thread's share; which handler is installed is main's business. */
static void touch(struct result *r)
{
	sigset_t set;

	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	on_alt = right_address = flagged = 0;
	if (sigsetjmp(out, 1) == 0) {
		*(volatile char *)page = 7;
		r->mended += page[0] == 7;
	} else {
		r->jumped++;
	}
	r->alt += on_alt;
	r->addresses += right_address;
	r->flags += flagged;
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	r->masks += sigismember(&set, SIGSEGV);
	munmap(page, 4096);
}

static void set_alt(void)
{
	stack_t ss = { .ss_size = ALT };

	alt = mmap(NULL, ALT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ss.ss_sp = alt;
	if (sigaltstack(&ss, NULL) != 0)
		perror("sigaltstack");
}

static void *toucher(void *arg)
{
	struct result *r = arg;

	set_alt();
	for (int i = 0; i < ROUNDS; i++)
		touch(r);
	return NULL;
}

static void *overflower(void *arg)
{
	struct result *r = arg;
	volatile int n = 0;

	set_alt();
	for (int i = 0; i < 3; i++)
		if (sigsetjmp(out, 1) == 0)
			deep(&n);
		else
			r->overflows++;
	return NULL;
}

static void run(const char *what, void *(*fn)(void *))
{
	struct result r[THREADS + 1], sum = { 0 };
	pthread_t t[THREADS];

	memset(r, 0, sizeof(r));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, fn, &r[i]);
	if (fn == toucher)
		for (int i = 0; i < ROUNDS; i++)
			touch(&r[THREADS]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i <= THREADS; i++) {
		sum.jumped += r[i].jumped;
		sum.mended += r[i].mended;
		sum.alt += r[i].alt;
		sum.addresses += r[i].addresses;
		sum.flags += r[i].flags;
		sum.masks += r[i].masks;
		sum.overflows += r[i].overflows;
	}
	printf("%s: jumped %d, mended %d, addresses right %d, on the alternate stack %d, told so %d, "
	       "left blocked %d, overflows %d\n",
	       what, sum.jumped, sum.mended, sum.addresses, sum.alt, sum.flags, sum.masks, sum.overflows);
}

static void test_errors(void)
{
	stack_t ss = { .ss_sp = alt, .ss_size = 1000 }, old;

	int ret = sigaltstack(&ss, NULL);

	printf("too small: %d %s\n", ret, strerror(errno));
	ss.ss_size = ALT;
	ss.ss_flags = 77;
	ret = sigaltstack(&ss, NULL);
	printf("bad flags: %d %s\n", ret, strerror(errno));
	sigaltstack(NULL, &old);
	printf("set: %d %d %d\n", old.ss_sp == alt, old.ss_size == ALT, old.ss_flags);
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, &old);
	printf("was set: %d %d %d\n", old.ss_sp == alt, old.ss_size == ALT, old.ss_flags);
	sigaltstack(NULL, &old);
	printf("disabled: %p %d %d\n", old.ss_sp, (int)old.ss_size, old.ss_flags);
}

/* An ordinary signal's handler on the alternate stack, on which it may not be changed. */
static void plain(int sig)
{
	char here;
	stack_t ss = { .ss_sp = alt, .ss_size = ALT };
	int err = sigaltstack(&ss, NULL) < 0 ? errno : 0;

	printf("signal %d on it: %d, changing it: %s\n", sig, &here >= alt && &here < alt + ALT,
	       strerror(err));
	if (sig == SIGUSR1)
		raise(SIGUSR2);
}

static void *plain_thread(void *arg)
{
	struct sigaction act = { .sa_handler = plain, .sa_flags = SA_ONSTACK };

	set_alt();
	sigaction(SIGUSR1, &act, NULL);
	act.sa_flags = arg ? SA_ONSTACK : 0;
	sigaction(SIGUSR2, &act, NULL);
	raise(SIGUSR1);
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	return NULL;
}

int main(void)
{
	pthread_t t;

	set_alt(); /* before there is any other thread */
	handle(jump, SA_ONSTACK);
	run("jump, SA_ONSTACK", toucher);
	handle(jump, 0);
	run("jump", toucher);
	handle(mend, SA_ONSTACK);
	run("mend, SA_ONSTACK", toucher);
	handle(mend, 0);
	run("mend", toucher);
	handle(mend, SA_NODEFER | SA_ONSTACK);
	run("mend, SA_NODEFER, SA_ONSTACK", toucher);
	handle(jump, SA_ONSTACK);
	run("overflow", overflower);
	pthread_create(&t, NULL, plain_thread, NULL);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, plain_thread, (void *)1);
	pthread_join(t, NULL);
	test_errors();
	return 0;
}
