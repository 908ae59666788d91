/* SPDX-License-Identifier: MIT */
/* turns_st.c - turns.c with State Threads, where it has the means: cond, pipe, ring. */
#define _GNU_SOURCE
#include <st.h>

#include "bench.h"

enum { RING = 1000 };

static st_cond_t conds[RING];
static int tokens[RING];
static st_netfd_t in[2], out[2];
static int seats;
static long hops;

/* The token goes round; with two seats, that is ping-pong. Nothing runs in between, so
   there is no lock. */
static void *cond_player(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (long i = me; i < hops; i += seats) {
		while (!tokens[me])
			st_cond_wait(conds[me]);
		tokens[me] = 0;
		tokens[(me + 1) % seats] = 1;
		st_cond_signal(conds[(me + 1) % seats]);
	}
	return NULL;
}

static void *pipe_player(void *arg)
{
	int me = arg != NULL;
	char c;

	for (long i = 0; i < hops / 2; i++)
		if (st_read(in[me], &c, 1, ST_UTIME_NO_TIMEOUT) != 1 ||
		    st_write(out[me], &c, 1, ST_UTIME_NO_TIMEOUT) != 1)
			die("turns_st: pipe");
	return NULL;
}

static void *(*player)(void *) = cond_player;

static void play(long n)
{
	st_thread_t threads[RING];
	char c = 'x';

	hops = n;
	memset(tokens, 0, sizeof(tokens));
	tokens[0] = 1;
	if (player == pipe_player)
		st_write(out[1], &c, 1, ST_UTIME_NO_TIMEOUT);
	for (long i = 0; i < seats; i++)
		threads[i] = st_thread_create(player, (void *)(intptr_t)i, 1, 65536);
	for (long i = 0; i < seats; i++)
		st_thread_join(threads[i], NULL);
	if (player == pipe_player)
		st_read(in[0], &c, 1, ST_UTIME_NO_TIMEOUT);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "cond";

	if (st_set_eventsys(ST_EVENTSYS_POLL) < 0 || st_init() < 0)
		die("st_init");
	seats = strcmp(kind, "ring") == 0 ? RING : 2;
	for (int i = 0; i < seats; i++)
		conds[i] = st_cond_new();
	if (strcmp(kind, "pipe") == 0) {
		player = pipe_player;
		for (int i = 0; i < 2; i++) {
			int ends[2];

			if (pipe(ends) < 0)
				die("turns_st: pipe");
			in[i] = st_netfd_open(ends[0]);
			out[!i] = st_netfd_open(ends[1]);
		}
	}
	per_turn("hop", play, argc > 2 ? (double)number(argv[2]) : 200);
	return 0;
}
