/* SPDX-License-Identifier: MIT */
/*
 * ahead.h - fetches into the cache what the threads that run next will touch.
 *
 * Called from: sched.c, at a switch.
 */
#ifndef GS_AHEAD_H
#define GS_AHEAD_H

#include "worker.h"

enum {
	GS_AHEAD_CROWD = 128, /* more threads than this do not fit into the first cache */
	GS_AHEAD_BYTES = 640, /* from the saved context to the caller of read */
};

/* With more than GS_AHEAD_CROWD threads each is out of the nearer caches when its turn
   comes. The queue tells whose turn comes next: its record is fetched two switches ahead,
   what it will touch first on its stack and in its thread-local block one ahead. Records
   are never unmapped, so one that has left the queue meanwhile does no harm. */
static inline void gs_ahead_fetch(struct gs_proc *p)
{
	struct gs_thread *next[2];
	const char *at;

	gs_runq_peek(&p->runq, next);
	if (next[1])
		__builtin_prefetch(next[1]);
	if (!next[0])
		return;
	at = next[0]->ctx;
	for (int i = 0; i < GS_AHEAD_BYTES; i += GS_CACHE_LINE)
		__builtin_prefetch(at + i);
	__builtin_prefetch((char *)next[0]->tp +
			   ((char *)&gs_self - (char *)gs_arch_thread_pointer()));
}

#endif
