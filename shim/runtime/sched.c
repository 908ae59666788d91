/* SPDX-License-Identifier: MIT */
/*
 * sched.c - park, wake, yield and the switch between green threads.
 *
 * The model is the Go runtime's: threads (G), workers (M), processors (P). What
 * differs: a thread that parks picks its successor itself and switches to it
 * directly, on its own stack, and only falls back to the worker's scheduler
 * context (g0) when its processor's queue is empty or some check is due.
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
 * Locks: none. Called from: floor 3, and worker.c.
 */
#include "sched.h"

#include "ahead.h"
#include "conf.h"
#include "globq.h"
#include "idle.h"
#include "log.h"
#include "netpoll.h"
#include "probes.h"
#include "rights.h"
#include "sys.h"
#include "wire.h"
#include "worker.h"

#include <errno.h>

enum {
	GS_SCHED_CHECK_CYCLES = 200000,  /* timers are looked at this often while busy */
	GS_SCHED_POLL_CYCLES = 1000000,  /* and the netpoller this often */
	GS_SCHED_DEFER_CYCLES = 20000,   /* a wake-up may wait this long for the waker to park */
	GS_SCHED_EAGER = 64,
	GS_SCHED_GLOBAL_TICK = 61,
	GS_SCHED_YIELDS = 512, /* of several processors one in so many is the kernel's */
	GS_SCHED_UNREAD = 31, /* odd, so that not always the same of two is charged */
	GS_MEMBARRIER_EXPEDITED = 8,
};

struct gs_sched_ops gs_sched_ops;
bool gs_sched_on;
bool gs_sched_precise;

static const unsigned gs_wait_shift = 3;

/* After a switch the processor's return predictor holds the addresses of the stack
   that was left, so every return on the way out of the runtime is mispredicted: the
   functions on that way are one. */
#define GS_FLAT inline __attribute__((always_inline))

/* The processor that w holds. Where there is only one, the way to it does not begin at the
   thread pointer, which a switch has just changed and whose readers have to wait. */
static GS_FLAT struct gs_proc *gs_sched_proc(const struct gs_worker *w)
{
	return gs_nprocs == 1 ? gs_procs : w->p;
}

/* Step 3's second half, and the other things a departed thread may have asked for. */
static GS_FLAT void gs_sched_settle(struct gs_worker *w, struct gs_thread *prev)
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
		if (!gs_runq_push(&gs_sched_proc(w)->runq, prev))
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
static bool gs_sched_summoned(struct gs_worker *w)
{
	/* relaxed: set on this kernel thread */
	return atomic_load_explicit(&w->g0.attention, memory_order_relaxed) != 0;
}

static GS_FLAT void gs_sched_land(struct gs_thread *self, struct gs_transfer tr)
{
	struct gs_thread *prev = tr.data;

	prev->ctx = tr.from;
	gs_sched_settle(self->worker, prev);
	/* Too late for gs_sched_pick to see: then when this thread leaves the runtime. */
	if (GS_UNLIKELY(gs_sched_summoned(self->worker)) && self->kind == GS_KIND_GREEN)
		/* relaxed: our own word */
		atomic_fetch_or_explicit(&self->attention, GS_ATT_PREEMPT, memory_order_relaxed);
}

void gs_sched_landed(struct gs_transfer tr)
{
	gs_sched_land(gs_self, tr);
}

/* GOSHIM_DEBUG=perturb: true once in n times, by the processor's own generator. */
static bool gs_sched_dice(struct gs_proc *p, uint32_t n)
{
	p->seed = p->seed * 1664525 + 1013904223 + (uint32_t)gs_conf.perturb;
	return (p->seed >> 16) % n == 0;
}

/* Leaves from's stack for to's at cycle now; returns when somebody switches back. green:
   to is no scheduler context. */
static GS_FLAT void gs_sched_switch_to(struct gs_thread *from, struct gs_thread *to, bool green,
				       enum gs_switch_op op, uint64_t now)
{
	struct gs_worker *w = from->worker;

	from->op = op;
	if (GS_LIKELY(now > from->since)) {
		from->ran += now - from->since;
		from->since = now;
	}
	to->since = from->since;
	to->worker = w;
	if (green) {
		struct gs_proc *p = gs_sched_proc(w);

		gs_stats_add(&p->stats, GS_STAT_SWITCHES, 1);
		if (GS_UNLIKELY(to->readied != 0)) {
			gs_stats_latency(&p->stats, (int64_t)(now - to->readied));
			to->readied = 0;
		}
		/* relaxed: for people */
		atomic_store_explicit(&to->state, GS_STATE_RUNNING, memory_order_relaxed);
		w->current = to;
		gs_ahead_fetch(p);
		if (GS_UNLIKELY(gs_conf.perturb != 0) && gs_sched_dice(p, 4))
			atomic_fetch_or_explicit(&to->attention, GS_ATT_PREEMPT,
						 memory_order_relaxed);
	} else {
		w->current = NULL;
	}
	GS_PROBE2(switch, from->id, to->id);
	gs_rights_exchange(from, to);
	gs_arch_set_thread_pointer(to->tp);
	gs_sched_land(from, gs_context_jump(to->ctx, from));
}

static GS_FLAT void gs_sched_switch(struct gs_thread *from, struct gs_thread *to,
				    enum gs_switch_op op, uint64_t now)
{
	gs_sched_switch_to(from, to, to->kind == GS_KIND_GREEN, op, now);
}

/* The successor on this processor: a thread, the scheduler context when something
   must be looked at there, or NULL when there is nothing to run. */
static struct gs_thread *gs_sched_pick(struct gs_worker *w, uint64_t now)
{
	struct gs_proc *p = gs_sched_proc(w);

