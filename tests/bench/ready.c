/* SPDX-License-Identifier: MIT */
/*
 * ready.c - reads and writes that need not wait: a file, /dev/null, a pipe, a stream
 * socket, and a pipe by the calls that can be told not to wait; first in a program without
 * threads, then with one that only waits.
 *
 *	ready MILLISECONDS
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bench.h"

enum { BYTES = 64, FILE_BYTES = 65536 };

static int file, null, ends[2], pair[2];
static char data[BYTES];
static sem_t never;

static void check(ssize_t n)
{
	if (n != BYTES)
		die("ready: read or write");
}

static void do_file(long turns)
{
	for (long i = 0; i < turns; i++) {
		if (i % (FILE_BYTES / BYTES) == 0)
			lseek(file, 0, SEEK_SET);
		check(read(file, data, BYTES));
	}
	lseek(file, 0, SEEK_SET);
}

static void do_null(long turns)
{
	for (long i = 0; i < turns; i++)
		check(write(null, data, BYTES));
}

static void do_pipe(long turns)
{
	for (long i = 0; i < turns; i++) {
		check(write(ends[1], data, BYTES));
		check(read(ends[0], data, BYTES));
	}
}

static void do_nowait(long turns)
{
	struct iovec all = { data, BYTES };

	for (long i = 0; i < turns; i++) {
		check(pwritev2(ends[1], &all, 1, -1, RWF_NOWAIT));
		check(preadv2(ends[0], &all, 1, -1, RWF_NOWAIT));
	}
}

static void do_socket(long turns)
{
	for (long i = 0; i < turns; i++) {
		check(write(pair[1], data, BYTES));
		check(read(pair[0], data, BYTES));
	}
}

static void *waiter(void *arg)
{
	sem_wait(&never);
	return arg;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(long);
	} calls[] = { { "file", do_file }, { "null", do_null }, { "pipe", do_pipe },
		      { "socket", do_socket }, { "nowait", do_nowait } };
	double milliseconds = argc > 1 ? (double)number(argv[1]) : 30;
	FILE *temporary = tmpfile();
	char name[64];
	pthread_t thread;

	if (!temporary || pipe(ends) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		die("ready: descriptors");
	file = fileno(temporary);
	null = open("/dev/null", O_WRONLY);
	for (int i = 0; i < FILE_BYTES / BYTES; i++)
		check(write(file, data, BYTES));
	sem_init(&never, 0, 0);
	for (int threads = 0; threads < 2; threads++) {
		if (threads)
			start(&thread, waiter, NULL);
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			snprintf(name, sizeof(name), "%s_%s", calls[i].name,
				 threads ? "after" : "before");
			per_turn(name, calls[i].work, milliseconds);
		}
	}
	return 0;
}
