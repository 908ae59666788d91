/* SPDX-License-Identifier: MIT */
/*
 * slow.c - the server of the download bench: prints "port N" and serves as slow.h says,
 * by one epoll loop and a queue of what is due (the pause is the same for all, so the
 * queue is in order).
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "bench.h"
#include "slow.h"

enum { ROOM = 1 << 17, EVENTS = 256 };

static struct {
	double due;
	int fd, chunks;
} queue[ROOM];
static unsigned long head, tail;

static void later(int fd, int chunks)
{
	if (tail - head == ROOM)
		die("slow: too many connections");
	queue[tail % ROOM].due = now_ns() + SLOW_PAUSE_MS * 1e6;
	queue[tail % ROOM].fd = fd;
	queue[tail++ % ROOM].chunks = chunks;
}

static void serve_due(void)
{
	static const char chunk[SLOW_CHUNK];

	while (head != tail && queue[head % ROOM].due <= now_ns()) {
		int fd = queue[head % ROOM].fd, chunks = queue[head % ROOM].chunks;

		head++;
		if (send(fd, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 || chunks == 1)
			close(fd);
		else
			later(fd, chunks - 1);
	}
}

/* Listens on the same port of all addresses; 0 when somebody has it on one of them. */
static int listen_all(int *listeners)
{
	int port = 0, one = 1;

	for (long i = 0; i < SLOW_ADDRESSES; i++) {
		struct sockaddr_in address = slow_address(i, port);
		socklen_t length = sizeof(address);
		int fd = listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
		    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
			for (; i >= 0; i--)
				close(listeners[i]);
			return 0;
		}
		port = ntohs(address.sin_port);
	}
	return port;
}

int main(void)
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), port = 0, last_listener;
	int listeners[SLOW_ADDRESSES];

	for (int tries = 0; !port; tries++) {
		if (tries == 100)
			die("slow: cannot listen");
		port = listen_all(listeners);
	}
	for (int i = 0; i < SLOW_ADDRESSES; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = listeners[i] };

		epoll_ctl(epoll, EPOLL_CTL_ADD, listeners[i], &event);
	}
	last_listener = listeners[SLOW_ADDRESSES - 1];
	printf("port %d\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, head == tail ? -1 : 1);

		for (int i = 0; i < n; i++) {
			struct epoll_event event = { .events = EPOLLIN };
			char request[256];
			int fd = events[i].data.fd;

			if (fd > last_listener) { /* a request; listeners came first */
				epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
				if (recv(fd, request, sizeof(request), MSG_DONTWAIT) > 0)
					later(fd, SLOW_CHUNKS);
				else
					close(fd);
				continue;
			}
			while ((event.data.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
				epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
		}
		serve_due();
	}
}
