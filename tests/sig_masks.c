/* SPDX-License-Identifier: MIT */
/*
 * sig_masks.c - masks, pending signals and how handlers nest, on a thread while another
 * one exists with another mask. Everything a thread sends here it sends to itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static volatile char log_text[4096];
static volatile size_t log_len;

/* Usable in handlers. */
static void note(const char *fmt, int n)
{
	char num[16];
	int i = sizeof(num) - 1;

	num[i] = 0;
	do
		num[--i] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	for (; *fmt && log_len < sizeof(log_text) - 20; fmt++) {
		if (*fmt == '%')
			for (const char *p = num + i; *p; p++)
				log_text[log_len++] = *p;
		else
			log_text[log_len++] = *fmt;
	}
}

static void show(const char *what)
{
	log_text[log_len] = 0;
	printf("%s:%s\n", what, (char *)log_text);
	log_len = 0;
}

static int blocked(int sig)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, sig);
}

static int pending(int sig)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, sig);
}

static void change(int how, int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	if (a)
		sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	pthread_sigmask(how, &set, NULL);
}

static void on(int sig, void (*fn)(int, siginfo_t *, void *), int flags, int also)
{
	struct sigaction act = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigemptyset(&act.sa_mask);
	if (also)
		sigaddset(&act.sa_mask, also);
	if (sigaction(sig, &act, NULL) != 0)
		perror("sigaction");
}

static void simple(int sig, siginfo_t *info, void *uc)
{
	note(" %", sig);
}

static void bracket(int sig, siginfo_t *info, void *uc)
{
	note(" <%", sig);
	note("%", blocked(sig));
	note(">", 0);
}

/* USR1's handler raises USR2; with USR2 in its mask that one comes afterwards. */
static void nesting(int sig, siginfo_t *info, void *uc)
{
	note(" [%", sig);
	if (sig == SIGUSR1) {
		raise(SIGUSR2);
		note(" pending=%", pending(SIGUSR2));
	}
	note("]", 0);
}

static void recursive(int sig, siginfo_t *info, void *uc)
{
	static volatile int depth; /* raise is declared never to call back */

	note(" (%", ++depth);
	if (depth < 3)
		raise(sig);
	note(")", 0);
	depth--;
}

static void values(int sig, siginfo_t *info, void *uc)
{
	note(" %", sig);
	note("=%", info->si_value.sival_int);
	if (info->si_code != SI_QUEUE || info->si_pid != getpid() || info->si_uid != getuid())
		note("!", 0);
}

static void leaves_blocked(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	note(" was=%", sigismember(&uc->uc_sigmask, SIGHUP));
	sigaddset(&uc->uc_sigmask, SIGHUP);
}

static void test_pending(void)
{
	change(SIG_BLOCK, SIGUSR1, SIGUSR2);
	on(SIGUSR1, simple, 0, 0);
	on(SIGUSR2, simple, 0, 0);
	raise(SIGUSR1);
	raise(SIGUSR1);
	note(" pending=%", pending(SIGUSR1));
	note("%", pending(SIGUSR2));
	raise(SIGUSR2);
	note(" pending=%", pending(SIGUSR2));
	change(SIG_UNBLOCK, SIGUSR1, SIGUSR2);
	note(" pending=%", pending(SIGUSR1));
	show("blocked, then not");
	change(SIG_BLOCK, SIGUSR1, 0);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	note(" pending=%", pending(SIGUSR1));
	on(SIGUSR1, simple, 0, 0);
	change(SIG_UNBLOCK, SIGUSR1, 0);
	show("blocked, then ignored");
}

static void test_flags(void)
{
	struct sigaction now;

	on(SIGUSR1, bracket, 0, 0);
	raise(SIGUSR1);
	on(SIGUSR1, bracket, SA_NODEFER, 0);
	raise(SIGUSR1);
	show("blocked in its handler, without and with SA_NODEFER");
	on(SIGUSR1, bracket, (int)SA_RESETHAND, 0);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &now);
	note(" default=%", now.sa_handler == SIG_DFL);
	note(" flag=%", (now.sa_flags & (int)SA_RESETHAND) != 0);
	show("SA_RESETHAND");
	on(SIGUSR1, recursive, SA_NODEFER, 0);
	raise(SIGUSR1);
	show("SA_NODEFER, recursive");
	on(SIGUSR1, nesting, 0, 0);
	on(SIGUSR2, nesting, 0, 0);
	raise(SIGUSR1);
	show("nested");
	on(SIGUSR1, nesting, 0, SIGUSR2);
	raise(SIGUSR1);
	show("held back by sa_mask");
	on(SIGUSR1, leaves_blocked, 0, 0);
	raise(SIGUSR1);
	note(" now=%", blocked(SIGHUP));
	change(SIG_UNBLOCK, SIGHUP, 0);
	show("the ucontext's mask");
}

static void test_queue(void)
{
	int sigs[] = { SIGRTMIN + 2, SIGRTMIN, SIGUSR1, SIGRTMIN + 2, SIGRTMIN, SIGRTMIN + 2, SIGUSR1 };
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	for (int i = 0; i < 7; i++)
		on(sigs[i], values, 0, 0);
	on(SIGTERM, simple, 0, 0);
	on(SIGHUP, simple, 0, 0);
	on(SIGUSR2, simple, 0, 0);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 7; i++) {
		union sigval v = { .sival_int = 10 + i };

		pthread_sigqueue(pthread_self(), sigs[i], v);
	}
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	show("queued, in the order of their handlers");
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	raise(SIGTERM);
	raise(SIGUSR2);
	raise(SIGHUP);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	show("three at once");
}

static void test_suspend(void)
{
	sigset_t set;
	int ret;

	on(SIGUSR1, bracket, SA_RESTART, 0);
	on(SIGUSR2, bracket, SA_RESTART, 0);
	change(SIG_BLOCK, SIGUSR1, SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR2);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	sigdelset(&set, SIGUSR1);
	ret = sigsuspend(&set);
	note(" %", -ret);
	note(" errno=%", errno == EINTR);
	note(" blocked=%", blocked(SIGUSR1));
	note(" pending=%", pending(SIGUSR2));
	change(SIG_UNBLOCK, SIGUSR1, SIGUSR2);
	show("sigsuspend");
}

static void test_all(const char *who)
{
	printf("--- %s\n", who);
	test_pending();
	test_flags();
	test_queue();
	test_suspend();
}

static void *thread(void *arg)
{
	note(" %", blocked(SIGUSR1));
	note("%", blocked(SIGUSR2));
	note("%", pending(SIGUSR1));
	note("%", pending(SIGUSR2));
	show("inherited mask and pending set");
	change(SIG_UNBLOCK, SIGUSR1, SIGUSR2);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	test_all("thread");
	pthread_barrier_wait(&barrier);
	return NULL;
}

int main(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	on(SIGUSR1, simple, 0, 0);
	change(SIG_BLOCK, SIGUSR1, 0);
	raise(SIGUSR1);
	pthread_create(&t, NULL, thread, NULL);
	pthread_barrier_wait(&barrier);
	note(" %", blocked(SIGUSR1));
	note(" %", pending(SIGUSR1));
	show("main's own");
	change(SIG_UNBLOCK, SIGUSR1, 0);
	show("main's, let in");
	test_all("main");
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
	return 0;
}
