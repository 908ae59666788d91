/* SPDX-License-Identifier: MIT */
/*
 * cancel.h - pthread_cancel for green threads.
 *
 * The state is glibc's own: the cancelhandling word in the thread's TCB, which
 * pthread_setcancelstate, pthread_setcanceltype, pthread_testcancel and libc's
 * internals read and write. What is added here: a request wakes a thread that
 * waits, and hooks that are cancellation points act on it.
 */
#ifndef GS_CANCEL_H
#define GS_CANCEL_H

#include "thread.h"

/* Requests the cancellation of t and wakes it if it waits in a cancellation point. */
void gs_cancel_request(struct gs_thread *t);
/* The same for a kernel thread that libc made for itself, by its TCB. */
void gs_cancel_foreign(void *tp);

/* A request stands, and the thread lets itself be cancelled now. Any context of
   the thread itself. */
bool gs_cancel_due(struct gs_thread *self);

/* Acts on a request if it is due; from a blocking region too, which it leaves. */
void gs_cancel_act(struct gs_thread *self);

/* gs_sched_ops.cancel: the same if the thread is asynchronously cancellable now. NULL:
   the calling kernel thread, which is none of ours. */
void gs_cancel_asynchronous(struct gs_thread *self);

/* Round a system call in a blocking region, which is a cancellation point as long as
   it lasts: gs_cancel_cover takes what gs_cancel_expose returned. In the region. */
bool gs_cancel_expose(struct gs_thread *self);
void gs_cancel_cover(struct gs_thread *self, bool exposed);

/* A cancellation point: does not return if a cancellation is due. Green thread,
   outside the runtime. Unwinds: the caller's frames need unwind tables and hold
   nothing that needs releasing. */
static inline void gs_cancel_point(struct gs_thread *self)
{
	/* relaxed: a request that comes later is seen at the next point or wait */
	if (GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed) &
			GS_ATT_CANCEL))
		gs_cancel_act(self);
}

#endif
