/* SPDX-License-Identifier: MIT */
/*
 * block_syslog.c - syslog to a log that is full: the thread that logs waits, others do
 * not. Needs the right to make a name space of its own for a /dev of its own.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

enum { MESSAGES = 2000 };

static _Atomic long logged, others;

static void *log_all(void *arg)
{
	for (long i = 0; i < MESSAGES; i++) {
		syslog(LOG_INFO, "message %ld", i);
		logged++;
	}
	return arg;
}

static void *other(void *arg)
{
	for (int i = 0; i < 20; i++) {
		usleep(500);
		others++;
	}
	return arg;
}

int main(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	long got = 0, right = 0;
	pthread_t t, o;
	int fd;

	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("none", "/dev", "tmpfs", 0, NULL) == 0);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	openlog("block_syslog", LOG_NDELAY, LOG_USER);
	CHECK(pthread_create(&t, NULL, log_all, NULL) == 0);
	CHECK(pthread_create(&o, NULL, other, NULL) == 0);
	/* The log holds far fewer than there are; nobody reads before the other is done. */
	pthread_join(o, NULL);
	printf("others: %ld, all logged: %d\n", others, logged == MESSAGES);
	while (got < MESSAGES) {
		char b[512], want[32];
		ssize_t n = recv(fd, b, sizeof(b) - 1, 0);

		CHECK(n > 0);
		b[n] = '\0';
		snprintf(want, sizeof(want), ": message %ld", got);
		right += strstr(b, want) != NULL;
		got++;
	}
	pthread_join(t, NULL);
	printf("messages: %ld right\n", right);
	return 0;
}
