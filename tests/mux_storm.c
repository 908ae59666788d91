/* SPDX-License-Identifier: MIT */
/*
 * mux_storm.c - many threads hand tokens round a ring, each waiting for the next one
 * by a way chosen anew each time: poll, ppoll with a short time-out, select, epoll_wait
 * (one instance each, and one that all share), or poll on everybody's descriptors. A
 * lost wake-up stops the ring.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 48, TOKENS = 12, HOPS = 40000 };

static struct {
	int in, out, ep;
} node[THREADS];
static int shared_ep;
static atomic_int hops, waits[6];

/* Returns when something may be readable at node i. */
static void wait_for(int i, unsigned how)
{
	struct pollfd all[THREADS], one = { node[i].in, POLLIN, 0 };
	struct timespec ts = { 0, 2000000 };
	struct epoll_event ev[3];
	fd_set in;
	int r;

	waits[how]++;
	switch (how) {
	case 0:
		CHECK(poll(&one, 1, -1) == 1 && (one.revents & POLLIN));
		break;
	case 1:
		r = ppoll(&one, 1, &ts, NULL);
		CHECK(r == 0 || (r == 1 && (one.revents & POLLIN)));
		break;
	case 2:
		FD_ZERO(&in);
		FD_SET(node[i].in, &in);
		CHECK(select(node[i].in + 1, &in, NULL, NULL, NULL) == 1);
		CHECK(FD_ISSET(node[i].in, &in));
		break;
	case 3:
		CHECK(epoll_wait(node[i].ep, ev, 1, -1) == 1);
		break;
	case 4:
		/* Everybody's descriptors, level-triggered: some thread's token wakes us. */
		CHECK(epoll_wait(shared_ep, ev, 3, 2) >= 0);
		break;
	default:
		for (int n = 0; n < THREADS; n++)
			all[n] = (struct pollfd){ node[n].in, POLLIN, 0 };
		CHECK(poll(all, THREADS, -1) >= 1);
		break;
	}
}

static void *member(void *arg)
{
	int i = (int)(long)arg;
	unsigned seed = (unsigned)i * 7919 + 1;
	char c;

	for (;;) {
		ssize_t n = recv(node[i].in, &c, 1, MSG_DONTWAIT);

		if (n == 1) {
			if (c == 'q')
				return NULL;
			hops++;
			CHECK(send(node[(i + 1) % THREADS].out, &c, 1, 0) == 1);
			continue;
		}
		CHECK(errno == EAGAIN);
		wait_for(i, (unsigned)rand_r(&seed) % 6);
	}
}

int main(void)
{
	pthread_t t[THREADS];

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared_ep = epoll_create1(0);
	for (int i = 0; i < THREADS; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = i };
		int s[2];

		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
		node[i].in = s[0];
		node[i].out = s[1];
		node[i].ep = epoll_create1(0);
		CHECK(epoll_ctl(node[i].ep, EPOLL_CTL_ADD, s[0], &ev) == 0);
		CHECK(epoll_ctl(shared_ep, EPOLL_CTL_ADD, s[0], &ev) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, member, (void *)(long)i) == 0);
	for (int i = 0; i < TOKENS; i++)
		CHECK(send(node[i * 4].out, "t", 1, 0) == 1);
	while (hops < HOPS)
		usleep(1000);
	for (int i = 0; i < THREADS; i++)
		CHECK(send(node[i].out, "q", 1, 0) == 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("done: %s\n", hops >= HOPS ? "all hops" : "too few");
	for (int i = 0; i < 6; i++)
		printf("way %d: %s\n", i, waits[i] > 0 ? "used" : "never used");
	return 0;
}
