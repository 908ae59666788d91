/* SPDX-License-Identifier: MIT */
/*
 * once.h - pthread_once and call_once, with glibc's control word: 0 not yet, 2 done,
 * 1 and a fork generation above it while the routine runs.
 */
#ifndef GS_ONCE_H
#define GS_ONCE_H

#include "park.h"

enum { GS_ONCE_RUNNING = 1, GS_ONCE_DONE = 2, GS_ONCE_GENERATION = 4 };

static inline bool gs_once_done(_Atomic int *control)
{
	/* acquire: pairs with the release in gs_once_run */
	return atomic_load_explicit(control, memory_order_acquire) & GS_ONCE_DONE;
}

/* Runs routine, outside the runtime, or waits for the thread that does. */
void gs_once_run(struct gs_thread *self, _Atomic int *control, void (*routine)(void));

/* fork, child side: whoever was running a routine is gone, but for the caller. */
void gs_once_after_fork(void);

#endif