	if (GS_UNLIKELY(w->wired != NULL) || GS_UNLIKELY(gs_sched_summoned(w)))
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
		/* acq_rel: acquire pairs with the release in gs_sched_settle (the stack is
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

/* Wins a parked thread's wait without making it runnable: the caller is about to
   switch to it. */
static bool gs_wait_seize(struct gs_thread *t, uint64_t token)
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

		gs_stats_add(&gs_sched_proc(w)->stats, GS_STAT_PARKS, 1);
		atomic_store_explicit(&self->state, GS_STATE_WAITING, memory_order_relaxed);
		GS_PROBE3(park, self->id, self->reason, self->wait_obj);
		gs_sched_switch(self, next ? next : &w->g0, GS_OP_PARK, now);
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
	if (gs_sys3(__NR_membarrier, GS_MEMBARRIER_EXPEDITED, 0, 0) < 0)
		atomic_thread_fence(memory_order_seq_cst);
	/* acquire: pairs with the release in gs_wait_begin, for interruptible */
	word = atomic_load_explicit(&t->wake, memory_order_acquire);
	if (t->interruptible)
		gs_wait_claim(t, word >> gs_wait_shift, GS_WAIT_INTERRUPTED);
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

	atomic_store_explicit(&t->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	GS_PROBE1(ready, t->id);
	if (!p || t->wired || (GS_UNLIKELY(gs_conf.perturb != 0) && gs_sched_dice(p, 3))) {
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
		/* The first one this worker runs itself, at once. */
		if (gs_runq_length(&p->runq) > 1)
			gs_sched_offer(p, true);
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

	atomic_store_explicit(&t->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	gs_sched_append(p, t);
	gs_sched_offer(p, gs_runq_length(&p->runq) > 1);
}

/* The time of a yield. With one processor and nobody who asks for processor times,
   only every few yields read the counter: it costs as much as the switch. Whoever
   yields at a reading is charged for the few before it. */
static GS_FLAT uint64_t gs_sched_clock(struct gs_proc *p)
{
	if (gs_nprocs > 1 || gs_sched_precise || ++p->unread >= GS_SCHED_UNREAD) {
		p->unread = 0;
		p->clock = gs_arch_cycles();
	}
	return p->clock;
}

/* The commonest yield: one processor, its threads take turns, and there is nothing else to
   look at. self may be in the ring before it has left its stack, since nobody but this
   kernel thread takes from there. */
static GS_FLAT bool gs_sched_turn(struct gs_thread *self)
{
	struct gs_proc *p = gs_procs;
	struct gs_thread *to;

	/* relaxed: a hint */
	if (GS_UNLIKELY(p->unread + 1 >= GS_SCHED_UNREAD) || GS_UNLIKELY(gs_sched_precise) ||
	    GS_UNLIKELY(gs_conf.perturb != 0) || GS_UNLIKELY(self->wired) ||
	    GS_UNLIKELY(atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0) ||
	    GS_UNLIKELY(gs_sched_summoned(self->worker)))
		return false;
	to = gs_runq_turn(&p->runq, self);
	if (GS_UNLIKELY(!to))
		return false;
	p->unread++;
	atomic_store_explicit(&self->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	gs_sched_switch_to(self, to, true, GS_OP_NONE, p->clock);
	return true;
}

bool gs_sched_yield(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;
	struct gs_thread *next;
	uint64_t now;
	bool global;

	if (GS_LIKELY(gs_nprocs == 1) && gs_sched_turn(self))
		return true;
	now = gs_sched_clock(gs_sched_proc(w));
	/* relaxed: a hint */
	global = atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0;
	if (gs_nprocs > 1 && GS_UNLIKELY(++self->yields % GS_SCHED_YIELDS == 0))
		return false;
	next = global ? &w->g0 : gs_sched_pick(w, now);
	if (!next)
		return false;
	atomic_store_explicit(&self->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	/* Behind those who wait globally, or they would have to wait for the tick on
	   which their queue is looked at first: a time slice each. */
	gs_sched_switch(self, next, global || self->wired ? GS_OP_GLOBAL : GS_OP_YIELD, now);
	return true;
}

void gs_sched_leave(struct gs_thread *self)
{
	atomic_store_explicit(&self->state, GS_STATE_RUNNABLE, memory_order_relaxed);
	gs_sched_switch(self, &self->worker->g0, GS_OP_GLOBAL, gs_arch_cycles());
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

	if (heir && !heir->wired && !w->wired && !gs_sched_summoned(w) &&
	    gs_wait_seize(heir, token))
		next = heir;
	else
		next = gs_sched_pick(w, now);
	gs_sched_switch(self, next ? next : &w->g0, GS_OP_DEAD, now);
	GS_BUG_ON(true);
	__builtin_unreachable();
}

void gs_sched_run(struct gs_worker *w, struct gs_thread *t)
{
	gs_sched_switch(&w->g0, t, GS_OP_NONE, gs_arch_cycles());
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
	while (what & GS_ATT_PREEMPT) {
		atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_PREEMPT,
					  memory_order_relaxed);
		gs_enter(self); /* the monitor may have taken the processor: yield needs one */
		gs_sched_yield(self);
		gs_barrier();
		self->inrt--;
		gs_barrier();
		/* What came while we were off the processor. */
		what = atomic_load_explicit(&self->attention, memory_order_relaxed);
	}
	if (what & GS_ATT_WISH) {
		gs_sched_ops.wish(self);
		gs_barrier();
		/* What came while it moved: its sender found it inside the runtime. */
		what = atomic_load_explicit(&self->attention, memory_order_relaxed);
	}
	if (what & (GS_ATT_SIGNAL | GS_ATT_PASSED))
		gs_sched_ops.attend(self, what);
	if (what & GS_ATT_CANCEL)
		gs_sched_ops.cancel(self);
}
