/* SPDX-License-Identifier: MIT */
/* download_epoll.c - download.c by hand: an edge-triggered epoll loop. */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "bench.h"
#include "slow.h"

enum { EVENTS = 256 };

struct fetch {
	int fd, asked;
	size_t total;
};

static void begin_one(struct fetch *f, long url, int port, int epoll)
{
	struct sockaddr_in address = slow_address(url, port);
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = f };

	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (f->fd < 0 || (connect(f->fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
			  errno != EINPROGRESS))
		die("download_epoll: connect");
	epoll_ctl(epoll, EPOLL_CTL_ADD, f->fd, &event);
}

/* One edge; whether the URL is complete. */
static int edge(struct fetch *f, uint32_t events)
{
	char buffer[4096];
	ssize_t n;

	if (!f->asked && (events & EPOLLOUT)) {
		if (send(f->fd, "GET /\r\n\r\n", 9, MSG_NOSIGNAL) != 9)
			die("download_epoll: connect");
		f->asked = 1;
	}
	if (!(events & EPOLLIN))
		return 0;
	while ((n = recv(f->fd, buffer, sizeof(buffer), 0)) > 0)
		f->total += (size_t)n;
	if (n < 0)
		return 0;
	if (f->total != SLOW_CHUNKS * SLOW_CHUNK)
		die("download_epoll: %zu bytes came", f->total);
	close(f->fd);
	return 1;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int port = argc > 1 ? (int)number(argv[1]) : 0, epoll = epoll_create1(0);
	long urls = argc > 2 ? number(argv[2]) : 1000, done = 0;
	struct fetch *fetches = calloc((size_t)urls, sizeof(*fetches));
	double begin = now_ns();

	for (long i = 0; i < urls; i++)
		begin_one(&fetches[i], i, port, epoll);
	while (done < urls) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			done += edge(events[i].data.ptr, events[i].events);
	}
	figure("wall_ms", (now_ns() - begin) / 1e6);
	figure("cpu_us", cpu_ns() / 1e3 / (double)urls);
	return 0;
}
