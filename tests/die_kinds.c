/* SPDX-License-Identifier: MIT */
/*
 * die_kinds.c - ends that race or come from unusual places: exit in two threads, quick_exit
 * and _exit from a thread, abort with a handler that returns or jumps, exit in a handler,
 * an end while others hold locks of stdio. How the process ended, its parent says.
 *
 *	die_kinds WAY		(without WAY: the list of ways)
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPEAT = 10 };

static void say(const char *s)
{
	(void)!write(1, s, strlen(s));
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, arg) == 0);
	return t;
}

static void for_ever(void)
{
	for (;;)
		pause();
}

static void *burn(void *arg)
{
	for (volatile unsigned long n = 0;; n++)
		;
	return arg;
}

static void *print(void *arg)
{
	FILE *f = fopen("/dev/null", "w");

	for (;;)
		fprintf(f, "%p\n", arg);
	return NULL;
}

static void *rest(void *arg)
{
	for_ever();
	return arg;
}

static void company(void)
{
	start(burn, NULL);
	start(print, NULL);
	start(rest, NULL);
}

/* ---- ways; each runs in a child ---- */

static atomic_int ready;

static void *exit_9(void *arg)
{
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < 2)
		sched_yield();
	exit(9);
	return arg;
}

static void once(void)
{
	say("atexit\n");
}

static void way_exit_twice(void)
{
	company();
	start(exit_9, NULL);
	start(exit_9, NULL);
	for_ever();
}

/* The handlers of one exit wait while another thread exits, too. */
static void way_exit_twice_main(void)
{
	start(exit_9, NULL);
	exit_9(NULL);
}

static void quick(void)
{
	say("at_quick_exit\n");
}

static void *quick_10(void *arg)
{
	quick_exit(10);
	return arg;
}

static void way_quick(void)
{
	atexit(once);
	at_quick_exit(quick);
	company();
	start(quick_10, NULL);
	for_ever();
}

static void *at_once_11(void *arg)
{
	printf("not flushed");
	_exit(11);
	return arg;
}

static void way_at_once(void)
{
	atexit(once);
	company();
	start(at_once_11, NULL);
	for_ever();
}

static void *exit_12(void *arg)
{
	printf("flushed\n");
	exit(12);
	return arg;
}

static void way_flush(void)
{
	company();
	start(exit_12, NULL);
	for_ever();
}

static void returns(int sig)
{
	(void)sig;
	say("handler\n");
}

static void *abort_now(void *arg)
{
	abort();
	return arg;
}

static void way_abort_returns(void)
{
	signal(SIGABRT, returns);
	company();
	start(abort_now, NULL);
	for_ever();
}

static void way_abort_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	company();
	start(abort_now, NULL);
	for_ever();
}

static void way_abort_ignored(void)
{
	signal(SIGABRT, SIG_IGN);
	company();
	start(abort_now, NULL);
	for_ever();
}

static sigjmp_buf jump;

static void jumps(int sig)
{
	siglongjmp(jump, sig);
}

static void *abort_jump(void *arg)
{
	for (volatile int i = 0; i < 3; i++)
		if (sigsetjmp(jump, 1) == 0)
			abort();
		else
			say("jumped out\n");
	signal(SIGABRT, SIG_DFL);
	abort();
	return arg;
}

static void way_abort_jumps(void)
{
	signal(SIGABRT, jumps);
	company();
	start(abort_jump, NULL);
	for_ever();
}

static void exits(int sig)
{
	say("exit in a handler\n");
	exit(sig);
}

static void leaves(int sig)
{
	_exit(sig);
}

static void *kill_self(void *arg)
{
	kill(getpid(), SIGTERM);
	for_ever();
	return arg;
}

static void way_exit_handler(void)
{
	atexit(once);
	signal(SIGTERM, exits);
	company();
	start(kill_self, NULL);
	for_ever();
}

static void way_leave_handler(void)
{
	atexit(once);
	signal(SIGTERM, leaves);
	company();
	kill_self(NULL);
}

static void *segv(void *arg)
{
	*(volatile int *)arg = 1;
	return NULL;
}

static void way_segv(void)
{
	company();
	start(segv, (void *)16);
	for_ever();
}

static void *bus(void *arg)
{
	FILE *f = tmpfile();
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);

	p[4096] = 1;
	return arg;
}

static void way_bus(void)
{
	company();
	start(bus, NULL);
	for_ever();
}

static void *illegal(void *arg)
{
	__builtin_trap();
	return arg;
}

static void way_ill(void)
{
	company();
	start(illegal, NULL);
	for_ever();
}

static void segv_exits(int sig)
{
	say("fault handled\n");
	_exit(sig);
}

static void way_segv_handler(void)
{
	signal(SIGSEGV, segv_exits);
	company();
	start(segv, (void *)16);
	for_ever();
}

/* In the handler the default again: the instruction is repeated and ends the process. */
static void segv_default(int sig)
{
	signal(sig, SIG_DFL);
	say("once more\n");
}

static void way_segv_again(void)
{
	signal(SIGSEGV, segv_default);
	company();
	start(segv, (void *)16);
	for_ever();
}

static void segv_raises(int sig)
{
	say("raised again\n");
	signal(sig, SIG_DFL);
	raise(sig);
}

static void way_segv_raise(void)
{
	signal(SIGSEGV, segv_raises);
	company();
	start(segv, (void *)16);
	for_ever();
}

static void way_term_main(void)
{
	company();
	kill_self(NULL);
}

static void *cpu_hog(void *arg)
{
	return burn(arg);
}

static void way_xcpu(void)
{
	struct rlimit limit = { 1, 2 };

	setrlimit(RLIMIT_CPU, &limit);
	company();
	start(cpu_hog, NULL);
	for_ever();
}

static void *tgkill_self(void *arg)
{
	syscall(SYS_tgkill, getpid(), gettid(), SIGQUIT);
	for_ever();
	return arg;
}

static void way_quit(void)
{
	company();
	start(tgkill_self, NULL);
	for_ever();
}

static const struct way {
	const char *name;
	void (*run)(void);
	int repeat;
} ways[] = {
	{ "exit_twice", way_exit_twice, REPEAT },
	{ "exit_twice_main", way_exit_twice_main, REPEAT },
	{ "quick", way_quick, REPEAT },
	{ "at_once", way_at_once, REPEAT },
	{ "flush", way_flush, REPEAT },
	{ "abort_returns", way_abort_returns, 2 },
	{ "abort_blocked", way_abort_blocked, 2 },
	{ "abort_ignored", way_abort_ignored, 2 },
	{ "abort_jumps", way_abort_jumps, 2 },
	{ "exit_handler", way_exit_handler, REPEAT },
	{ "leave_handler", way_leave_handler, REPEAT },
	{ "segv", way_segv, 2 },
	{ "bus", way_bus, 2 },
	{ "ill", way_ill, 2 },
	{ "segv_handler", way_segv_handler, REPEAT },
	{ "segv_again", way_segv_again, 2 },
	{ "segv_raise", way_segv_raise, 2 },
	{ "term_main", way_term_main, REPEAT },
	{ "quit", way_quit, 2 },
	{ "xcpu", way_xcpu, 1 },
};

static void run(const struct way *way)
{
	int status;
	pid_t pid;

	for (int i = 0; i < way->repeat; i++) {
		fflush(stdout);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			way->run();
		CHECK(waitpid(pid, &status, 0) == pid);
		printf("%s: %x\n", way->name, status & ~0x80);
	}
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (argc < 2)
			puts(ways[i].name);
		else if (strcmp(argv[1], ways[i].name) == 0)
			run(&ways[i]);
	return 0;
}
