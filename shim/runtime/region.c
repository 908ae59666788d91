/* SPDX-License-Identifier: MIT */
/*
 * region.c - blocking regions, after Go's entersyscall and exitsyscall.
 *
 *  1. Entering, the thread puts its processor into GS_PROC_REGION, with a fresh
 *     visit number in the same word, and lets go of it.
 *  2. The system call. If it lasts, the monitor moves the processor from REGION to
 *     IDLE by compare-and-swap and hands it to another worker.
 *  3. Leaving, the thread tries REGION -> RUNNING by compare-and-swap on the same
 *     processor and visit (another worker may be in a region with it by now). That fails
 *     when the monitor was quicker: then it takes an idle processor, or joins the global
 *     queue and gives its worker back.
 *
 * The monitor finds a call that sleeps after a while, and calls that sleep for a tenth of
 * a millisecond each (a disk's) not at all. So a few of all visits are watched; a thread
 * that has slept in one hands its processor on by itself from then on, until some in a row
 * were short. One that is long because it computes does not: that takes a CPU.
 *
 * Invariants: inside a region worker->p is NULL, so nothing else in the runtime
 * uses the processor; region_p remembers it.
 * Locks: none. Called from: io.c, other files of floor 3, and hooks, on green
 * threads outside the runtime.
 */
#include "region.h"

#include "arch.h"
#include "idle.h"
#include "sched.h"
#include "sys.h"
#include "worker.h"

#include <sys/resource.h>

enum {
	GS_REGION_WATCHED = 64,         /* one visit in so many is watched */
	GS_REGION_SHORT_CYCLES = 50000, /* not worth handing a processor on */
	GS_REGION_LASTING = 8,          /* so many of these in a row, and it is not done any more */
};

/* How often this kernel thread has gone to sleep. */
static long gs_region_sleeps(void)
{
	struct rusage usage;

	return gs_sys_try2(__NR_getrusage, RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* p goes to others, as the monitor would have it later (gs_monitor_retake); it is in their
   hands already, or about to be. Inside the runtime. */
static void gs_region_hand_on(struct gs_proc *p)
{
	/* relaxed: a bound on the number of kernel threads, no protocol */
	atomic_fetch_add_explicit(&gs_worker_lost, 1, memory_order_relaxed);
	gs_idle_hand_off(p);
}

/* The visit is watched; if those before it lasted, p goes to others. Inside the
   runtime. */
static GS_NOINLINE void gs_region_watch(struct gs_thread *self, struct gs_proc *p)
{
	uint32_t mine = self->region_visit;

	self->region_slept = gs_region_sleeps();
	self->region_begun = gs_arch_cycles();
	if (!self->region_lasting)
		return;
	/* acq_rel: as in gs_monitor_retake */
	if (!atomic_compare_exchange_strong_explicit(&p->status, &mine, GS_PROC_IDLE,
						     memory_order_acq_rel, memory_order_relaxed))
		return;
	gs_stats_add(&p->stats, GS_STAT_HANDOFFS, 1);
	gs_region_hand_on(p);
	gs_worker_nudge();
}

/* A watched visit is over. */
static GS_NOINLINE void gs_region_learn(struct gs_thread *self)
{
	if (gs_arch_cycles() - self->region_begun > GS_REGION_SHORT_CYCLES &&
	    gs_region_sleeps() != self->region_slept)
		self->region_lasting = GS_REGION_LASTING;
	else if (self->region_lasting)
		self->region_lasting--;
	self->region_begun = 0;
}

/* Step 1, up to the word. Inside the runtime. */
static inline struct gs_proc *gs_region_begin(struct gs_thread *self, struct gs_worker *w)
{
	struct gs_proc *p = w->p;

	self->in_region = 1;
	self->regions++;
	atomic_store_explicit(&self->state, GS_STATE_REGION, memory_order_relaxed);
	self->region_p = p;
	w->p = NULL;
	gs_stats_add(&p->stats, GS_STAT_REGIONS, 1);
	p->visit++;
	self->region_visit = p->visit << GS_PROC_VISIT_SHIFT | GS_PROC_REGION;
	return p;
}

/* Leaves the runtime for the call. */
static inline void gs_region_begun(struct gs_thread *self)
{
	uint32_t what;

	gs_barrier();
	self->inrt--;
	gs_barrier();
	/* relaxed: a signal that came meanwhile; the call must not begin before its handler has run */
	what = atomic_load_explicit(&self->attention, memory_order_relaxed);
	if (GS_UNLIKELY(what & (GS_ATT_SIGNAL | GS_ATT_PREEMPT)) && self->inrt == 0)
		gs_sched_ops.attend(self, what);
}

void gs_region_enter(struct gs_thread *self)
{
	struct gs_worker *w;
	struct gs_proc *p;

	gs_enter(self);
	w = self->worker;
	p = gs_region_begin(self, w);
	/* release: whoever takes p sees its queues as we left them */
	atomic_store_explicit(&p->status, self->region_visit, memory_order_release);
	if (GS_UNLIKELY(self->region_lasting || p->visit % GS_REGION_WATCHED == 0))
		gs_region_watch(self, p);
	gs_region_begun(self);
}

void gs_region_enter_asleep(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;
	struct gs_proc *p = gs_region_begin(self, w);

	/* Its word never says that it is in this region: step 3 will look for another. */
	gs_region_hand_on(p);
	gs_worker_nudge();
	gs_region_begun(self);
}

/* Step 3; inside the runtime afterwards. */
static inline void gs_region_back(struct gs_thread *self)
{
	struct gs_proc *p = self->region_p;
	struct gs_worker *w;
	uint32_t mine = self->region_visit;

	self->inrt++;
	gs_barrier();
	w = self->worker;
	if (GS_UNLIKELY(self->region_begun != 0))
		gs_region_learn(self);
	/* acquire: pairs with the release of whoever had p in between, if it came back, or
	   on failure with the monitor's */
	if (GS_LIKELY(atomic_compare_exchange_strong_explicit(
		    &p->status, &mine, GS_PROC_RUNNING, memory_order_acquire,
		    memory_order_acquire))) {
		w->p = p;
	} else {
		/* relaxed: a bound on the number of kernel threads, no protocol */
		atomic_fetch_sub_explicit(&gs_worker_lost, 1, memory_order_relaxed);
		if (!gs_idle_acquire(w))
			gs_sched_leave(self);
	}
	self->in_region = 0;
	atomic_store_explicit(&self->state, GS_STATE_RUNNING, memory_order_relaxed);
}

void gs_region_leave(struct gs_thread *self)
{
	if (GS_UNLIKELY(!self->in_region))
		return; /* a cancellation has left it before it unwound to here */
	gs_region_back(self);
	gs_leave(self);
}

void gs_region_leave_asleep(struct gs_thread *self)
{
	gs_region_back(self);
}
