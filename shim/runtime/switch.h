/* SPDX-License-Identifier: MIT */
/*
 * switch.h - from one thread's stack to another's on the same worker, and what the thread
 * that runs next does for the one that left: step 3 of a wait (wait.c), putting it on a
 * queue, or burying it. Inline, all of it: see GS_SWITCH_FLAT.
 *
 * Invariants: the caller is inside the runtime and holds no lock.
 * Called from: sched.c, wait.c.
 */
#ifndef GS_SWITCH_H
#define GS_SWITCH_H

#include "ahead.h"
#include "conf.h"
#include "cputime.h"
#include "globq.h"
#include "idle.h"
#include "probes.h"
#include "rights.h"
#include "sched.h"
#include "worker.h"

/* After a switch the processor's return predictor holds the addresses of the stack
   that was left, so every return on the way out of the runtime is mispredicted: the
   functions on that way are one. */
#define GS_SWITCH_FLAT inline __attribute__((always_inline))

/* The processor that w holds. Where there is only one, the way to it does not begin at the
   thread pointer, which a switch has just changed and whose readers have to wait. */
static GS_SWITCH_FLAT struct gs_proc *gs_switch_proc(const struct gs_worker *w)
{
	return gs_nprocs == 1 ? gs_procs : w->p;
}

/* What a departed thread may have asked for; of one that parks, the second half of step 3. */
static GS_SWITCH_FLAT void gs_switch_settle(struct gs_worker *w, struct gs_thread *prev)
{
	uint64_t word;

	switch (prev->op) {
	case GS_OP_PARK:
		word = atomic_load_explicit(&prev->wake, memory_order_relaxed);
		/* release: what prev did is visible to whoever wakes it; pairs with the
		   acquire in gs_wait_claim. acquire on failure: the claim's verdict. */
		if ((word & GS_WAIT_BITS) != GS_WAIT_BEGUN ||
		    !atomic_compare_exchange_strong_explicit(
			    &prev->wake, &word, (word & ~(uint64_t)GS_WAIT_BITS) | GS_WAIT_PARKED,
			    memory_order_release, memory_order_acquire))
			gs_sched_ready(prev);
		break;
	case GS_OP_YIELD:
		if (!gs_runq_push(&gs_switch_proc(w)->runq, prev))
			gs_globq_push(prev, prev, 1);
		break;
	case GS_OP_GLOBAL:
		gs_globq_push(prev, prev, 1);
		gs_idle_wake_one();
		break;
	case GS_OP_DEAD:
		gs_sched_ops.dead(prev);
		break;
	default:
		break;
	}
}

/* A signal handler has left something to do for the scheduler context. */
static inline bool gs_switch_summoned(struct gs_worker *w)
{
	/* relaxed: set on this kernel thread */
	return atomic_load_explicit(&w->g0.attention, memory_order_relaxed) != 0;
}

static GS_SWITCH_FLAT void gs_switch_land(struct gs_thread *self, struct gs_transfer tr)
{
	struct gs_thread *prev = tr.data;

	prev->ctx = tr.from;
	gs_switch_settle(self->worker, prev);
	/* Too late for gs_sched_pick to see: then when this thread leaves the runtime. */
	if (GS_UNLIKELY(gs_switch_summoned(self->worker)) && self->kind == GS_KIND_GREEN)
		/* relaxed: our own word */
		atomic_fetch_or_explicit(&self->attention, GS_ATT_PREEMPT, memory_order_relaxed);
}

/* GOSHIM_DEBUG=perturb: true once in n times, by the processor's own generator. */
static inline bool gs_switch_dice(struct gs_proc *p, uint32_t n)
{
	p->seed = p->seed * 1664525 + 1013904223 + (uint32_t)gs_conf.perturb;
	return (p->seed >> 16) % n == 0;
}

/* from's stay on w ended at cycle now, and to's begins. */
static GS_SWITCH_FLAT void gs_switch_charge(struct gs_worker *w, struct gs_thread *from,
					    struct gs_thread *to, uint64_t now)
{
	if (GS_LIKELY(now > from->since)) {
		/* A scheduler context's stay is mostly sleep, and nobody asks for it. */
		from->ran += from->kind == GS_KIND_GREEN ?
				     gs_cputime_charge(w, now - from->since) : now - from->since;
		from->since = now;
	}
	to->since = from->since;
}

/* to, a green thread, is the next to run on w, on its processor p. */
static GS_SWITCH_FLAT void gs_switch_install(struct gs_worker *w, struct gs_proc *p,
					     struct gs_thread *to)
{
	to->worker = w;
	gs_stats_add(&p->stats, GS_STAT_SWITCHES, 1);
	/* relaxed: for people */
	atomic_store_explicit(&to->state, GS_STATE_RUNNING, memory_order_relaxed);
	w->current = to;
}

/* The jump itself; returns what the one who jumps back tells. */
static GS_SWITCH_FLAT struct gs_transfer gs_switch_jump(struct gs_thread *from,
							struct gs_thread *to)
{
	GS_PROBE2(switch, from->id, to->id);
	gs_rights_exchange(from, to);
	gs_arch_set_thread_pointer(to->tp);
	return gs_context_jump(to->ctx, from);
}

/* Leaves from's stack for to's at cycle now; returns when somebody switches back. */
static GS_SWITCH_FLAT void gs_switch(struct gs_thread *from, struct gs_thread *to,
				    enum gs_switch_op op, uint64_t now)
{
	struct gs_worker *w = from->worker;

	from->op = op;
	gs_switch_charge(w, from, to, now);
	if (to->kind == GS_KIND_GREEN) {
		struct gs_proc *p = gs_switch_proc(w);

		gs_switch_install(w, p, to);
		if (GS_UNLIKELY(to->readied != 0)) {
			gs_stats_latency(&p->stats, (int64_t)(now - to->readied));
			to->readied = 0;
		}
		/* relaxed: a hint */
		if (atomic_load_explicit(&gs_thread_count, memory_order_relaxed) > GS_AHEAD_CROWD)
			gs_ahead_fetch(p);
		if (GS_UNLIKELY(gs_conf.perturb != 0) && gs_switch_dice(p, 4))
			atomic_fetch_or_explicit(&to->attention, GS_ATT_PREEMPT,
						 memory_order_relaxed);
	} else {
		to->worker = w;
		w->current = NULL;
	}
	gs_switch_land(from, gs_switch_jump(from, to));
}

/* The successor on w's processor at cycle now: a thread, the scheduler context when
   something must be looked at there, or NULL when there is nothing to run. sched.c. */
struct gs_thread *gs_sched_pick(struct gs_worker *w, uint64_t now);

#endif
