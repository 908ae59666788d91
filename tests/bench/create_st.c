/* SPDX-License-Identifier: MIT */
/* create_st.c - create.c with State Threads. */
#define _GNU_SOURCE
#include <st.h>

#include "bench.h"

static void *nothing(void *arg)
{
	return arg;
}

static void create(long turns)
{
	for (long i = 0; i < turns; i++) {
		st_thread_t thread = st_thread_create(nothing, NULL, 1, 65536);

		if (!thread)
			die("cannot make a thread");
		st_thread_join(thread, NULL);
	}
}

int main(int argc, char **argv)
{
	if (st_init() < 0)
		die("st_init");
	create(100);
	operations(100);
	per_turn("create", create, argc > 1 ? (double)number(argv[1]) : 200);
	return 0;
}
