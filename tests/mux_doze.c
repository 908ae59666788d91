/* SPDX-License-Identifier: MIT */
/*
 * mux_doze.c - descriptors on which things happen while nobody waits for them, and then
 * somebody does: by epoll, poll, select, read and recv, by several threads, under another
 * number, after a close and a fork.
 *
 * A child process of its own writes, so that this one has nothing to run while the thread
 * under test is busy or waits. "count" makes it say how many events the library counted.
 */
#define _GNU_SOURCE
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUSY = 8, ROUNDS = 16, CHANNELS = 4, WAITERS = 3 };

/* Shared with the child. */
static struct shared {
	_Atomic int wanted[CHANNELS], sent[CHANNELS];
} *shared;

/* The parent reads [0], the child writes [1]. */
static int channel[CHANNELS][2];

static void child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		for (int i = 0; i < CHANNELS; i++)
			if (shared->sent[i] != shared->wanted[i]) {
				CHECK(write(channel[i][1], "x", 1) == 1);
				shared->sent[i]++;
			}
		sched_yield();
	}
}

/* n bytes come on channel i while nobody waits. */
static void while_busy(int i, int n)
{
	while (n-- > 0) {
		shared->wanted[i]++;
		while (shared->sent[i] != shared->wanted[i])
			sched_yield();
	}
}

/* A byte is on its way. */
static void soon(int i)
{
	shared->wanted[i]++;
}

static void take(int i, int n)
{
	char buf[BUSY + WAITERS];

	CHECK(n <= (int)sizeof(buf) && read(channel[i][0], buf, (size_t)n) == n);
}

static int epoll_of(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	int ep = epoll_create1(0);

	CHECK(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0);
	return ep;
}

static void by_epoll(int i, int ep)
{
	struct epoll_event ev;

	CHECK(epoll_wait(ep, &ev, 1, -1) == 1 && ev.data.fd == channel[i][0]);
}

static void by_poll(int i, int unused)
{
	struct pollfd p[2] = { { .fd = channel[i][0], .events = POLLIN },
			       { .fd = channel[(i + 1) % CHANNELS][0], .events = POLLIN } };

	(void)unused;
	CHECK(poll(p, 2, -1) == 1 && p[0].revents == POLLIN);
}

static void by_select(int i, int unused)
{
	fd_set in;

	(void)unused;
	FD_ZERO(&in);
	FD_SET(channel[i][0], &in);
	CHECK(select(channel[i][0] + 1, &in, NULL, NULL, NULL) == 1);
}

static void by_reading(int i, int unused)
{
	(void)i;
	(void)unused;
}

static void rounds(const char *name, void (*wait)(int, int), int i, int ep)
{
	for (int r = 0; r < ROUNDS; r++) {
		while_busy(i, BUSY);
		wait(i, ep);
		take(i, BUSY);
		for (int k = 0; k < 16; k++) {
			soon(i);
			wait(i, ep);
			take(i, 1);
		}
	}
	printf("%s: %d rounds\n", name, ROUNDS);
}

static void *waiter(void *arg)
{
	struct epoll_event ev;
	char c;

	CHECK(epoll_wait(*(int *)arg, &ev, 1, -1) == 1);
	CHECK(read(ev.data.fd, &c, 1) == 1);
	return NULL;
}

static void several(int i, int ep)
{
	pthread_t t[WAITERS];

	for (int r = 0; r < ROUNDS; r++) {
		while_busy(i, BUSY);
		take(i, BUSY);
		for (int k = 0; k < WAITERS; k++)
			CHECK(pthread_create(&t[k], NULL, waiter, &ep) == 0);
		for (int k = 0; k < WAITERS; k++)
			soon(i);
		for (int k = 0; k < WAITERS; k++)
			pthread_join(t[k], NULL);
	}
	printf("several: %d rounds\n", ROUNDS);
}

static void renumbered(int i)
{
	struct epoll_event ev;

	for (int r = 0; r < ROUNDS; r++) {
		int ep = epoll_of(channel[i][0]), two = dup(ep);

		for (int k = 0; k < 3; k++) {
			soon(i);
			by_epoll(i, ep);
			while_busy(i, BUSY);
			take(i, BUSY + 1);
		}
		CHECK(close(ep) == 0);
		soon(i);
		by_epoll(i, two);
		take(i, 1);
		CHECK(epoll_wait(two, &ev, 1, 1) == 0);
		CHECK(close(two) == 0);
	}
	printf("renumbered: %d rounds\n", ROUNDS);
}

static void forked(int i, int ep)
{
	int status;

	while_busy(i, BUSY);
	take(i, BUSY);
	if (fork() == 0) {
		for (int k = 0; k < BUSY; k++) {
			soon(i);
			by_epoll(i, ep);
			take(i, 1);
			while_busy(i, 1);
			take(i, 1);
		}
		_exit(7);
	}
	CHECK(wait(&status) > 0);
	printf("forked: exit status %d\n", WEXITSTATUS(status));
	rounds("and after it", by_epoll, i, ep);
}

static void *body(void *arg)
{
	int ep[CHANNELS];

	(void)arg;
	for (int i = 0; i < CHANNELS; i++)
		ep[i] = epoll_of(channel[i][0]);
	rounds("epoll", by_epoll, 0, ep[0]);
	rounds("poll", by_poll, 1, 0);
	rounds("select", by_select, 2, 0);
	rounds("reading", by_reading, 1, 0);
	rounds("receiving", by_reading, 3, 0);
	several(0, ep[0]);
	renumbered(2);
	forked(0, ep[0]);
	return NULL;
}

static void *counted(void *arg)
{
	int ep = epoll_of(channel[0][0]);

	(void)arg;
	for (int r = 0; r < 10 * ROUNDS; r++) {
		soon(0);
		by_epoll(0, ep);
		take(0, 1);
		for (int k = 0; k < BUSY; k++) {
			while_busy(0, 1);
			take(0, 1);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	bool count = argc > 1 && strcmp(argv[1], "count") == 0;
	pthread_t t;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED);
	for (int i = 0; i < CHANNELS; i++)
		CHECK(i < CHANNELS - 1 ? pipe(channel[i]) == 0 :
					 socketpair(AF_UNIX, SOCK_STREAM, 0, channel[i]) == 0);
	pid = fork();
	if (pid == 0)
		child();
	CHECK(pthread_create(&t, NULL, count ? counted : body, NULL) == 0);
	pthread_join(t, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
