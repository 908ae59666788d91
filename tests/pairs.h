/* SPDX-License-Identifier: MIT */
/*
 * pairs.h - TCP on the loopback interface: a listening socket, the two ends of a connection.
 */
#ifndef PAIRS_H
#define PAIRS_H

#include "check.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket that listens at a free port; *at is where. */
static inline int listener(struct sockaddr_in *at, int backlog)
{
	socklen_t len = sizeof(*at);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(l >= 0 && bind(l, (struct sockaddr *)at, sizeof(*at)) == 0);
	CHECK(listen(l, backlog) == 0);
	CHECK(getsockname(l, (struct sockaddr *)at, &len) == 0);
	return l;
}

/* fd[0] connects, fd[1] was accepted. */
static inline void tcp_pair(int fd[2])
{
	struct sockaddr_in a;
	int l = listener(&a, 1);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(fd[0], (struct sockaddr *)&a, sizeof(a)) == 0);
	fd[1] = accept(l, NULL, NULL);
	CHECK(fd[1] >= 0);
	close(l);
}

#endif
