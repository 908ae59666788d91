/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - requests and acts on cancellation.
 *
 *  1. The canceller sets CANCELED in the target's cancelhandling word, then
 *     GS_ATT_CANCEL in its attention, then ends its present wait if that is
 *     interruptible (gs_wait_interrupt has the ordering).
 *  2. The target, coming out of the wait with -EINTR, or at the entry of a
 *     cancellation point, sees GS_ATT_CANCEL and looks at the word: enabled,
 *     and not finishing already: it leaves by glibc's own pthread_exit, which
 *     unwinds, runs cleanup handlers, and lands in life.c (or start.c for main).
 *
 * Asynchronous cancellation: the canceller sends the target's worker a signal. Its
 * handler (preempt.c), or gs_leave if it came while the thread was inside the
 * runtime, calls gs_cancel_asynchronous, which unwinds from there, through the
 * signal's frame if need be. libc makes a thread asynchronously cancellable while it
 * sits in a system call that is a cancellation point. Our hooks round a blocking region
 * do the same by a word of their own (gs_cancel_expose), which costs no locked
 * instruction: that closes the gap between the last look at the request and the call.
 *
 * GS_ATT_CANCEL stays set while cancellation is disabled; gs_cancel_due decides,
 * so a wait with cancellation disabled is not ended by it.
 *
 * Locks: none. Called from: the hooks, floor 3; floor 2 through gs_sched_ops.
 */
#include "cancel.h"

#include "host.h"
#include "preempt.h"
#include "region.h"
#include "sched.h"
#include "sys.h"
#include "tcb.h"

bool gs_cancel_due(struct gs_thread *self)
{
	/* relaxed: the word changes by our own hand, but for CANCELED, which came
	   before GS_ATT_CANCEL */
	uint32_t word = atomic_load_explicit(gs_tcb_cancel_word(self->tp), memory_order_relaxed);

	return (word & GS_TCB_CANCEL_REQUESTED) &&
	       !(word & (GS_TCB_CANCEL_DISABLED | GS_TCB_CANCEL_LEAVING)) && !self->exiting;
}

void gs_cancel_act(struct gs_thread *self)
{
	if (!gs_cancel_due(self))
		return;
	/* relaxed: our own */
	atomic_store_explicit(&self->exposed, 0, memory_order_relaxed);
	if (self->in_region)
		gs_region_leave(self);
	self->result = PTHREAD_CANCELED;
	self->exiting = 1;
	gs_host.pthread_exit(PTHREAD_CANCELED);
}

void gs_cancel_asynchronous(struct gs_thread *self)
{
	const void *tp = self ? self->tp : gs_arch_thread_pointer();
	/* relaxed: as in gs_cancel_due */
	uint32_t word = atomic_load_explicit(gs_tcb_cancel_word(tp), memory_order_relaxed);

	/* relaxed: our own */
	if (!(word & GS_TCB_CANCEL_ASYNC) &&
	    !(self && atomic_load_explicit(&self->exposed, memory_order_relaxed)))
		return;
	if (self)
		gs_cancel_act(self);
	else if ((word & (GS_TCB_CANCEL_REQUESTED | GS_TCB_CANCEL_DISABLED |
			  GS_TCB_CANCEL_LEAVING)) == GS_TCB_CANCEL_REQUESTED)
		gs_host.pthread_exit(PTHREAD_CANCELED);
}

void gs_cancel_foreign(void *tp)
{
	int tid = gs_tcb_tid(tp);
	/* seq_cst: libc's threads set their type and look at the request in one step */
	uint32_t word = atomic_fetch_or_explicit(gs_tcb_cancel_word(tp), GS_TCB_CANCEL_REQUESTED,
						 memory_order_seq_cst);

	if (tid <= 0 || !(word & GS_TCB_CANCEL_ASYNC) ||
	    (word & (GS_TCB_CANCEL_REQUESTED | GS_TCB_CANCEL_DISABLED | GS_TCB_CANCEL_LEAVING)))
		return;
	if (tp == gs_arch_thread_pointer())
		gs_cancel_asynchronous(NULL);
	else
		gs_sys3(__NR_tgkill, gs_sys_getpid(), tid, GS_PREEMPT_SIGNAL);
}

bool gs_cancel_expose(struct gs_thread *self)
{
	/* relaxed, both: the canceller's membarrier orders the store before the look at the
	   request in gs_cancel_point */
	bool was = atomic_load_explicit(&self->exposed, memory_order_relaxed);

	atomic_store_explicit(&self->exposed, 1, memory_order_relaxed);
	gs_barrier();
	gs_cancel_point(self);
	return !was;
}

void gs_cancel_cover(struct gs_thread *self, bool exposed)
{
	gs_barrier();
	/* relaxed: as above; a kick that comes later finds nothing to do */
	if (exposed)
		atomic_store_explicit(&self->exposed, 0, memory_order_relaxed);
}

void gs_cancel_request(struct gs_thread *t)
{
	_Atomic uint32_t *word = gs_tcb_cancel_word(t->tp);
	uint32_t now;

	/* release: pairs with the wait's look at attention, then at the word */
	atomic_fetch_or_explicit(word, GS_TCB_CANCEL_REQUESTED, memory_order_release);
	/* seq_cst: before the look at the word. A thread that changes its state later
	   looks at the request (gs_cancel_expose, gs_wait_park, libc's own setters) */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_CANCEL, memory_order_seq_cst);
	now = atomic_load_explicit(word, memory_order_seq_cst);
	if (now & (GS_TCB_CANCEL_DISABLED | GS_TCB_CANCEL_LEAVING))
		return; /* or a call that is no cancellation point might return EINTR */
	gs_wait_interrupt(t);
	/* relaxed: after the membarrier in gs_wait_interrupt, see gs_cancel_expose */
	if ((now & GS_TCB_CANCEL_ASYNC) || atomic_load_explicit(&t->exposed, memory_order_relaxed))
		gs_preempt_kick(t);
}
