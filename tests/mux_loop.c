/* SPDX-License-Identifier: MIT */
/*
 * mux_loop.c - event loops: threads that wait in epoll_wait again and again. What wakes them,
 * ends them and goes on beside them, whoever causes it.
 *
 *	mux_loop WAY		(without WAY: the list of ways)
 *	mux_loop serve N	N rounds with a child process at the other end
 */
#define _GNU_SOURCE
#include "pairs.h"
#include "ways.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

enum { WARM = 20, ROUNDS = 200, CROWD = 12 };

static int epoll_of(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	int ep = epoll_create1(0);

	CHECK(ep >= 0);
	if (fd >= 0)
		CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0);
	return ep;
}

/* The calling thread becomes an event loop. */
static void warm(void)
{
	int ep = epoll_of(-1);
	struct epoll_event ev;

	for (int i = 0; i < WARM; i++)
		CHECK(epoll_wait(ep, &ev, 1, 1) == 0 || errno == EINTR);
	close(ep);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A descriptor to read from and one to write to. */
struct line {
	int in, out;
};

static struct line line_of(int kind)
{
	int fd[2];

	switch (kind) {
	case 0:
		CHECK(pipe(fd) == 0);
		return (struct line){ fd[0], fd[1] };
	case 1:
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
		return (struct line){ fd[0], fd[1] };
	case 2:
		fd[0] = eventfd(0, 0);
		CHECK(fd[0] >= 0);
		return (struct line){ fd[0], fd[0] };
	default:
		tcp_pair(fd);
		return (struct line){ fd[0], fd[1] };
	}
}

static void send_on(struct line l)
{
	uint64_t one = 1;

	CHECK(write(l.out, &one, sizeof(one)) == sizeof(one));
}

static void take_from(struct line l)
{
	uint64_t one;

	CHECK(read(l.in, &one, sizeof(one)) == sizeof(one) && one == 1);
}

/* ---- turns with another thread, over each kind of descriptor ---- */

static struct line there, back;

static void *echo(void *arg)
{
	int ep = epoll_of(there.in);
	struct epoll_event ev;

	warm();
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(epoll_wait(ep, &ev, 1, -1) == 1 && ev.data.fd == there.in);
		take_from(there);
		send_on(back);
	}
	close(ep);
	return arg;
}

static void way_turns(void)
{
	for (int kind = 0; kind < 4; kind++) {
		struct epoll_event ev;
		pthread_t t;
		int ep;

		there = line_of(kind);
		back = line_of(kind);
		ep = epoll_of(back.in);
		t = start(echo, NULL);
		warm();
		for (int i = 0; i < ROUNDS; i++) {
			send_on(there);
			CHECK(epoll_wait(ep, &ev, 1, -1) == 1 && ev.data.fd == back.in);
			take_from(back);
		}
		pthread_join(t, NULL);
		close(ep);
		printf("kind %d: %d turns\n", kind, ROUNDS);
	}
}

/* ---- many loops, more than there are processors ---- */

static struct line crowd[CROWD], crowd_back;

static void *one_of_many(void *arg)
{
	struct line mine = crowd[(intptr_t)arg];
	int ep = epoll_of(mine.in);
	struct epoll_event ev;

	warm();
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(epoll_wait(ep, &ev, 1, -1) == 1);
		take_from(mine);
		send_on(crowd_back);
	}
	close(ep);
	return NULL;
}

static void way_many(void)
{
	pthread_t t[CROWD];

	crowd_back = line_of(0);
	for (intptr_t i = 0; i < CROWD; i++) {
		crowd[i] = line_of(3);
		t[i] = start(one_of_many, (void *)i);
	}
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < CROWD; i++)
			send_on(crowd[(i + r) % CROWD]);
		for (int i = 0; i < CROWD; i++)
			take_from(crowd_back);
	}
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	printf("%d loops, %d rounds\n", CROWD, ROUNDS);
}

/* ---- what goes on beside loops that sleep ---- */

static atomic_int over;

