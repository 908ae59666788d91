/* SPDX-License-Identifier: MIT */
/*
 * io_short.c - where a transfer ends although more was asked for, and what that means to
 * the next: packets in a pipe, the mark of urgent data, a low-water mark that was set
 * through another number. And where it does not end: at what is in the error queue.
 *
 * A reader that took a short transfer for an empty descriptor would wait for what is there
 * already: the monitor's audit would let it go on a second later, but not a hundred times
 * in the time this test has.
 */
#define _GNU_SOURCE
#include "pairs.h"
#include "stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- packets: only the writer's end shows them ---- */

enum { ROUNDS = 100, PACKETS = 6 };

static void *send_packets(void *arg)
{
	int out = *(int *)arg;

	for (int round = 1; round <= ROUNDS; round++) {
		for (size_t n = 1; n <= PACKETS; n++)
			CHECK(write(out, "packet", n) == (ssize_t)n);
		await_stage(round);
	}
	return NULL;
}

static void packets(const char *what, int fd[2])
{
	pthread_t t;
	char b[100];
	int whole = 0;

	CHECK(fcntl(fd[1], F_SETFL, O_DIRECT) == 0);
	stage = 0;
	pthread_create(&t, NULL, send_packets, &fd[1]);
	for (int round = 1; round <= ROUNDS; round++) {
		for (ssize_t n = 1; n <= PACKETS; n++)
			whole += read(fd[0], b, sizeof(b)) == n;
		to_stage(round);
	}
	pthread_join(t, NULL);
	printf("%s: %d packets, %d whole\n", what, ROUNDS * PACKETS, whole);
	close(fd[0]);
	close(fd[1]);
}

/* ---- urgent data ends a transfer that has begun, whatever it was to wait for ---- */

static int line[2];

/* Nothing follows the mark until the reader has come to it. */
static void *call_out(void *arg)
{
	CHECK(send(line[0], "abc", 3, 0) == 3);
	usleep(5000);
	CHECK(send(line[0], "!", 1, MSG_OOB) == 1);
	await_stage(1);
	CHECK(send(line[0], "defgh", 5, 0) == 5);
	usleep(5000);
	CHECK(send(line[0], "ijklm", 5, 0) == 5);
	return arg;
}

static ssize_t take_ten(int vectors)
{
	static char b[10];
	struct iovec iov[2] = { { b, 2 }, { b + 2, 8 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	return vectors ? recvmsg(line[1], &m, MSG_WAITALL) : recv(line[1], b, 10, MSG_WAITALL);
}

static void urgent(int vectors)
{
	pthread_t t;
	char b;

	tcp_pair(line);
	stage = 0;
	pthread_create(&t, NULL, call_out, NULL);
	printf("%s MSG_WAITALL: up to the mark %zd", vectors ? "recvmsg" : "recv",
	       take_ten(vectors));
	printf(", the byte %zd", recv(line[1], &b, 1, MSG_OOB));
	to_stage(1);
	printf(", all after it %zd\n", take_ten(vectors));
	pthread_join(t, NULL);
	close(line[0]);
	close(line[1]);
}

/* ---- SO_RCVLOWAT ---- */

/* More than twice as much: the kernel's own wait is over when ten bytes are there that it
   has not taken yet. */
static void *trickle(void *arg)
{
	for (int i = 0; i < 15; i++) {
		usleep(1000);
		CHECK(write(line[0], "ab", 2) == 2);
	}
	return arg;
}

/* A connection is read by one number, and told by the other to wait for ten bytes. */
static void low_water(void)
{
	int ten = 10, one = 1, other;
	char b[20];
	pthread_t t;

	tcp_pair(line);
	other = dup(line[1]);
	CHECK(write(line[0], "x", 1) == 1 && read(other, b, 1) == 1);
	CHECK(setsockopt(line[1], SOL_SOCKET, SO_RCVLOWAT, &ten, sizeof(ten)) == 0);
	CHECK(write(line[0], "ab", 2) == 2);
	pthread_create(&t, NULL, trickle, NULL);
	printf("ten bytes at least: %d\n", recv(other, b, sizeof(b), 0) >= 10);
	pthread_join(t, NULL);
	while (recv(other, b, sizeof(b), MSG_DONTWAIT) > 0)
		;
	CHECK(setsockopt(other, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one)) == 0);
	CHECK(write(line[0], "ab", 2) == 2);
	printf("one is enough again: %zd\n", recv(line[1], b, sizeof(b), 0));
	close(other);
	close(line[0]);
	close(line[1]);
}

/* ---- a send that has to wait is whole, whatever is in the error queue ---- */

enum { SENDS = 4 };
static char much[3000000];

static void *take_slowly(void *total)
{
	static char b[50000];
	ssize_t n;

	while ((n = recv(line[1], b, sizeof(b), 0)) > 0) {
		*(long *)total += n;
		usleep(100);
	}
	return NULL;
}

/* Each call without copying is told of under a number of its own when it is over; the
   highest, when that of the last call has come. */
static int last_told(void)
{
	struct pollfd p = { .fd = line[0] };
	char control[200];
	int last = -1;

	for (;;) {
		struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };

		if (recvmsg(line[0], &m, MSG_ERRQUEUE) < 0) {
			if (last >= SENDS - 1)
				return last;
			poll(&p, 1, 1000);
			continue;
		}
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err *e = (struct sock_extended_err *)CMSG_DATA(c);

			if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR &&
			    e->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
				last = (int)e->ee_data;
		}
	}
}

static void error_queue(const char *what, int option, int value, int flags)
{
	long total = 0;
	pthread_t t;

	tcp_pair(line);
	CHECK(setsockopt(line[0], SOL_SOCKET, option, &value, sizeof(value)) == 0);
	pthread_create(&t, NULL, take_slowly, &total);
	printf("%s:", what);
	for (int i = 0; i < SENDS; i++)
		printf(" %zd", send(line[0], much, sizeof(much), flags));
	CHECK(shutdown(line[0], SHUT_WR) == 0);
	pthread_join(t, NULL);
	printf(", arrived %ld, last told of %d\n", total, flags ? last_told() : 0);
	close(line[0]);
	close(line[1]);
}

static void *run(void *older)
{
	int own[2];

	CHECK(pipe(own) == 0);
	packets("pipe", own);
	packets("older pipe", older);
	urgent(0);
	urgent(1);
	low_water();
	error_queue("time stamps", SO_TIMESTAMPING,
		    SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_SOFTWARE, 0);
	error_queue("no copies", SO_ZEROCOPY, 1, MSG_ZEROCOPY);
	return NULL;
}

int main(void)
{
	int older[2]; /* from the time before the first thread */
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK(pipe(older) == 0);
	pthread_create(&t, NULL, run, older);
	pthread_join(t, NULL);
	return 0;
}
