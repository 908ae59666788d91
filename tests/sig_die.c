/* SPDX-License-Identifier: MIT */
/*
 * sig_die.c HOW - ends, or does not, by a signal's default action. Its exit status is what
 * matters.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int fds[2];
static int all_block;

static void set_mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(how, &set, NULL);
}

static void *wait_for_ever(void *arg)
{
	char c;

	if (!all_block)
		set_mask(SIG_UNBLOCK, SIGTERM);
	return (void *)(long)read(fds[0], &c, 1);
}

static void *wait_blocked(void *arg)
{
	char c;

	set_mask(SIG_BLOCK, SIGTERM);
	return (void *)(long)read(fds[0], &c, 1);
}

static void handler(int sig)
{
	static const char text[] = "handler\n";

	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(99);
}

static int deep(volatile int *n)
{
	volatile char big[4096];

	big[0] = (char)++*n;
	return *n < 0 ? 0 : deep(n) + big[0];
}

static pthread_t other;
static int stopped[2]; /* a byte for each time it was */

static void from_outside(int sig)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0) {
		kill(parent, sig);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void die(const char *how)
{
	volatile int n = 0;

	usleep(20000); /* the other thread is in its call */
	if (strcmp(how, "raise") == 0)
		raise(SIGTERM);
	else if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGINT);
	else if (strcmp(how, "outside") == 0)
		from_outside(SIGUSR1), pause();
	else if (strcmp(how, "pthread_kill") == 0) {
		pthread_kill(other, SIGTERM);
		pause();
	} else if (strcmp(how, "blocked") == 0) {
		set_mask(SIG_BLOCK, SIGTERM);
		kill(getpid(), SIGTERM); /* the other thread lets it in */
		pause();
	} else if (strcmp(how, "all_blocked") == 0) {
		set_mask(SIG_BLOCK, SIGTERM);
		pthread_create(&other, NULL, wait_blocked, NULL);
		from_outside(SIGTERM);
		from_outside(SIGTERM);
		printf("alive\n");
		fflush(stdout);
		set_mask(SIG_UNBLOCK, SIGTERM);
		printf("not reached\n");
	} else if (strcmp(how, "thread_blocked") == 0) {
		set_mask(SIG_BLOCK, SIGTERM); /* which it inherits */
		pthread_create(&other, NULL, wait_blocked, NULL);
		set_mask(SIG_UNBLOCK, SIGTERM);
		usleep(20000);
		pthread_kill(other, SIGTERM);
		printf("alive\n");
		exit(3);
	} else if (strcmp(how, "abort") == 0) {
		set_mask(SIG_BLOCK, SIGABRT);
		abort();
	} else if (strcmp(how, "abort_handler") == 0) {
		signal(SIGABRT, handler);
		set_mask(SIG_BLOCK, SIGABRT);
		abort();
	} else if (strcmp(how, "segv") == 0)
		*(volatile int *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
	else if (strcmp(how, "segv_ignored") == 0) {
		signal(SIGSEGV, SIG_IGN);
		*(volatile int *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
	} else if (strcmp(how, "segv_blocked") == 0) {
		signal(SIGSEGV, handler);
		set_mask(SIG_BLOCK, SIGSEGV);
		*(volatile int *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
	} else if (strcmp(how, "segv_twice") == 0) {
		struct sigaction act = { .sa_handler = handler, .sa_flags = (int)SA_RESETHAND };

		sigaction(SIGSEGV, &act, NULL);
		*(volatile int *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
	} else if (strcmp(how, "overflow") == 0)
		deep(&n);
	else if (strcmp(how, "trap") == 0)
		__builtin_trap();
	else if (strcmp(how, "int3") == 0)
		__asm__ volatile("int3");
	else if (strcmp(how, "fpe") == 0) {
		volatile int zero = 0;

		n = 1 / zero;
	} else if (strcmp(how, "pipe") == 0) {
		int p[2];

		if (pipe(p) == 0 && close(p[0]) == 0 && write(p[1], "x", 1) < 0)
			printf("not reached\n");
	} else if (strcmp(how, "pipe_blocked") == 0) {
		sigset_t set;
		int p[2], sig = 0;

		set_mask(SIG_BLOCK, SIGPIPE);
		if (pipe(p) == 0 && close(p[0]) == 0 && write(p[1], "x", 1) < 0)
			printf("write: %s\n", strerror(errno));
		sigpending(&set);
		printf("pending %d\n", sigismember(&set, SIGPIPE));
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		sigwait(&set, &sig);
		printf("taken %d\n", sig == SIGPIPE);
		exit(4);
	} else if (strcmp(how, "stop") == 0) {
		printf("stopping\n");
		fflush(stdout);
		raise(SIGTSTP);
		printf("going on\n");
		exit(5);
	} else if (strcmp(how, "stop_other") == 0) {
		char c;

		pthread_kill(other, SIGSTOP);
		/* It stops when the other thread has taken the signal; then we are told. */
		if (read(stopped[0], &c, 1) == 1)
			printf("going on\n");
		exit(6);
	} else if (strcmp(how, "ignored") == 0) {
		signal(SIGTERM, SIG_IGN);
		raise(SIGTERM);
		pthread_kill(other, SIGTERM);
		kill(getpid(), SIGTERM);
		raise(SIGCHLD);
		raise(SIGURG);
		raise(SIGCONT);
		exit(7);
	} else if (strcmp(how, "kill9") == 0) {
		pthread_kill(other, SIGKILL);
		pause();
	} else if (strcmp(how, "xfsz") == 0) {
		struct rlimit limit = { 0, 0 };
		FILE *f = tmpfile();

		setrlimit(RLIMIT_FSIZE, &limit);
		if (write(fileno(f), "x", 1) < 0)
			printf("not reached\n");
	} else if (strcmp(how, "handler_default") == 0) {
		signal(SIGTERM, handler);
		raise(SIGTERM);
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
	}
}

static void *dier(void *arg)
{
	die(arg);
	return NULL;
}

/* Runs HOW in a process of its own, so that this one can continue it when it stops. */
int main(int argc, char **argv)
{
	int status, ret;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	if (pipe(stopped) < 0)
		return 98;
	pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0, 0 };
		pthread_t t;

		setrlimit(RLIMIT_CORE, &none);
		all_block = strcmp(argv[1], "all_blocked") == 0;
		if (all_block)
			set_mask(SIG_BLOCK, SIGTERM);
		if (pipe(fds) < 0 || pthread_create(&other, NULL, wait_for_ever, NULL) != 0)
			_exit(98);
		if (argc > 2) {
			pthread_create(&t, NULL, dier, argv[1]);
			pthread_join(t, NULL);
		} else {
			die(argv[1]);
		}
		_exit(97);
	}
	while ((ret = waitpid(pid, &status, WUNTRACED)) == pid && WIFSTOPPED(status)) {
		printf("stopped by signal %d\n", WSTOPSIG(status));
		if (write(stopped[1], "x", 1) != 1)
			return 98;
		kill(pid, SIGCONT);
	}
	if (ret != pid)
		perror("waitpid");
	else if (WIFSIGNALED(status))
		printf("ended by signal %d\n", WTERMSIG(status));
	else
		printf("exit status %d\n", WEXITSTATUS(status));
	return 0;
}
