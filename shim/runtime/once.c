/* SPDX-License-Identifier: MIT */
/*
 * once.c - running a routine once.
 *
 * A routine that is cancelled, or throws, leaves the word 0 and lets the next
 * thread run it. A word that says "running" in an older generation was left by a
 * thread that a fork did not take along; it counts as 0.
 *
 * Compiled with -fexceptions: the unwinder runs gs_once_cleanup.
 *
 * Locks: the queue's.
 * Called from: hooks/pthread_sync.c, hooks/threads.c.
 */
#include "once.h"

#include "sched.h"

#include <limits.h>

/* Changes in a fork child, while it has one thread. */
static int gs_once_generation;

struct gs_once_frame {
	_Atomic int *control;
	int end; /* what the word becomes */
};

static void gs_once_cleanup(struct gs_once_frame *f)
{
	/* Asked again: the routine may have made the first thread, and turned us on. */
	struct gs_thread *self = gs_self && gs_self->inrt == 0 ? gs_self : NULL;

	/* release: pairs with the acquire in gs_once_done */
	atomic_store_explicit(f->control, f->end, memory_order_release);
	if (self)
		gs_enter(self);
	gs_park_wake(f->control, INT_MAX);
	if (self)
		gs_leave(self);
}

/* Waits until the word is no longer what it was. */
static void gs_once_wait(struct gs_thread *self, _Atomic int *control, int running)
{
	struct gs_park_waiter w = { .reason = GS_REASON_ONCE };
	struct gs_park_hold h;

	if (self)
		gs_enter(self);
	gs_park_lock(&h, control);
	/* relaxed: gs_once_run looks again */
	if (atomic_load_explicit(control, memory_order_relaxed) == running) {
		w.interruptible = self && gs_park_open(self);
		gs_park_queue(&w, self, control, GS_PARK_TAIL);
		gs_park_unlock(&h);
		if (gs_park_sleep(&w, NULL) != 0) {
			gs_park_leave(&h, &w);
			gs_park_unlock(&h);
		}
	} else {
		gs_park_unlock(&h);
	}
	if (self)
		gs_leave(self);
}

static void gs_once_call(_Atomic int *control, void (*routine)(void))
{
	__attribute__((cleanup(gs_once_cleanup))) struct gs_once_frame f = {
		.control = control, .end = 0
	};

	routine();
	f.end = GS_ONCE_DONE;
}

void gs_once_run(struct gs_thread *self, _Atomic int *control, void (*routine)(void))
{
	int running = gs_once_generation | GS_ONCE_RUNNING;
	/* relaxed: gs_once_done acquires */
	int word = atomic_load_explicit(control, memory_order_relaxed);

	while (!gs_once_done(control)) {
		if (word == running) {
			gs_once_wait(self, control, running);
			word = atomic_load_explicit(control, memory_order_relaxed);
			continue;
		}
		/* acquire: pairs with the release of one whose routine did not return */
		if (!(word & GS_ONCE_DONE) &&
		    atomic_compare_exchange_strong_explicit(control, &word, running,
							    memory_order_acquire,
							    memory_order_relaxed)) {
			gs_once_call(control, routine);
			return;
		}
	}
}

void gs_once_after_fork(void)
{
	gs_once_generation += GS_ONCE_GENERATION;
}
