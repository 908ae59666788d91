/* SPDX-License-Identifier: MIT */
/*
 * download.c - fetches many slow URLs at the same time, a thread for each.
 *
 *	download PORT URLS
 */
#define _GNU_SOURCE
#include "bench.h"
#include "slow.h"

static int port;

static void *fetch(void *arg)
{
	struct sockaddr_in address = slow_address((long)(intptr_t)arg, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char buffer[4096];
	size_t total = 0;
	ssize_t n;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(fd, "GET /\r\n\r\n", 9) != 9)
		die("download: connect");
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		total += (size_t)n;
	if (n < 0 || total != SLOW_CHUNKS * SLOW_CHUNK)
		die("download: %zu bytes came", total);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	long urls = argc > 2 ? number(argv[2]) : 1000;
	pthread_t *threads = calloc((size_t)urls, sizeof(*threads));
	double begin = now_ns();

	port = argc > 1 ? (int)number(argv[1]) : 0;
	for (long i = 0; i < urls; i++)
		start(&threads[i], fetch, (void *)(intptr_t)i);
	for (long i = 0; i < urls; i++)
		pthread_join(threads[i], NULL);
	figure("wall_ms", (now_ns() - begin) / 1e6);
	figure("operations", (double)urls);
	figure("cpu_us", cpu_ns() / 1e3 / (double)urls);
	return 0;
}
