/* SPDX-License-Identifier: MIT */
/*
 * serve.h - what the echo and HTTP servers written in C share: the options, the
 * listening socket, and what the answer to a piece of input is.
 *
 *	serve_xxx [-H | -g]
 *
 * Each listens on a port of 127.0.0.1 that the kernel picks and prints "port N", then
 * echoes whatever comes; with -H it answers every HTTP request with the same page.
 * -g (threads and Go): it echoes while a thread per CPU computes without a pause.
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include "bench.h"

enum { SERVE_BUFFER = 4096 };

static int serve_http, serve_hogs;

static const char serve_page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				 "Content-Length: 13\r\n\r\nHello, world\n";

/* What to send for the have bytes of input; their number, 0 when more must come. */
static inline size_t serve_answer(const char *input, size_t have, const char **answer)
{
	if (!serve_http) {
		*answer = input;
		return have;
	}
	if (have < 4 || memcmp(input + have - 4, "\r\n\r\n", 4) != 0)
		return 0;
	*answer = serve_page;
	return sizeof(serve_page) - 1;
}

static inline int serve_listen(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	serve_http = argc > 1 && strcmp(argv[1], "-H") == 0;
	serve_hogs = argc > 1 && strcmp(argv[1], "-g") == 0;
	signal(SIGPIPE, SIG_IGN);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(listener, 4096) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		die("cannot listen");
	printf("port %d\n", ntohs(address.sin_port));
	return listener;
}

static inline void serve_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

#endif
