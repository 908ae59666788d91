/* SPDX-License-Identifier: MIT */
/*
 * create.c - makes a thread that does nothing, joins it, again and again.
 *
 *	create MILLISECONDS
 */
#define _GNU_SOURCE
#include "bench.h"

static void *nothing(void *arg)
{
	return arg;
}

static void create(long turns)
{
	pthread_t thread;

	for (long i = 0; i < turns; i++) {
		if (pthread_create(&thread, NULL, nothing, NULL) != 0)
			die("cannot make a thread");
		pthread_join(thread, NULL);
	}
}

int main(int argc, char **argv)
{
	create(100); /* the first ones pay for what all share */
	operations(100);
	per_turn("create", create, argc > 1 ? (double)number(argv[1]) : 200);
	return 0;
}
