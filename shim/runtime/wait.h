/* SPDX-License-Identifier: MIT */
/*
 * wait.h - waiting: for whoever has the token, a deadline, or a signal.
 *
 * The recipe of every wait:
 *
 *	gs_enter(self);
 *	token = gs_wait_begin(self, GS_REASON_READ, obj, true);
 *	lock; put {self, token} where the waker will find it; unlock;
 *	err = gs_wait_park(self, token, deadline);
 *	lock; take {self, token} off again if it is still there; unlock;
 *	gs_leave(self);
 *
 * and of every wake-up: find {t, token}, then gs_wait_wake(t, token). Of all who
 * try (wakers, the deadline, a signal) exactly one wins; the others get false.
 * A token stays refusable for ever: waking with a stale one does nothing.
 */
#ifndef GS_WAIT_H
#define GS_WAIT_H

#include "thread.h"

/* The low bits of gs_thread.wake; the rest is the wait's sequence number. */
enum gs_wait_state {
	GS_WAIT_NONE,        /* not waiting */
	GS_WAIT_BEGUN,       /* can be woken, still on its stack */
	GS_WAIT_PARKED,      /* can be woken, off its stack */
	GS_WAIT_WOKEN,       /* gs_wait_wake won */
	GS_WAIT_TIMEDOUT,    /* the deadline won */
	GS_WAIT_INTERRUPTED, /* a signal, a cancellation or a preemption of the wait won */
	GS_WAIT_BITS = 7,
};

/* Begins a wait; returns its token. Nothing may park between this and
   gs_wait_park or gs_wait_cancel. */
uint64_t gs_wait_begin(struct gs_thread *self, enum gs_reason reason, const void *obj,
		       bool interruptible);

/* Parks until woken, the deadline (GS_NEVER: none) or, if interruptible, a signal
   or cancellation. Returns 0, -ETIMEDOUT or -EINTR. Inside the runtime, no lock held. */
int gs_wait_park(struct gs_thread *self, uint64_t token, uint64_t deadline);

/* Ends a begun wait without parking. Returns true when nobody had woken it,
   false when a wake-up was consumed (the caller then owns what it meant). */
bool gs_wait_cancel(struct gs_thread *self, uint64_t token);

/* Wakes t from the wait token names; false when it is over already, and then
   the waker picks somebody else. Any kernel thread inside the runtime, the
   monitor, or a foreign kernel thread. */
bool gs_wait_wake(struct gs_thread *t, uint64_t token);

/* Ends t's present wait, whichever it is, with -EINTR if it is interruptible.
   The caller has set a bit in t->attention before (sequentially consistent). */
void gs_wait_interrupt(struct gs_thread *t);

/* Wins a parked thread's wait without making it runnable: the caller is about to
   switch to it. */
bool gs_wait_seize(struct gs_thread *t, uint64_t token);

#endif
