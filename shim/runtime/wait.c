/* SPDX-License-Identifier: MIT */
/*
 * wait.c - the wait word: how a thread parks, and who ends its wait.
 *
 * Rejected: parking with the waker's lock held across the switch (Go's
 * gopark(unlockf)). A waiter here publishes {thread, token}, drops every lock,
 * and leaves; whoever wins the wait word (below) decides. So no lock is ever
 * held across a switch, and a deadline, a signal and a waker need not know each
 * other.
 *
 * The wait word of a thread holds {sequence number, state}. The protocol:
 *
 *  1. The owner begins: state BEGUN under a new sequence number, which is the
 *     token. Only the owner starts waits, so a plain release store will do.
 *  2. The owner publishes {thread, token} under whatever lock guards the queue.
 *  3. The owner switches away. The context that runs next settles the switch:
 *     it tries BEGUN -> PARKED. From then on the thread may run elsewhere, so it
 *     touches the thread no more. If that fails, the wait is over already, and it
 *     makes the thread runnable itself.
 *  4. Whoever ends the wait moves BEGUN or PARKED to WOKEN, TIMEDOUT or
 *     INTERRUPTED, if the sequence number is still the token. Exactly one does.
 *     It found PARKED: it makes the thread runnable. It found BEGUN: the thread
 *     is still on its stack, and step 3 (or the owner itself) sees it.
 *  5. The owner, running again, reads the verdict and sets NONE.
 *
 * The only place where a store must be ordered before a later load of another
 * word is "begin, then look for a pending signal" against "set the signal's bit,
 * then look for a wait to end". Signals are rare, so the sender pays: it calls
 * membarrier between its two steps (gs_wait_interrupt).
 *
 * Locks: none. Called from: floor 3; sched.c, whose switch does step 3.
 */
#include "wait.h"

#include "conf.h"
#include "sched.h"
#include "switch.h"
#include "sys.h"

#include <errno.h>

static const unsigned gs_wait_shift = 3;

/* Moves a wait from BEGUN or PARKED to verdict; true when this call did. */
static bool gs_wait_claim(struct gs_thread *t, uint64_t token, enum gs_wait_state verdict)
{
	/* relaxed: the compare-and-swap below decides */
	uint64_t word = atomic_load_explicit(&t->wake, memory_order_relaxed);

	for (;;) {
		uint64_t state = word & GS_WAIT_BITS;

		if (word >> gs_wait_shift != token ||
		    (state != GS_WAIT_BEGUN && state != GS_WAIT_PARKED))
			return false;
		/* acq_rel: acquire pairs with the release in gs_switch_settle (the stack is
		   free to run on), release with the owner's acquire in gs_wait_park */
		if (atomic_compare_exchange_weak_explicit(&t->wake, &word,
							  token << gs_wait_shift | verdict,
							  memory_order_acq_rel,
							  memory_order_relaxed)) {
			if (state == GS_WAIT_PARKED)
				gs_sched_ready(t);
			return true;
		}
	}
}

bool gs_wait_seize(struct gs_thread *t, uint64_t token)
{
	uint64_t parked = token << gs_wait_shift | GS_WAIT_PARKED;

	/* acq_rel: as in gs_wait_claim */
	return atomic_compare_exchange_strong_explicit(&t->wake, &parked,
						       token << gs_wait_shift | GS_WAIT_WOKEN,
						       memory_order_acq_rel, memory_order_relaxed);
}

static void gs_wait_expire(void *arg, uint64_t token)
{
	gs_wait_claim(arg, token, GS_WAIT_TIMEDOUT);
}

uint64_t gs_wait_begin(struct gs_thread *self, enum gs_reason reason, const void *obj,
		       bool interruptible)
{
	uint64_t token =
		(atomic_load_explicit(&self->wake, memory_order_relaxed) >> gs_wait_shift) + 1;

	self->reason = reason;
	self->wait_obj = obj;
	self->interruptible = interruptible;
	/* release: a waker that sees this word sees the fields above */
	atomic_store_explicit(&self->wake, token << gs_wait_shift | GS_WAIT_BEGUN,
			      memory_order_release);
	return token;
}

/* Step 5. */
static int gs_wait_verdict(struct gs_thread *self)
{
	/* acquire: pairs with the release in gs_wait_claim */
	uint64_t word = atomic_load_explicit(&self->wake, memory_order_acquire);

	/* relaxed: nobody acts on a wait that is over */
	atomic_store_explicit(&self->wake, word & ~(uint64_t)GS_WAIT_BITS, memory_order_relaxed);
	self->interruptible = false;
	switch (word & GS_WAIT_BITS) {
	case GS_WAIT_TIMEDOUT:
		return -ETIMEDOUT;
	case GS_WAIT_INTERRUPTED:
		return -EINTR;
	default:
		return 0;
	}
}

int gs_wait_park(struct gs_thread *self, uint64_t token, uint64_t deadline)
{
	struct gs_worker *w = self->worker;
	uint64_t word;

	gs_barrier();
	if (self->interruptible) {
		uint32_t what = atomic_load_explicit(&self->attention, memory_order_relaxed);

		if (GS_UNLIKELY(what & (GS_ATT_SIGNAL | GS_ATT_CANCEL)) &&
		    ((what & GS_ATT_SIGNAL) || gs_sched_ops.cancellable(self)))
			gs_wait_claim(self, token, GS_WAIT_INTERRUPTED);
	}
	if (deadline != GS_NEVER) {
		int first = gs_timer_arm(&w->p->timers, &self->timer, deadline, gs_wait_expire,
					 self, token);

		if (first < 0)
			gs_wait_claim(self, token, GS_WAIT_TIMEDOUT);
	}
	if (GS_UNLIKELY(gs_conf.perturb != 0))
		for (uint32_t spins = w->p->seed >> 24; spins > 0; spins--)
			gs_arch_pause();
	/* relaxed: gs_wait_verdict acquires */
	word = atomic_load_explicit(&self->wake, memory_order_relaxed);
	if ((word & GS_WAIT_BITS) == GS_WAIT_BEGUN) {
		uint64_t now = gs_arch_cycles();
		struct gs_thread *next = gs_sched_pick(w, now);

		gs_stats_add(&gs_switch_proc(w)->stats, GS_STAT_PARKS, 1);
		atomic_store_explicit(&self->state, GS_STATE_WAITING, memory_order_relaxed);
		GS_PROBE3(park, self->id, self->reason, self->wait_obj);
		gs_switch(self, next ? next : &w->g0, GS_OP_PARK, now);
	}
	if (deadline != GS_NEVER)
		gs_timer_disarm(&self->timer);
	return gs_wait_verdict(self);
}

bool gs_wait_cancel(struct gs_thread *self, uint64_t token)
{
	bool mine = gs_wait_claim(self, token, GS_WAIT_INTERRUPTED);

	gs_wait_verdict(self);
	return mine;
}

bool gs_wait_wake(struct gs_thread *t, uint64_t token)
{
	return gs_wait_claim(t, token, GS_WAIT_WOKEN);
}

void gs_wait_interrupt(struct gs_thread *t)
{
	uint64_t word;

	/* Pairs with the compiler barrier between begin and the look at attention
	   in gs_wait_park: the sender pays for both. */
	if (!gs_sys_membarrier())
		atomic_thread_fence(memory_order_seq_cst);
	/* acquire: pairs with the release in gs_wait_begin, for interruptible */
	word = atomic_load_explicit(&t->wake, memory_order_acquire);
	if (t->interruptible)
		gs_wait_claim(t, word >> gs_wait_shift, GS_WAIT_INTERRUPTED);
}
