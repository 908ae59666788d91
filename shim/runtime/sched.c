/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs next: wake, yield, and the successor of a thread that leaves. (How a
 * thread waits is in wait.c, the switch itself in switch.h.)
 *
 * The model is the Go runtime's: threads (G), workers (M), processors (P). What
 * differs: a thread that parks picks its successor itself and switches to it
 * directly, on its own stack, and only falls back to the worker's scheduler
 * context (g0) when its processor's queue is empty or some check is due.
 *
 * Locks: none. Called from: floor 3; worker.c, wait.c, region.c.
 */
#include "sched.h"

#include "conf.h"
#include "globq.h"
#include "idle.h"
#include "log.h"
#include "switch.h"
#include "wire.h"

#include <errno.h>

enum {
	GS_SCHED_CHECK_CYCLES = 200000,  /* timers are looked at this often while busy */
	GS_SCHED_DEFER_CYCLES = 20000,   /* a wake-up may wait this long for the waker to park */
	GS_SCHED_START_CYCLES = 100000,  /* new threads have a worker woken no more often */
	GS_SCHED_EAGER = 64,
	GS_SCHED_FEW = 8,
	GS_SCHED_GLOBAL_TICK = 61,
	GS_SCHED_YIELDS = 512, /* of several processors one in so many is the kernel's */
	GS_SCHED_UNREAD = 31, /* odd, so that not always the same of two is charged */
};

struct gs_sched_ops gs_sched_ops;
bool gs_sched_on;
bool gs_sched_never;
bool gs_sched_precise;
_Atomic uint32_t gs_sched_turns;

void gs_sched_landed(struct gs_transfer tr)
{
	gs_switch_land(gs_self, tr);
}

struct gs_thread *gs_sched_pick(struct gs_worker *w, uint64_t now)
{
	struct gs_proc *p = gs_switch_proc(w);

	if (GS_UNLIKELY(w->wired != NULL) || GS_UNLIKELY(gs_switch_summoned(w)))
		return &w->g0;
	/* Before anybody else runs: how long that takes says nothing about the waker. */
	if (p->deferred) {
		if (now - p->deferred > GS_SCHED_DEFER_CYCLES)
			p->eager = GS_SCHED_EAGER;
		p->deferred = 0;
	}
	if (GS_UNLIKELY(now - p->checked > GS_SCHED_CHECK_CYCLES))
		return &w->g0;
	if (GS_UNLIKELY(gs_proc_tick(p) % GS_SCHED_GLOBAL_TICK == 0) &&
	    atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0)
		return &w->g0;
	return gs_runq_pop(&p->runq, gs_nprocs == 1);
}

/* Behind those that wait on p already. */
static void gs_sched_append(struct gs_proc *p, struct gs_thread *t)
{
	struct gs_thread *first, *last;
	uint32_t n;

	if (GS_LIKELY(gs_runq_push(&p->runq, t)))
		return;
	n = gs_runq_shed(&p->runq, &first, &last);
	if (n)
		gs_globq_push(first, last, n);
	if (!gs_runq_push(&p->runq, t))
		gs_globq_push(t, t, 1);
}

/* p has got a thread; more: and another one that no longer is the next to run. */
static void gs_sched_offer(struct gs_proc *p, bool more)
{
	/* relaxed: a stale count costs a wake-up or delays one until the monitor looks */
	if (atomic_load_explicit(&gs_idle_procs, memory_order_relaxed) == 0)
		return;
	if (more || p->eager) {
		if (p->eager)
			p->eager--;
		gs_idle_wake_one();
	} else {
		/* The waker probably parks soon, and then t runs here without any
		   other kernel thread being woken. If it does not, gs_sched_pick
		   notices and the next wake-ups are eager; the monitor looks too. */
		p->deferred = gs_arch_cycles();
	}
}

