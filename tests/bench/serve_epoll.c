/* SPDX-License-Identifier: MIT */
/*
 * serve_epoll.c - echo and HTTP server by hand: an edge-triggered epoll loop per CPU,
 * one recv and one send per request. The practical limit.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "serve.h"

enum { EVENTS = 256 };

/* Waits in the event's data: what of a request has come so far. */
struct connection {
	int fd;
	size_t have;
	char *partial; /* only when a request came in pieces */
};

static void end(struct connection *c)
{
	close(c->fd);
	free(c->partial);
	free(c);
}

/* One edge: everything there is. A short read empties the socket, so no second try. */
static void edge(struct connection *c, char *buffer, uint32_t events)
{
	const char *answer;
	size_t length;
	ssize_t n, room;

	do {
		if (c->have)
			memcpy(buffer, c->partial, c->have);
		room = (ssize_t)(SERVE_BUFFER - c->have);
		n = recv(c->fd, buffer + c->have, (size_t)room, MSG_DONTWAIT);
		if (n <= 0) {
			if (n == 0 || errno != EAGAIN)
				end(c);
			return;
		}
		c->have += (size_t)n;
		length = serve_answer(buffer, c->have, &answer);
		if (length) {
			if (send(c->fd, answer, length, MSG_DONTWAIT | MSG_NOSIGNAL) !=
			    (ssize_t)length) {
				end(c);
				return;
			}
			c->have = 0;
		} else {
			if (!c->partial)
				c->partial = malloc(SERVE_BUFFER);
			memcpy(c->partial, buffer, c->have);
		}
	} while (n == room || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)));
}

static void *loop(void *arg)
{
	int epoll = (int)(intptr_t)arg;
	struct epoll_event events[EVENTS];
	char buffer[SERVE_BUFFER];

	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			edge(events[i].data.ptr, buffer, events[i].events);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int listener = serve_listen(argc, argv), cpus = allowed_cpus();
	int epolls[CPU_SETSIZE];

	if (serve_hogs) {
		errno = 0;
		die("serve_epoll: no -g here");
	}
	for (int i = 0; i < cpus; i++) {
		pthread_t thread;

		epolls[i] = epoll_create1(EPOLL_CLOEXEC);
		start(&thread, loop, (void *)(intptr_t)epolls[i]);
	}
	fflush(stdout);
	for (int turn = 0;; turn = (turn + 1) % cpus) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
		struct connection *c = calloc(1, sizeof(*c));

		c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (c->fd < 0)
			die("accept");
		serve_nodelay(c->fd);
		event.data.ptr = c;
		if (epoll_ctl(epolls[turn], EPOLL_CTL_ADD, c->fd, &event) < 0)
			die("epoll_ctl");
	}
}
