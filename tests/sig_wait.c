/* SPDX-License-Identifier: MIT */
/*
 * sig_wait.c - signals taken without handlers: sigwait, sigtimedwait and signalfd in a
 * thread that is there for it, with everything blocked everywhere; in order, complete,
 * and with what the sender said.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                            \
	do {                                                                                \
		if (!(x)) {                                                                 \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #x, strerror(errno)); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

enum { BURST = 200 };

static sigset_t all;
static pid_t parent;

/* Sends BURST real-time signals from another process, two kinds in turn. */
static pid_t send_burst(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child != 0)
		return child;
	for (int i = 0; i < BURST; i++) {
		union sigval v = { .sival_int = i };

		while (sigqueue(parent, SIGRTMIN + i % 2, v) < 0)
			if (errno != EAGAIN)
				_exit(1);
	}
	_exit(0);
}

static void reap(pid_t child)
{
	int status;

	CHECK(waitpid(child, &status, 0) == child);
	CHECK(status == 0);
}

struct order {
	int last[2], n, bad;
};

static void take(struct order *o, int sig, int value, pid_t sender, pid_t child)
{
	int kind = sig - SIGRTMIN;

	if (kind < 0 || kind > 1 || value <= o->last[kind] || sender != child)
		o->bad++;
	else
		o->last[kind] = value;
	o->n++;
}

static void *burst_waiter(void *arg)
{
	struct order o = { { -1, -1 }, 0, 0 };
	pid_t child = send_burst();
	sigset_t rt;

	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN);
	sigaddset(&rt, SIGRTMIN + 1);
	while (o.n < BURST) {
		siginfo_t info;
		int sig = sigwaitinfo(&rt, &info);

		CHECK(sig > 0 && info.si_signo == sig && info.si_code == SI_QUEUE);
		take(&o, sig, info.si_value.sival_int, info.si_pid, child);
	}
	reap(child);
	printf("sigwaitinfo: %d signals, %d out of order\n", o.n, o.bad);
	return NULL;
}

static void *fd_reader(void *arg)
{
	struct order o = { { -1, -1 }, 0, 0 };
	sigset_t rt;
	pid_t child;
	int fd;

	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN);
	sigaddset(&rt, SIGRTMIN + 1);
	CHECK((fd = signalfd(-1, &rt, SFD_CLOEXEC)) >= 0);
	child = send_burst();
	while (o.n < BURST) {
		struct signalfd_siginfo info[8];
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t n;

		CHECK(poll(&p, 1, -1) == 1);
		CHECK((n = read(fd, info, sizeof(info))) > 0);
		for (int i = 0; i < (int)(n / (ssize_t)sizeof(info[0])); i++)
			take(&o, (int)info[i].ssi_signo, info[i].ssi_int, (pid_t)info[i].ssi_pid, child);
	}
	reap(child);
	close(fd);
	printf("signalfd: %d signals, %d out of order\n", o.n, o.bad);
	return NULL;
}

/* The daemon's way: one thread for signals. */
static void *signal_thread(void *arg)
{
	int sig;

	do {
		CHECK(sigwait(&all, &sig) == 0);
		printf("sigwait: %s\n", strsignal(sig));
		fflush(stdout);
		CHECK(write(*(int *)arg, "x", 1) == 1);
	} while (sig != SIGTERM);
	return NULL;
}

static void test_daemon(void)
{
	static const int sigs[] = { SIGHUP, SIGCHLD, SIGUSR1, SIGINT, SIGTERM };
	pthread_t t;
	int fds[2];

	CHECK(pipe(fds) == 0);
	CHECK(pthread_create(&t, NULL, signal_thread, &fds[1]) == 0);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		char c;

		if (sigs[i] == SIGTERM)
			CHECK(pthread_kill(t, SIGTERM) == 0);
		else if (sigs[i] != SIGCHLD)
			CHECK(kill(getpid(), sigs[i]) == 0);
		else if (fork() == 0)
			_exit(0);
		CHECK(read(fds[0], &c, 1) == 1);
	}
	CHECK(pthread_join(t, NULL) == 0);
}

static void handler(int sig)
{
}

static void *timed(void *arg)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct timespec now, then, wait = { 0, 50000000 };
	siginfo_t info;
	sigset_t usr;
	int sig;

	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	clock_gettime(CLOCK_MONOTONIC, &then);
	sig = sigtimedwait(&usr, &info, &wait);
	CHECK(sig == -1);
	printf("sigtimedwait: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf(", %s\n", (now.tv_sec - then.tv_sec) * 1000000000L + now.tv_nsec - then.tv_nsec < 50000000
				  ? "too early"
				  : "in time");
	CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
	sig = sigtimedwait(&usr, &info, &wait);
	printf("pending already: %d, code %d, from %s\n", sig == SIGUSR1, info.si_code,
	       info.si_pid == getpid() ? "here" : "elsewhere");
	/* A handler for another signal ends the wait. */
	CHECK(sigaction(SIGUSR2, &act, NULL) == 0);
	sigaddset(&usr, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &usr, NULL);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &usr, NULL);
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	*(volatile int *)arg = 1;
	sig = sigwaitinfo(&usr, &info);
	*(volatile int *)arg = 2;
	printf("interrupted: %d %s\n", sig, strerror(errno));
	return NULL;
}

static void test_timed(void)
{
	volatile int stage = 0;
	pthread_t t;

	CHECK(pthread_create(&t, NULL, timed, (void *)&stage) == 0);
	while (stage != 2) {
		usleep(5000);
		if (stage == 1)
			CHECK(pthread_kill(t, SIGUSR2) == 0);
	}
	CHECK(pthread_join(t, NULL) == 0);
}

int main(void)
{
	pthread_t t;

	parent = getpid();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
	CHECK(pthread_create(&t, NULL, burst_waiter, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK(pthread_create(&t, NULL, fd_reader, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR); /* forgets those of the senders */
	CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	test_daemon();
	test_timed();
	return 0;
}
