/* SPDX-License-Identifier: MIT */
/*
 * sig_child.c - what a new process starts with: the mask of the thread that made it, what
 * was ignored, and nothing pending; and that a forked child's signals work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                            \
	do {                                                                                \
		if (!(x)) {                                                                 \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #x, strerror(errno)); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

extern char **environ;
static char *me;

/* What the kernel says of this process. */
static int show(const char *what)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	CHECK(f);
	printf("  %s:", what);
	while (fgets(line, sizeof(line), f)) {
		unsigned long long set;

		if (sscanf(line, "SigBlk: %llx", &set) == 1)
			printf(" blocked %llx", set);
		if (sscanf(line, "SigIgn: %llx", &set) == 1)
			printf(" ignored %llx", set & ~(3ULL << 31));
		if (sscanf(line, "SigPnd: %llx", &set) == 1 || sscanf(line, "ShdPnd: %llx", &set) == 1)
			printf(" pending %llx", set);
	}
	printf("\n");
	fflush(stdout);
	fclose(f);
	return 0;
}

static void reap(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	if (status != 0)
		printf("  status %x\n", status);
}

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	handled = sig;
}

static void *in_child(void *arg)
{
	sigset_t set;
	int sig;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	kill(getpid(), SIGUSR2);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &sig);
	return (void *)(long)sig;
}

static void child(void)
{
	struct sigaction act = { .sa_handler = handler };
	sigset_t set;
	pthread_t t;
	void *got;

	sigpending(&set);
	printf("  forked child: USR1 pending %d", sigismember(&set, SIGUSR1));
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	printf(", blocked %d, USR2 %d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
	sigaction(SIGALRM, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm(1);
	while (!handled) /* it may be here already: pause would wait for another one */
		usleep(1000);
	printf("  its alarm: %d\n", handled);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pthread_create(&t, NULL, in_child, NULL);
	pthread_join(t, &got);
	printf("  its thread's sigwait: %ld\n", (long)got);
	fflush(stdout);
}

static void *makes(void *arg)
{
	char *argv[] = { me, "spawned", NULL }, command[512];
	posix_spawnattr_t attr;
	sigset_t set;
	pid_t pid;
	FILE *f;

	if (arg) {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGRTMIN + 3);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		raise(SIGUSR1);
	}
	fflush(stdout);
	if ((pid = fork()) == 0) {
		child();
		execl(me, me, "forked, then executed", NULL);
		_exit(1);
	}
	reap(pid);
	if ((pid = vfork()) == 0) {
		execl(me, me, "vforked", NULL);
		_exit(1);
	}
	reap(pid);
	CHECK(posix_spawn(&pid, me, NULL, NULL, argv, environ) == 0);
	reap(pid);
	posix_spawnattr_init(&attr);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	argv[1] = "spawned with a mask";
	CHECK(posix_spawn(&pid, me, NULL, &attr, argv, environ) == 0);
	reap(pid);
	snprintf(command, sizeof(command), "exec '%s' system", me);
	CHECK(system(command) == 0);
	snprintf(command, sizeof(command), "exec '%s' popen", me);
	CHECK((f = popen(command, "r")) != NULL);
	while (fgets(command, sizeof(command), f))
		fputs(command, stdout);
	CHECK(pclose(f) == 0);
	fflush(stdout);
	return NULL;
}

static void *waits(void *arg)
{
	char c;

	return (void *)(long)read(*(int *)arg, &c, 1);
}

int main(int argc, char **argv)
{
	pthread_t t, waiter;
	sigset_t set;
	int fds[2];

	if (argc > 1)
		return show(argv[1]);
	me = realpath("/proc/self/exe", NULL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGHUP, handler);
	CHECK(pipe(fds) == 0);
	CHECK(pthread_create(&waiter, NULL, waits, &fds[0]) == 0);
	printf("main:\n");
	makes(NULL);
	printf("a thread that blocks two signals:\n");
	CHECK(pthread_create(&t, NULL, makes, me) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	printf("a thread that inherits one and blocks two:\n");
	CHECK(pthread_create(&t, NULL, makes, me) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(pthread_join(waiter, NULL) == 0);
	printf("main, replaced:\n");
	fflush(stdout);
	execl(me, me, "executed", NULL);
	return 1;
}