void gs_sched_ready(struct gs_thread *t)
{
	struct gs_thread *self = gs_self;
	struct gs_proc *p = self && self->worker ? self->worker->p : NULL;
	struct gs_thread *old;
	uint32_t n;

	atomic_store_explicit(&t->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	GS_PROBE1(ready, t->id);
	if (!p || t->wired || (GS_UNLIKELY(gs_conf.perturb != 0) && gs_switch_dice(p, 3))) {
		gs_globq_push(t, t, 1);
		gs_idle_wake_one();
		return;
	}
	gs_stats_add(&p->stats, GS_STAT_WAKES, 1);
	if (GS_UNLIKELY(gs_stats_sampled(&p->stats)))
		t->readied = gs_arch_cycles();
	/* Events and deadlines make threads runnable in the order in which they came. */
	if (self->kind == GS_KIND_WORKER) {
		gs_sched_append(p, t);
		n = gs_runq_length(&p->runq);
		/* The first one this worker runs itself, at once. A few that have slept, too, if
		   turns are short of late: before another worker would be awake. For those with
		   an event somebody waits, and one long turn before them is too much. */
		if (n > 1)
			gs_sched_offer(p, t->reason != GS_REASON_SLEEP || n > GS_SCHED_FEW ||
						  self->worker->long_runs > 0);
		return;
	}
	old = gs_runq_push_next(&p->runq, t);
	if (old)
		gs_sched_append(p, old);
	gs_sched_offer(p, old != NULL);
}

void gs_sched_start(struct gs_thread *t)
{
	struct gs_proc *p = gs_self->worker->p;
	uint64_t now;

	atomic_store_explicit(&t->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	gs_sched_append(p, t);
	if (gs_runq_length(&p->runq) <= 1) {
		gs_sched_offer(p, false);
		return;
	}
	/* Whoever makes many threads makes more before the woken worker is asleep again, and that
	   one takes half of them: a wake-up for each costs more than to make it. What a worker
	   that was quicker leaves behind is seen when the next one is made, or by the monitor. */
	now = gs_arch_cycles();
	if (now - p->started < GS_SCHED_START_CYCLES)
		return;
	p->started = now;
	gs_sched_offer(p, true);
}

/* The time of a yield. With one processor and nobody who asks for processor times,
   only every few yields read the counter: it costs as much as the switch. Whoever
   yields at a reading is charged for the few before it. */
static GS_SWITCH_FLAT uint64_t gs_sched_clock(struct gs_proc *p)
{
	uint32_t turns = atomic_load_explicit(&gs_sched_turns, memory_order_relaxed);

	if (turns == 0) {
		p->clock = gs_arch_cycles();
		if (gs_nprocs == 1 && !gs_sched_precise && gs_conf.perturb == 0)
			turns = GS_SCHED_UNREAD;
	}
	if (turns)
		atomic_store_explicit(&gs_sched_turns, turns - 1, memory_order_relaxed);
	return p->clock;
}

/* Every other yield: on several processors, at a reading of the counter, or when there is
   something else to look at. */
static __attribute__((noinline)) bool gs_sched_yield_anyhow(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;
	uint64_t now = gs_sched_clock(gs_switch_proc(w));
	/* relaxed: a hint */
	bool global = atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0;
	struct gs_thread *next;

	/* Not if a signal is held: the scheduler context has to see to that. */
	if (gs_nprocs > 1 && GS_UNLIKELY(++self->yields % GS_SCHED_YIELDS == 0) &&
	    !gs_switch_summoned(w))
		return false;
	next = global ? &w->g0 : gs_sched_pick(w, now);
	if (!next) {
		/* The reading charged nobody: the next yield makes its own. */
		atomic_store_explicit(&gs_sched_turns, 0, memory_order_relaxed);
		return false;
	}
	atomic_store_explicit(&self->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	/* Behind those who wait globally, or they would have to wait for the tick on
	   which their queue is looked at first: a time slice each. */
	gs_switch(self, next, global || self->wired ? GS_OP_GLOBAL : GS_OP_YIELD, now);
	return true;
}

/* Out of line, so that a yield keeps no more of its registers than it has to. */
static __attribute__((noinline)) bool gs_sched_landed_yield(struct gs_thread *self,
							    struct gs_transfer tr)
{
	gs_switch_land(self, tr);
	return true;
}

/* The commonest yield is here: one processor, its threads take turns, and there is nothing
   else to look at. self may be in the ring before it has left its stack, since nobody but
   this kernel thread takes from there. Nothing is called before the jump, or the compiler
   saves all the registers that a call preserves: the jump does that. */
bool gs_sched_yield(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;
	struct gs_proc *p = gs_procs;
	uint32_t turns = atomic_load_explicit(&gs_sched_turns, memory_order_relaxed);
	struct gs_transfer tr;
	struct gs_thread *to;

	/* relaxed: a hint */
	if (GS_UNLIKELY(turns == 0) || GS_UNLIKELY(self->wired) ||
	    GS_UNLIKELY(atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0) ||
	    GS_UNLIKELY(gs_switch_summoned(w)))
		return gs_sched_yield_anyhow(self);
	to = gs_runq_first(&p->runq);
	if (GS_UNLIKELY(!to) || GS_UNLIKELY(to->readied != 0))
		return gs_sched_yield_anyhow(self);
	gs_runq_turn(&p->runq, self);
	atomic_store_explicit(&gs_sched_turns, turns - 1, memory_order_relaxed);
	atomic_store_explicit(&self->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	self->op = GS_OP_NONE;
	/* Nothing to charge: its stay did not begin before the reading. */
	to->since = self->since;
	gs_switch_install(w, p, to);
	if (GS_UNLIKELY(gs_runq_crowded(&p->runq, GS_AHEAD_CROWD)))
		gs_ahead_fetch(p);
	tr = gs_switch_jump(self, to);
	if (GS_UNLIKELY(((struct gs_thread *)tr.data)->op != GS_OP_NONE) ||
	    GS_UNLIKELY(gs_switch_summoned(self->worker)))
		return gs_sched_landed_yield(self, tr);
	((struct gs_thread *)tr.data)->ctx = tr.from;
	return true;
}

void gs_sched_leave(struct gs_thread *self)
{
	atomic_store_explicit(&self->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	gs_switch(self, &self->worker->g0, GS_OP_GLOBAL, gs_arch_cycles());
}

void gs_sched_rejoin(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;

	gs_wire_settle(self);
	/* In a region it has none to begin with, and gets one when it leaves that. */
	if (!w->p && !self->in_region && !gs_idle_acquire(w))
		gs_sched_leave(self);
}

void gs_sched_exit(struct gs_thread *self, struct gs_thread *heir, uint64_t token)
{
	struct gs_worker *w = self->worker;
	uint64_t now = gs_arch_cycles();
	struct gs_thread *next = NULL;

	if (heir && !heir->wired && !w->wired && !gs_switch_summoned(w) &&
	    gs_wait_seize(heir, token))
		next = heir;
	else
		next = gs_sched_pick(w, now);
	gs_switch(self, next ? next : &w->g0, GS_OP_DEAD, now);
	GS_BUG_ON(true);
	__builtin_unreachable();
}

void gs_sched_run(struct gs_worker *w, struct gs_thread *t)
{
	gs_switch(&w->g0, t, GS_OP_NONE, gs_arch_cycles());
}

void gs_sched_attend(struct gs_thread *self)
{
	/* relaxed: set by this kernel thread's handlers, or by a sender that will kick */
	uint32_t what = atomic_load_explicit(&self->attention, memory_order_relaxed);

	/* There is no processor to give up, nor a way to another worker: when it leaves it. */
	if (self->in_region) {
		if (what & (GS_ATT_SIGNAL | GS_ATT_PREEMPT)) /* maybe the worker holds one */
			gs_sched_ops.attend(self, what);
		return;
	}
	while (what & (GS_ATT_PREEMPT | GS_ATT_WISH)) {
		if (what & GS_ATT_PREEMPT) {
			atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_PREEMPT,
						  memory_order_relaxed);
			/* The monitor may have taken the processor: yield needs one. */
			gs_enter(self);
			gs_sched_yield(self);
			gs_barrier();
			self->inrt--;
		} else {
			gs_sched_ops.wish(self);
		}
		gs_barrier();
		/* What came while we were off the processor, or moved: its sender found us inside
		   the runtime. And the worker we are on now may hold a signal. */
		what = atomic_load_explicit(&self->attention, memory_order_relaxed);
	}
	if (what & (GS_ATT_SIGNAL | GS_ATT_PASSED))
		gs_sched_ops.attend(self, what);
	if (what & GS_ATT_CANCEL)
		gs_sched_ops.cancel(self);
}
