/* SPDX-License-Identifier: MIT */
/*
 * once.c - waiting for a routine that another thread runs once.
 *
 * libc's pthread_once runs the routine: its frame undoes what it has begun when the
 * routine is cancelled or throws an exception of C++, and it knows the words that a
 * fork left behind. Only waiting is done here. A routine that returns wakes those
 * who wait; one that is left otherwise resets the word without our being told, so
 * they also look now and then.
 *
 * Two threads that find the word untouched at the same instant both call libc, and
 * one of them waits in the kernel; the monitor takes its processor meanwhile.
 *
 * Locks: the queue's.
 * Called from: hooks/pthread_sync.c.
 */
#include "once.h"

#include "sched.h"

#include <limits.h>

static const uint64_t gs_once_look_first = 1000000, gs_once_look_last = 16000000;

/* What libc writes above the flags at present. It cannot be asked for, but seen. */
static __thread int gs_once_probe, gs_once_generation;

static void gs_once_see(void)
{
	gs_once_generation = gs_once_probe & ~GS_ONCE_FLAGS;
}

static bool gs_once_runs(int *control, gs_once_fn *real)
{
	/* relaxed: whoever finds it done looks again */
	int word = atomic_load_explicit((_Atomic int *)control, memory_order_relaxed);

	if (!(word & GS_ONCE_RUNNING))
		return false;
	gs_once_probe = 0;
	real(&gs_once_probe, gs_once_see);
	return (word & ~GS_ONCE_FLAGS) == gs_once_generation;
}

/* Waits until somebody says that the routine has returned, or for ns. */
static void gs_once_wait(struct gs_thread *self, int *control, uint64_t ns)
{
	struct gs_deadline d = { .clock = CLOCK_MONOTONIC, .at = gs_now() + ns };
	struct gs_park_waiter w = { .reason = GS_REASON_ONCE };
	struct gs_park_hold h;

	if (self)
		gs_enter(self);
	gs_park_lock(&h, control);
	if (!gs_once_done(control)) {
		w.interruptible = self && gs_park_open(self);
		gs_park_queue(&w, self, control, GS_PARK_TAIL);
		gs_park_unlock(&h);
		if (gs_park_sleep(&w, &d) != 0) {
			gs_park_leave(&h, &w);
			gs_park_unlock(&h);
		}
	} else {
		gs_park_unlock(&h);
	}
	if (self)
		gs_leave(self);
}

void gs_once_run(struct gs_thread *self, int *control, void (*routine)(void), gs_once_fn *real)
{
	uint64_t ns = gs_once_look_first;

	while (gs_sched_on && gs_once_runs(control, real)) {
		gs_once_wait(self, control, ns);
		ns = GS_MIN(ns * 2, gs_once_look_last);
	}
	if (gs_once_done(control))
		return;
	real(control, routine);
	if (!gs_sched_on)
		return;
	/* Asked again: the routine may have made the first thread, and turned us on. */
	self = gs_self && gs_self->inrt == 0 ? gs_self : NULL;
	if (self)
		gs_enter(self);
	gs_park_wake(control, INT_MAX);
	if (self)
		gs_leave(self);
}
