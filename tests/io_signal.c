/* SPDX-License-Identifier: MIT */
/*
 * io_signal.c - a signal handler that ends a waiting call, with SA_RESTART and without,
 * with something done already and without, under a time-out; and cancellation of a
 * thread that waits for data.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static __thread volatile sig_atomic_t handled;
static atomic_int finished;

static void on_signal(int sig)
{
	handled++;
}

static char big[8000000];

struct call {
	const char *name;
	ssize_t (*run)(int fd);
	int kind;      /* 0 socket pair, 1 pipe, 2 listener, 3 full tcp, 4 eventfd */
	int partial;   /* something is transferred before the signal */
	int writes;
};

static ssize_t do_read(int fd) { char b[10]; return read(fd, b, sizeof(b)); }
static ssize_t do_recv(int fd) { char b[10]; return recv(fd, b, sizeof(b), 0); }
static ssize_t do_all(int fd) { char b[10]; return recv(fd, b, sizeof(b), MSG_WAITALL); }
static ssize_t do_accept(int fd) { return accept(fd, NULL, NULL) >= 0; }
static ssize_t do_send(int fd) { return send(fd, big, sizeof(big), 0) > 0; }
static ssize_t do_event(int fd) { eventfd_t v; return eventfd_read(fd, &v); }

static ssize_t do_readv(int fd)
{
	char b[10];
	struct iovec v = { b, sizeof(b) };

	return readv(fd, &v, 1);
}

static ssize_t do_recvmsg(int fd)
{
	char b[10];
	struct iovec v = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return recvmsg(fd, &m, 0);
}

static ssize_t do_timed(int fd)
{
	struct timeval tv = { 5, 0 };

	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	return do_recv(fd);
}

static const struct call calls[] = {
	{ "read of a socket", do_read, 0, 0, 0 },   { "recv", do_recv, 0, 0, 0 },
	{ "recvmsg", do_recvmsg, 0, 0, 0 },	    { "readv of a socket", do_readv, 0, 0, 0 },
	{ "read of a pipe", do_read, 1, 0, 0 },	    { "readv of a pipe", do_readv, 1, 0, 0 },
	{ "accept", do_accept, 2, 0, 0 },	    { "recv of all", do_all, 0, 0, 0 },
	{ "recv of all, partly", do_all, 0, 1, 0 }, { "send, partly", do_send, 0, 1, 1 },
	{ "recv in time", do_timed, 0, 0, 0 },	    { "eventfd", do_event, 4, 0, 0 },
};

static struct sockaddr_in addr;
static int ends[2];

static void make(const struct call *c)
{
	socklen_t len = sizeof(addr);

	ends[1] = -1;
	switch (c->kind) {
	case 0:
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
		break;
	case 1:
		CHECK(pipe(ends) == 0);
		break;
	case 2:
		memset(&addr, 0, sizeof(addr));
		addr.sin_family = AF_INET;
		addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		ends[0] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(bind(ends[0], (struct sockaddr *)&addr, sizeof(addr)) == 0);
		CHECK(listen(ends[0], 5) == 0);
		CHECK(getsockname(ends[0], (struct sockaddr *)&addr, &len) == 0);
		break;
	default:
		ends[0] = eventfd(0, 0);
	}
}

/* What makes the call come to its natural end. */
static void feed(const struct call *c)
{
	int fd;

	if (c->kind == 2) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
		close(fd);
	} else if (c->kind == 4) {
		CHECK(eventfd_write(ends[0], 1) == 0);
	} else {
		CHECK(write(ends[1], "0123456789", 10) == 10);
	}
}

static void *run(void *arg)
{
	const struct call *c = arg;
	ssize_t n;
	int err;

	errno = 0;
	n = c->run(ends[0]);
	err = errno;
	printf("%s: %zd%s%s, handler ran %d\n", c->name, n, n < 0 ? " " : "",
	       n < 0 ? strerror(err) : "", handled > 0);
	finished = 1;
	return NULL;
}

static void one(const struct call *c, int restart)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	make(c);
	finished = 0;
	pthread_create(&t, NULL, run, (void *)c);
	if (c->partial && !c->writes)
		CHECK(write(ends[1], "abc", 3) == 3);
	usleep(30000);
	CHECK(pthread_kill(t, SIGUSR1) == 0);
	usleep(30000);
	if (restart && c->run != do_timed && !c->partial) {
		feed(c);
	} else {
		/* The signal ends it; if it came before the wait began, another does. */
		for (int i = 1; !finished; i++) {
			if (i % 50 == 0)
				pthread_kill(t, SIGUSR1);
			usleep(5000);
		}
	}
	pthread_join(t, NULL);
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
}

static void cleanup(void *arg)
{
	printf("cancelled in %s\n", (const char *)arg);
}

static void *wait_for_ever(void *arg)
{
	const struct call *c = arg;

	pthread_cleanup_push(cleanup, (void *)c->name);
	c->run(ends[0]);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancel(const struct call *c)
{
	pthread_t t;
	void *ret;

	make(c);
	pthread_create(&t, NULL, wait_for_ever, (void *)c);
	usleep(20000);
	pthread_cancel(t);
	pthread_join(t, &ret);
	CHECK(ret == PTHREAD_CANCELED);
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		one(&calls[i], 0);
	printf("-- SA_RESTART\n");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		one(&calls[i], 1);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		cancel(&calls[i]);
	return 0;
}
