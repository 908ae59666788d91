/* SPDX-License-Identifier: MIT */
/*
 * block_cancel.c - cancelling threads that are in a call which blocks, about to be, or
 * not there yet, again and again; and one in flock, which is no cancellation point.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60 };

static char dir[] = "/tmp/block_cancel.XXXXXX", fifo[64], file[64], queue[64];
static int lock_fd, msg, own_fd;
static mqd_t mq;
static pid_t child;
static _Atomic int begun, cleaned, returned;

static void call_open(void)
{
	open(fifo, O_RDONLY);
}

static void call_setlkw(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	fcntl(lock_fd, F_SETLKW, &l);
}

static void call_msgrcv(void)
{
	struct { long type; char body[8]; } m;

	msgrcv(msg, &m, sizeof(m.body), 1, 0);
}

static void call_mq(void)
{
	char b[64];

	mq_receive(mq, b, sizeof(b), NULL);
}

static void call_waitpid(void)
{
	waitpid(child, NULL, 0);
}

static void call_wait(void)
{
	wait(NULL);
}

static const struct {
	const char *name;
	void (*call)(void);
} cases[] = {
	{ "open", call_open },
	{ "F_SETLKW", call_setlkw },
	{ "msgrcv", call_msgrcv },
	{ "mq_receive", call_mq },
	{ "waitpid", call_waitpid },
	{ "wait", call_wait },
};

static void cleanup(void *arg)
{
	cleaned++;
}

static void *body(void *arg)
{
	void (*call)(void) = *(void (**)(void))arg;

	pthread_cleanup_push(cleanup, NULL);
	begun = 1;
	call();
	returned++;
	pthread_cleanup_pop(0);
	return NULL;
}

static void *body_flock(void *arg)
{
	int fd = open(file, O_RDWR);

	pthread_cleanup_push(cleanup, NULL);
	begun = 1;
	*(int *)arg = flock(fd, LOCK_EX);
	returned++;
	close(fd); /* a cancellation point, but it is done by then */
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return NULL;
}

/* Sooner or later, from before the thread's first instruction to long after. */
static void pause_a_bit(int round)
{
	for (int i = 0; i < round % 20; i++)
		sched_yield();
	if (round % 3 == 0)
		usleep((unsigned)(round * 7));
}

int main(void)
{
	int ready[2], result = -1;
	pthread_t t;
	void *r;
	char c;

	CHECK(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	CHECK(mkfifo(fifo, 0600) == 0 && pipe(ready) == 0);
	lock_fd = open(file, O_RDWR | O_CREAT, 0600);
	own_fd = open(file, O_RDWR);
	msg = msgget(IPC_PRIVATE, 0600);
	snprintf(queue, sizeof(queue), "/block_cancel.%d", (int)getpid());
	mq = mq_open(queue, O_RDONLY | O_CREAT | O_EXCL, 0600,
		     &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = 64 });
	CHECK(lock_fd >= 0 && own_fd >= 0 && msg >= 0 && mq >= 0 && mq_unlink(queue) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		CHECK(fcntl(lock_fd, F_SETLK, &l) == 0 && write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	CHECK(read(ready[0], &c, 1) == 1 && flock(own_fd, LOCK_EX) == 0);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		int cancelled = 0;

		cleaned = returned = 0;
		for (int i = 0; i < ROUNDS; i++) {
			begun = 0;
			CHECK(pthread_create(&t, NULL, body, (void *)&cases[k].call) == 0);
			while (!begun)
				sched_yield();
			pause_a_bit(i);
			CHECK(pthread_cancel(t) == 0 && pthread_join(t, &r) == 0);
			cancelled += r == PTHREAD_CANCELED;
		}
		printf("%s: %d cancelled, %d cleaned up, %d returned\n", cases[k].name, cancelled,
		       cleaned, returned);
		fflush(stdout);
	}
	cleaned = returned = begun = 0;
	CHECK(pthread_create(&t, NULL, body_flock, &result) == 0);
	while (!begun)
		sched_yield();
	usleep(2000);
	CHECK(pthread_cancel(t) == 0);
	usleep(2000);
	CHECK(returned == 0 && flock(own_fd, LOCK_UN) == 0 && pthread_join(t, &r) == 0);
	printf("flock: %d, cancelled after it %d, cleaned up %d\n", result,
	       r == PTHREAD_CANCELED, cleaned);
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	msgctl(msg, IPC_RMID, NULL);
	unlink(fifo);
	unlink(file);
	rmdir(dir);
	return 0;
}
