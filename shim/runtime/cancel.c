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
 * GS_ATT_CANCEL stays set while cancellation is disabled; gs_cancel_due decides,
 * so a wait with cancellation disabled is not ended by it.
 *
 * Locks: none. Called from: the hooks; sched.c through gs_sched_ops.cancellable.
 */
#include "cancel.h"

#include "host.h"
#include "preempt.h"
#include "sched.h"
#include "tcb.h"

bool gs_cancel_due(struct gs_thread *self)
{
	/* relaxed: the word changes by our own hand, but for CANCELED, which came
	   before GS_ATT_CANCEL */
	uint32_t word = atomic_load_explicit(gs_tcb_cancel_word(self->tp), memory_order_relaxed);

	return (word & gs_tcb_cancel_requested) && !(word & gs_tcb_cancel_disabled) &&
	       !self->exiting;
}

void gs_cancel_act(struct gs_thread *self)
{
	if (!gs_cancel_due(self))
		return;
	self->result = PTHREAD_CANCELED;
	self->exiting = 1;
	gs_host.pthread_exit(PTHREAD_CANCELED);
}

void gs_cancel_request(struct gs_thread *t)
{
	/* release: pairs with the wait's look at attention, then at the word */
	atomic_fetch_or_explicit(gs_tcb_cancel_word(t->tp), gs_tcb_cancel_requested,
				 memory_order_release);
	atomic_fetch_or_explicit(&t->attention, GS_ATT_CANCEL, memory_order_seq_cst);
	gs_wait_interrupt(t);
	gs_preempt_kick(t);
}
