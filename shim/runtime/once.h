/* SPDX-License-Identifier: MIT */
/*
 * once.h - pthread_once and call_once, with glibc's control word: 0 not yet, 2 done,
 * 1 and a fork generation above it while the routine runs.
 */
#ifndef GS_ONCE_H
#define GS_ONCE_H

#include "park.h"

enum { GS_ONCE_RUNNING = 1, GS_ONCE_DONE = 2, GS_ONCE_FLAGS = 3 };

typedef int gs_once_fn(int *control, void (*routine)(void));

static inline bool gs_once_done(int *control)
{
	/* acquire: pairs with the release in libc's pthread_once */
	return atomic_load_explicit((_Atomic int *)control, memory_order_acquire) & GS_ONCE_DONE;
}

/* Has real, which is libc's pthread_once, run the routine, or waits for the thread that
   does. Outside the runtime; self may be NULL. */
void gs_once_run(struct gs_thread *self, int *control, void (*routine)(void), gs_once_fn *real);

#endif