static void *asleep(void *arg)
{
	struct line *mine = arg;
	int ep = epoll_of(mine->in);
	struct epoll_event ev;

	warm();
	while (!atomic_load(&over))
		CHECK(epoll_wait(ep, &ev, 1, -1) == 1);
	close(ep);
	return NULL;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *arg)
{
	int me = arg != NULL;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < ROUNDS; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &lock);
		turn = !me;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *nap(void *arg)
{
	struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < 20; i++)
		CHECK(nanosleep(&ms, NULL) == 0);
	return arg;
}

static void beside(void)
{
	pthread_t t[4];
	int status;
	pid_t pid;

	t[0] = start(take_turns, NULL);
	t[1] = start(take_turns, &turn);
	t[2] = start(nap, NULL);
	t[3] = start(nap, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		there = line_of(3);
		back = line_of(0);
		t[0] = start(echo, NULL);
		for (int i = 0; i < ROUNDS; i++) {
			send_on(there);
			take_from(back);
		}
		pthread_join(t[0], NULL);
		_exit(5);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("threads took turns and slept, a child ended with %d\n", WEXITSTATUS(status));
}

static void way_beside(void)
{
	struct line lines[CROWD];
	pthread_t t[CROWD];

	for (int i = 0; i < CROWD; i++) {
		lines[i] = line_of(3);
		t[i] = start(asleep, &lines[i]);
	}
	for (int i = 0; i < 5; i++)
		beside();
	atomic_store(&over, 1);
	for (int i = 0; i < CROWD; i++)
		send_on(lines[i]);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
}

/* ---- signals ---- */

static sem_t sem;
static atomic_int handled;

static void handle(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static void *broken(void *arg)
{
	int ep = epoll_of(*(int *)arg);
	struct epoll_event ev;

	warm();
	for (int i = 0; i < ROUNDS; i++) {
		int before = atomic_load(&handled);

		CHECK(epoll_wait(ep, &ev, 1, -1) == -1 && errno == EINTR);
		CHECK(atomic_load(&handled) > before);
		sem_post(&sem);
	}
	close(ep);
	return NULL;
}

/* One that comes outside epoll_wait breaks nothing: the next one does. */
static bool wait_a_moment(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 2000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return sem_timedwait(&sem, &until) == 0;
}

static void way_signals(void)
{
	struct line l = line_of(3);

	for (int restart = 0; restart < 2; restart++) {
		struct sigaction act = { .sa_handler = handle,
					 .sa_flags = restart ? SA_RESTART : 0 };
		pthread_t t;

		CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
		sem_init(&sem, 0, 0);
		t = start(broken, &l.in);
		for (int i = 0; i < ROUNDS; i++)
			while (!wait_a_moment())
				CHECK(pthread_kill(t, SIGUSR1) == 0);
		pthread_join(t, NULL);
		printf("%d calls broken%s\n", ROUNDS, restart ? ", with SA_RESTART too" : "");
	}
}

/* ---- a mask that is in force during the wait only ---- */

static void *masked(void *arg)
{
	int ep = epoll_of(*(int *)arg);
	struct epoll_event ev;
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	warm();
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		sem_post(&sem);
		CHECK(epoll_pwait(ep, &ev, 1, -1, &none) == -1 && errno == EINTR);
	}
	close(ep);
	return NULL;
}

static void way_mask(void)
{
	struct sigaction act = { .sa_handler = handle };
	struct line l = line_of(3);
	pthread_t t;

	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	sem_init(&sem, 0, 0);
	t = start(masked, &l.in);
	for (int i = 0; i < ROUNDS; i++) {
		while (sem_wait(&sem) < 0)
			;
		CHECK(pthread_kill(t, SIGUSR1) == 0);
	}
	pthread_join(t, NULL);
	printf("%d of %d handled\n", atomic_load(&handled), ROUNDS);
}

/* ---- cancellation ---- */

static void undo(void *arg)
{
	close(*(int *)arg);
	atomic_fetch_add(&handled, 1);
}

static void *cancelled(void *arg)
{
	int fd = *(int *)arg, ep = epoll_of(fd);
	struct epoll_event ev;

	pthread_cleanup_push(undo, &ep);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	warm();
	sem_post(&sem);
	epoll_wait(ep, &ev, 1, -1);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *spared(void *arg)
{
	int fd = *(int *)arg, ep = epoll_of(fd);
	struct epoll_event ev;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	warm();
	sem_post(&sem);
	CHECK(epoll_wait(ep, &ev, 1, -1) == 1);
	close(ep);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	return NULL;
}

static void way_cancel(void)
{
	struct line l = line_of(3);
	int right = 0;
	void *result;

	sem_init(&sem, 0, 0);
	atomic_store(&handled, 0);
	for (int i = 0; i < ROUNDS / 4; i++) {
		pthread_t t = start(i % 4 ? cancelled : spared, &l.in);

		sem_wait(&sem);
		CHECK(pthread_cancel(t) == 0);
		if (i % 4 == 0)
			send_on(l);
		CHECK(pthread_join(t, &result) == 0);
		if (i % 4 == 0)
			take_from(l);
		right += result == PTHREAD_CANCELED;
	}
	printf("%d cancelled, %d cleaned up\n", right, atomic_load(&handled));
}

/* ---- time-outs, bad arguments ---- */

static void *late(void *arg)
{
	int ep = epoll_of(-1);
	struct timespec ts = { 0, 20000000 };
	struct epoll_event ev;
	uint64_t before;

	warm();
	before = now_ms();
	CHECK(epoll_wait(ep, &ev, 1, 30) == 0);
	printf("30 ms: %s\n", now_ms() - before >= 29 ? "no less" : "less");
	before = now_ms();
	CHECK(epoll_pwait2(ep, &ev, 1, &ts, NULL) == 0);
	printf("20 ms: %s\n", now_ms() - before >= 19 ? "no less" : "less");
	CHECK(epoll_wait(ep, &ev, 0, -1) == -1);
	printf("no room: %d\n", errno);
	CHECK(epoll_wait(ep + 100, &ev, 1, -1) == -1);
	printf("no descriptor: %d\n", errno);
	CHECK(epoll_wait(0, &ev, 1, -1) == -1);
	printf("not an epoll: %d\n", errno);
	close(ep);
	return arg;
}

static void way_late(void)
{
	pthread_join(start(late, NULL), NULL);
}

/* ---- the same with a kernel thread of its own ---- */

static void way_own(void)
{
	cpu_set_t cpus;

	CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	pthread_join(start(nap, NULL), NULL);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cpus)) {
			cpu_set_t one;

			CPU_ZERO(&one);
			CPU_SET(i, &one);
			CHECK(pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0);
			break;
		}
	/* What is made from here on is bound as well. */
	way_turns();
	way_signals();
	way_cancel();
	way_late();
}

/* ---- one loop, whose events come from outside ---- */

static void serve(long rounds)
{
	struct line l;
	struct epoll_event ev;
	int fd[2], ep;
	pid_t pid;
	char c;

	tcp_pair(fd);
	pid = fork();
	if (pid == 0) {
		for (long i = 0; i < rounds; i++)
			CHECK(write(fd[1], "x", 1) == 1 && read(fd[1], &c, 1) == 1);
		_exit(0);
	}
	l = line_of(0);
	pthread_join(start(nap, &l), NULL);
	ep = epoll_of(fd[0]);
	for (long i = 0; i < rounds; i++) {
		CHECK(epoll_wait(ep, &ev, 1, -1) == 1);
		CHECK(read(fd[0], &c, 1) == 1 && write(fd[0], &c, 1) == 1);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	printf("%ld rounds\n", rounds);
}

static const struct way ways[] = {
	{ "turns", way_turns },	    { "many", way_many },     { "beside", way_beside },
	{ "signals", way_signals }, { "mask", way_mask },     { "cancel", way_cancel },
	{ "late", way_late },	    { "own", way_own },
};

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		serve(atol(argv[2]));
	else
		GO(ways, argc > 1 ? argv[1] : NULL);
	return 0;
}
