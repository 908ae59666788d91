/* SPDX-License-Identifier: MIT */
/*
 * sig_owner.c - signals of descriptors: to the process, and to one thread (F_OWNER_TID), by
 * SIGIO and by a real-time signal that says which descriptor.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sem_t handled, asked, ready;
static atomic_int who, which, stop;
static int ends[2];

static void on_io(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	atomic_store(&who, gettid());
	atomic_store(&which, sig == SIGIO ? -1 : info->si_fd);
	sem_post(&handled);
}

static void own(int type, pid_t pid, int sig)
{
	struct f_owner_ex owner = { .type = type, .pid = pid }, got = { 0 };

	CHECK(fcntl(ends[0], F_SETOWN_EX, &owner) == 0);
	CHECK(fcntl(ends[0], F_SETSIG, sig) == 0);
	CHECK(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_ASYNC) == 0);
	CHECK(fcntl(ends[0], F_GETOWN_EX, &got) == 0);
	printf("owner as set: %d, signal %d\n", got.type == owner.type && got.pid == owner.pid,
	       fcntl(ends[0], F_GETSIG) == sig);
}

static void make(void)
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
}

static void clear(void)
{
	char b[10];

	CHECK(read(ends[0], b, sizeof(b)) > 0);
}

static void *owner(void *arg)
{
	own(F_OWNER_TID, gettid(), (int)(long)arg);
	sem_post(&ready);
	while (!atomic_load(&stop))
		if (sem_wait(&asked) == 0)
			break;
	return (void *)(long)gettid();
}

static void *idle(void *arg)
{
	while (!atomic_load(&stop))
		usleep(1000);
	return arg;
}

static void to_thread(int sig)
{
	int right = 0;
	pthread_t t;
	void *tid;

	make();
	CHECK(pthread_create(&t, NULL, owner, (void *)(long)sig) == 0);
	sem_wait(&ready);
	int seen[20];

	for (int i = 0; i < 20; i++) {
		CHECK(write(ends[1], "x", 1) == 1);
		while (sem_wait(&handled) < 0)
			;
		seen[i] = atomic_load(&who);
		right += atomic_load(&which) == (sig ? ends[0] : -1);
		clear();
	}
	sem_post(&asked);
	pthread_join(t, &tid);
	for (int i = 0; i < 20; i++)
		right += seen[i] == (int)(long)tid;
	printf("to the thread, %s: %d\n", sig ? "real-time" : "SIGIO", right);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = on_io, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct f_owner_ex bad = { .type = F_OWNER_TID, .pid = 1 << 29 };
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&handled, 0, 0);
	sem_init(&asked, 0, 0);
	sem_init(&ready, 0, 0);
	sigaction(SIGIO, &act, NULL);
	sigaction(SIGRTMIN + 1, &act, NULL);
	CHECK(pthread_create(&t, NULL, idle, NULL) == 0);
	make();
	own(F_OWNER_PID, getpid(), 0);
	printf("F_GETOWN: %d\n", fcntl(ends[0], F_GETOWN) == getpid());
	CHECK(write(ends[1], "x", 1) == 1);
	while (sem_wait(&handled) < 0)
		;
	printf("to the process: handled\n");
	printf("no such thread: %d", fcntl(ends[0], F_SETOWN_EX, &bad));
	printf(" %s\n", strerror(errno));
	close(ends[0]);
	close(ends[1]);
	to_thread(0);
	to_thread(SIGRTMIN + 1);
	make();
	own(F_OWNER_TID, getpid(), SIGRTMIN + 1);
	CHECK(write(ends[1], "x", 1) == 1);
	while (sem_wait(&handled) < 0)
		;
	printf("to main: %d\n", atomic_load(&who) == getpid());
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	return 0;
}
