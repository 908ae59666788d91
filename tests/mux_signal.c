/* SPDX-License-Identifier: MIT */
/*
 * mux_signal.c - signals that reach a thread in poll, select and epoll_wait: EINTR
 * with and without SA_RESTART, the masks of ppoll, pselect and epoll_pwait.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t runs;
static volatile int blocked_inside;

static void handler(int sig)
{
	sigset_t cur;
	int saved = errno;

	runs++;
	pthread_sigmask(SIG_BLOCK, NULL, &cur);
	blocked_inside = sigismember(&cur, SIGUSR2);
	errno = saved;
}

static void pause_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) != 0)
		;
}

static void install(int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	CHECK(sigaction(SIGUSR2, &sa, NULL) == 0);
}

static pthread_t victim;
static int p[2], ep;
static atomic_int over, sent;

static void *shoot(void *arg)
{
	pause_ms(20);
	CHECK(pthread_kill(victim, SIGUSR1) == 0);
	return NULL;
}

/* Until the call is over: a signal that came before it has ended nothing. */
static void *shoot_till_over(void *arg)
{
	do {
		pause_ms(20);
		sent++;
		CHECK(pthread_kill(victim, SIGUSR1) == 0);
		for (int ms = 0; ms < 500 && !over; ms++)
			pause_ms(1);
	} while (!over);
	return NULL;
}

static void *shoot_and_write(void *arg)
{
	shoot(NULL);
	CHECK(write(p[1], "x", 1) == 1);
	return NULL;
}

