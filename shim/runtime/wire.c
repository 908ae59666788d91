/* SPDX-License-Identifier: MIT */
/*
 * wire.c - wired threads and retaken processors.
 *
 * A wired thread (Go's LockOSThread) is never on a processor's ring: it becomes
 * runnable on the global queue, and whoever takes it from there passes its own
 * processor to the thread's home.
 *
 * Taking a processor from a worker that is stuck:
 *  1. the monitor, holding the retake lock, sets GS_ATT_RETAKE on the thread;
 *  2. it calls membarrier: from here on the thread either has inrt > 0, and the
 *     monitor sees that and backs out, or will see GS_ATT_RETAKE in gs_enter;
 *  3. it takes the processor (w->p becomes NULL), or clears the bit, and unlocks;
 *  4. the thread, in gs_enter, waits for the lock, and looks for a processor if
 *     it has none.
 *
 * Locks: gs_wire_lock, the retake lock. Called from: worker.c, sched.c, preempt.c,
 * wired.c, robust.c, init.c.
 */
#include "wire.h"

#include "globq.h"
#include "idle.h"
#include "sched.h"
#include "sys.h"

enum {
	GS_WIRE_CYCLES = 1000000, /* timers and events are looked at this often */
};

static struct gs_lock gs_wire_lock;
_Atomic uint32_t gs_wire_adrift; /* changes under the lock */

/* Threads with workers of their own that wake each other: p goes from one to the next
   without an ordinary worker between them, as long as nothing on p needs one. True:
   it has gone, or w's own thread is to run. */
static bool gs_wire_next(struct gs_worker *w, struct gs_proc *p)
{
	struct gs_thread *t;

	if (gs_runq_length(&p->runq) > 0 || gs_arch_cycles() - p->checked > GS_WIRE_CYCLES)
		return false;
	t = gs_globq_take(&p->runq, gs_nprocs, 1);
	if (!t)
		return false;
	if (!t->wired) {
		if (!gs_runq_push(&p->runq, t))
			gs_globq_push(t, t, 1);
		return false;
	}
	if (t->home != w)
		gs_wire_pass(w, t);
	return true;
}

bool gs_wire_wait(struct gs_worker *w)
{
	struct gs_proc *p = w->p;

	if (p && gs_wire_next(w, p) && w->p)
		return true;
	p = w->p;
	if (p) {
		w->p = NULL;
		/* relaxed: nobody else knows of p until it is handed on */
		atomic_store_explicit(&p->status, GS_PROC_IDLE, memory_order_relaxed);
		gs_idle_hand_off(p);
		/* Its timers may be due before the poller wakes. */
		gs_worker_nudge();
	}
	if (w->retired)
		return false;
	/* acquire: pairs with the release in gs_wire_pass */
	while (atomic_exchange_explicit(&w->wake, 0, memory_order_acquire) == 0) {
		gs_leave(&w->g0); /* asleep, a signal handler may do its work here */
		gs_sys_futex_wait(&w->wake, 0, NULL);
		gs_enter(&w->g0);
	}
	gs_idle_hold(w, w->handed);
	w->handed = NULL;
	return true;
}

void gs_wire_pass(struct gs_worker *w, struct gs_thread *t)
{
	struct gs_worker *home = t->home;

	home->handed = w->p;
	w->p = NULL;
	/* release: pairs with the acquire in gs_wire_wait */
	atomic_store_explicit(&home->wake, 1, memory_order_release);
	gs_sys_futex_wake(&home->wake, 1);
}

void gs_wire_thread(struct gs_thread *self)
{
	struct gs_worker *w;

	if (self->wired)
		return;
	self->inrt++;
	gs_barrier();
	w = self->worker;
	/* relaxed: only gs_wire_pass writes it from now on, and not before we park */
	atomic_store_explicit(&w->wake, 0, memory_order_relaxed);
	w->wired = self;
	self->home = w;
	self->wired = 1;
	/* relaxed: it counts as lost to the others, who may start one more */
	atomic_fetch_add_explicit(&gs_worker_lost, 1, memory_order_relaxed);
	gs_barrier();
	self->inrt--;
}

void gs_wire_end(struct gs_thread *self)
{
	self->home->retired = true;
}

bool gs_wire_retake(struct gs_proc *p, struct gs_worker *w, struct gs_thread *t)
{
	bool taken = false;

	gs_lock(&gs_wire_lock);
	/* seq_cst: step 1 before step 2 */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_RETAKE, memory_order_seq_cst);
	if (gs_sys_membarrier() && t->inrt == 0 &&
	    w->current == t && w->p == p) {
		uint32_t running = GS_PROC_RUNNING;

		/* acq_rel: we now own its queues */
		taken = atomic_compare_exchange_strong_explicit(&p->status, &running, GS_PROC_IDLE,
								memory_order_acq_rel,
								memory_order_relaxed);
	}
	if (taken) {
		w->p = NULL;
		t->lost = 1;
		/* relaxed, both: bounds on numbers of kernel threads, no protocol */
		atomic_fetch_add_explicit(&gs_worker_lost, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&gs_wire_adrift, 1, memory_order_relaxed);
	} else {
		atomic_fetch_and_explicit(&t->attention, ~(uint32_t)GS_ATT_RETAKE,
					  memory_order_relaxed);
	}
	gs_unlock(&gs_wire_lock);
	return taken;
}

void gs_wire_settle(struct gs_thread *self)
{
	gs_lock(&gs_wire_lock);
	/* relaxed: the lock orders it */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_RETAKE, memory_order_relaxed);
	if (self->lost) {
		self->lost = 0;
		/* relaxed, both: as in gs_wire_retake */
		atomic_fetch_sub_explicit(&gs_worker_lost, 1, memory_order_relaxed);
		atomic_fetch_sub_explicit(&gs_wire_adrift, 1, memory_order_relaxed);
	}
	gs_unlock(&gs_wire_lock);
}
