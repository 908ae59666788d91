/* SPDX-License-Identifier: MIT */
/*
 * slow.h - the slow server as its clients know it: it listens on the same port of
 * several addresses (each has a queue of its own for new connections), answers any
 * request with SLOW_CHUNKS pieces, SLOW_PAUSE_MS between them, and closes.
 */
#ifndef BENCH_SLOW_H
#define BENCH_SLOW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { SLOW_ADDRESSES = 8, SLOW_CHUNKS = 10, SLOW_CHUNK = 512, SLOW_PAUSE_MS = 40 };

static inline struct sockaddr_in slow_address(long url, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_addr.s_addr = htonl(0x7f000001 + (uint32_t)(url % SLOW_ADDRESSES));
	address.sin_port = htons((uint16_t)port);
	return address;
}

#endif
