/* SPDX-License-Identifier: MIT */
/*
 * block_files.c - threads that read and write files in blocks of 4 KiB and fsync them
 * while other threads serve very many connections. Prints what went right; the most kernel
 * threads seen go to standard error, "kernel_threads N".
 *
 *	block_files [CONNECTIONS [FILES [ROUNDS]]]
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 8, REQUESTS = 10 };

static long connections = 1000, files = 64, rounds = 6;
static int (*pairs)[2];
static char dir[] = "/tmp/block_files.XXXXXX";
static _Atomic long blocks_right, served, synced;

static long kernel_threads(void)
{
	char line[256];
	long n = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Threads:", 8) == 0)
			n = atol(line + 8);
	if (f)
		fclose(f);
	return n;
}

/* Writes through one call, reads back through the next, both plain and at an offset. */
static void *file_body(void *arg)
{
	static const int how[2] = { 0, 1 };
	char path[64], mine[BLOCK], found[BLOCK];
	long id = (long)arg;
	int fd;

	snprintf(path, sizeof(path), "%s/%ld", dir, id);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && unlink(path) == 0);
	for (long r = 0; r < rounds; r++) {
		int at = how[r % 2];

		CHECK(lseek(fd, 0, SEEK_SET) == 0);
		for (int b = 0; b < BLOCKS; b++) {
			memset(mine, (int)(id * 31 + r * 7 + b), sizeof(mine));
			CHECK((at ? pwrite(fd, mine, BLOCK, b * BLOCK) : write(fd, mine, BLOCK)) ==
			      BLOCK);
		}
		synced += fsync(fd) == 0;
		CHECK(lseek(fd, 0, SEEK_SET) == 0);
		for (int b = 0; b < BLOCKS; b++) {
			memset(mine, (int)(id * 31 + r * 7 + b), sizeof(mine));
			memset(found, 0, sizeof(found));
			CHECK((at ? pread(fd, found, BLOCK, b * BLOCK) : read(fd, found, BLOCK)) ==
			      BLOCK);
			blocks_right += memcmp(mine, found, BLOCK) == 0;
		}
		/* read moved the position, pread did not; behind the end there is nothing */
		CHECK(lseek(fd, 0, SEEK_CUR) == (at ? 0 : BLOCK * BLOCKS));
		CHECK(pread(fd, found, BLOCK, BLOCK * BLOCKS) == 0);
		CHECK(pread(fd, found, BLOCK, BLOCK * BLOCKS - 100) == 100);
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int fd = pairs[(long)arg][0];
	char b[64];
	ssize_t n;

	while ((n = read(fd, b, sizeof(b))) > 0) {
		CHECK(write(fd, b, (size_t)n) == n);
		served++;
	}
	close(fd);
	return NULL;
}

/* One request at a time on every connection; all of them at once. */
static void client(void)
{
	struct pollfd *p = calloc((size_t)connections, sizeof(*p));
	long *asked = calloc((size_t)connections, sizeof(*asked)), open_ones = connections;
	long right = 0;
	char b[64], c[64];

	CHECK(p && asked);
	for (long i = 0; i < connections; i++) {
		close(pairs[i][0]);
		p[i] = (struct pollfd){ .fd = pairs[i][1], .events = POLLIN };
		CHECK(write(p[i].fd, "0\n", 2) == 2);
	}
	while (open_ones > 0) {
		CHECK(poll(p, (nfds_t)connections, -1) > 0);
		for (long i = 0; i < connections; i++) {
			int n = snprintf(b, sizeof(b), "%ld\n", asked[i]);

			if (!(p[i].revents & POLLIN))
				continue;
			right += read(p[i].fd, c, sizeof(c)) == n && memcmp(b, c, (size_t)n) == 0;
			if (++asked[i] == REQUESTS) {
				close(p[i].fd);
				p[i].fd = -1;
				open_ones--;
				continue;
			}
			n = snprintf(b, sizeof(b), "%ld\n", asked[i]);
			CHECK(write(p[i].fd, b, (size_t)n) == n);
		}
	}
	printf("answers: %ld of %ld right\n", right, connections * REQUESTS);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	pthread_t *t, *f;
	pthread_attr_t attr;
	struct rlimit limit;
	long most = 0;
	pid_t child;

	if (argc > 1)
		connections = atol(argv[1]);
	if (argc > 2)
		files = atol(argv[2]);
	if (argc > 3)
		rounds = atol(argv[3]);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && mkdtemp(dir));
	t = calloc((size_t)connections, sizeof(*t));
	f = calloc((size_t)files, sizeof(*f));
	pairs = calloc((size_t)connections, sizeof(*pairs));
	CHECK(t && f && pairs);
	for (long i = 0; i < connections; i++)
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0)
		client();
	for (long i = 0; i < connections; i++)
		close(pairs[i][1]);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	for (long i = 0; i < files; i++)
		CHECK(pthread_create(&f[i], &attr, file_body, (void *)i) == 0);
	for (long i = 0; i < connections; i++)
		CHECK(pthread_create(&t[i], &attr, serve, (void *)i) == 0);
	for (long i = 0; i < files; i++) {
		long n = kernel_threads();

		most = n > most ? n : most;
		pthread_join(f[i], NULL);
	}
	for (long i = 0; i < connections; i++)
		pthread_join(t[i], NULL);
	CHECK(waitpid(child, NULL, 0) == child && rmdir(dir) == 0);
	printf("served: %ld\n", served);
	printf("blocks: %ld right, %ld synced\n", blocks_right, synced);
	fprintf(stderr, "kernel_threads %ld\n", most);
	return 0;
}