static pthread_t later(void *(*fn)(void *))
{
	pthread_t t;
	sigset_t all, old;

	/* The shooter itself takes no signal. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	CHECK(pthread_create(&t, NULL, fn, NULL) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return t;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int call(int which)
{
	struct pollfd pf = { p[0], POLLIN, 7 };
	struct epoll_event ev;
	struct timeval tv = { 100, 0 };
	double at = now(), left;
	fd_set in;
	int r;

	switch (which) {
	case 0:
		r = poll(&pf, 1, -1);
		if (r < 0 && pf.revents)
			printf("revents %d ", pf.revents);
		return r;
	case 1:
		return poll(NULL, 0, 100000);
	case 2:
		FD_ZERO(&in);
		FD_SET(p[0], &in);
		r = select(p[0] + 1, &in, NULL, NULL, &tv);
		left = (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
		if (r < 0 && (!FD_ISSET(p[0], &in) || left >= 100 ||
			      left < 100 - (now() - at) - 1e-5))
			printf("set or time-out wrong ");
		return r;
	case 3:
		return epoll_wait(ep, &ev, 1, -1);
	case 4:
		return epoll_wait(ep, &ev, 1, 100000);
	case 5:
		return ppoll(&pf, 1, NULL, NULL);
	default:
		FD_ZERO(&in);
		FD_SET(p[0], &in);
		r = pselect(p[0] + 1, &in, NULL, NULL, NULL, NULL);
		if (r < 0 && !FD_ISSET(p[0], &in))
			printf("set lost ");
		return r;
	}
}

static void interrupted(const char *name, int flags)
{
	install(flags);
	printf("%s:", name);
	for (int which = 0; which < 7; which++) {
		pthread_t t;
		int r;

		int err;

		runs = over = sent = 0;
		t = later(shoot_till_over);
		r = call(which);
		err = errno;
		over = 1;
		printf(" %d %s,", r, r < 0 && err == EINTR ? "EINTR" : "?");
		pthread_join(t, NULL);
		if (runs < 1 || runs > sent)
			printf(" %d handlers of %d signals", (int)runs, sent);
	}
	printf("\n");
}

/* A masked call. timeout in ms, -1: none. */
static int masked(int which, int timeout, const sigset_t *mask)
{
	struct timespec ts = { timeout / 1000, timeout % 1000 * 1000000L };
	struct timespec *t = timeout < 0 ? NULL : &ts;
	struct pollfd pf = { p[0], POLLIN, 0 };
	struct epoll_event ev;
	fd_set in;
	int r;

	switch (which) {
	case 0:
		return ppoll(&pf, 1, t, mask);
	case 1:
		FD_ZERO(&in);
		FD_SET(p[0], &in);
		r = pselect(p[0] + 1, &in, NULL, NULL, t, mask);
		if (r < 0 && !FD_ISSET(p[0], &in))
			printf("set lost ");
		return r;
	case 2:
		return epoll_pwait(ep, &ev, 1, timeout, mask);
	default:
		return epoll_pwait2(ep, &ev, 1, t, mask);
	}
}

static void masks(void)
{
	static const char *const names[] = { "ppoll", "pselect", "epoll_pwait", "epoll_pwait2" };
	sigset_t none, block, old, cur;
	char c;

	install(SA_RESTART);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	for (int which = 0; which < 4; which++) {
		pthread_t t;
		int r;

		printf("%s:", names[which]);
		pthread_sigmask(SIG_BLOCK, &block, &old);
		/* Pending before the call. */
		runs = 0;
		pthread_kill(pthread_self(), SIGUSR1);
		CHECK(runs == 0);
		r = masked(which, -1, &none);
		printf(" pending %d %s %d,", r, r < 0 ? strerror(errno) : "", (int)runs);
		/* Pending, and no time: what wins differs. */
		pthread_kill(pthread_self(), SIGUSR1);
		r = masked(which, 0, &none);
		printf(" no time %d %d,", r, (int)runs);
		if (runs == 1) {
			pthread_sigmask(SIG_SETMASK, &none, NULL);
			pthread_sigmask(SIG_BLOCK, &block, NULL);
		}
		CHECK(runs == 2);
		/* Something is ready: the signal stays where it is. */
		CHECK(write(p[1], "x", 1) == 1);
		pthread_kill(pthread_self(), SIGUSR1);
		r = masked(which, -1, &none);
		printf(" ready %d %d,", r, (int)runs);
		CHECK(read(p[0], &c, 1) == 1);
		pthread_sigmask(SIG_SETMASK, &none, NULL);
		CHECK(runs == 3);
		pthread_sigmask(SIG_BLOCK, &block, NULL);
		/* It comes while waiting. */
		t = later(shoot);
		r = masked(which, 100000, &none);
		printf(" coming %d %s %d,", r, r < 0 ? strerror(errno) : "", (int)runs);
		pthread_join(t, NULL);
		/* Blocked by the call only: what ends that is what comes after the signal. */
		pthread_sigmask(SIG_SETMASK, &none, NULL);
		t = later(shoot_and_write);
		r = masked(which, -1, &block);
		printf(" blocked %d %s %d,", r, r < 0 ? strerror(errno) : "", (int)runs);
		pthread_join(t, NULL);
		CHECK(read(p[0], &c, 1) == 1);
		/* The handler ran under the call's mask; afterwards it is ours again. */
		pthread_sigmask(SIG_SETMASK, &block, NULL);
		sigaddset(&block, SIGUSR2);
		sigdelset(&block, SIGUSR1);
		t = later(shoot);
		r = masked(which, -1, &block);
		pthread_join(t, NULL);
		pthread_sigmask(SIG_SETMASK, NULL, &cur);
		printf(" mask %d %d %d\n", r, blocked_inside, sigismember(&cur, SIGUSR2));
		sigemptyset(&block);
		sigaddset(&block, SIGUSR1);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
}

static void *all(void *arg)
{
	victim = pthread_self();
	CHECK(pipe(p) == 0);
	ep = epoll_create1(0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &(struct epoll_event){ .events = EPOLLIN }) == 0);
	interrupted("plain", 0);
	interrupted("SA_RESTART", SA_RESTART);
	masks();
	close(ep);
	close(p[0]);
	close(p[1]);
	return NULL;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("on main\n");
	all(NULL);
	printf("on a thread\n");
	CHECK(pthread_create(&t, NULL, all, NULL) == 0);
	pthread_join(t, NULL);
	return 0;
}
