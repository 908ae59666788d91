/* SPDX-License-Identifier: MIT */
/*
 * sched.h - what the services above need of the scheduler: enter and leave the
 * runtime, make runnable, yield; and waiting (wait.h).
 */
#ifndef GS_SCHED_H
#define GS_SCHED_H

#include "thread.h"
#include "wait.h"

/* A slow path for attention; sched.c. */
void gs_sched_attend(struct gs_thread *self);
void gs_sched_rejoin(struct gs_thread *self);

/* Enters the runtime: until gs_leave no handler of the program runs on this
   thread and it is not preempted. Nests. Green threads only. Its two halves are
   preempt.c's: it has something to do between them. */
static inline void gs_enter_hold(struct gs_thread *self)
{
	self->inrt++;
	gs_barrier();
}

/* Gets a processor if the monitor has taken ours; may go on on another worker. */
static inline void gs_enter_rejoin(struct gs_thread *self)
{
	/* relaxed: the monitor's membarrier orders this load after the store in gs_enter_hold */
	if (GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed) &
			GS_ATT_RETAKE))
		gs_sched_rejoin(self);
}

static inline void gs_enter(struct gs_thread *self)
{
	gs_enter_hold(self);
	gs_enter_rejoin(self);
}

/* Leaves it; deals with whatever asked for attention meanwhile, so program
   code (signal handlers) may run in here. Preserves errno. */
static inline void gs_leave(struct gs_thread *self)
{
	gs_barrier();
	self->inrt--;
	gs_barrier();
	/* relaxed: a signal that comes later finds inrt 0 and is dealt with at once */
	if (GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed)) &&
	    self->inrt == 0)
		gs_sched_attend(self);
}

/* Makes a thread that is off its stack and in no queue runnable. */
void gs_sched_ready(struct gs_thread *t);

/* Makes a new thread runnable, behind those that wait already. */
void gs_sched_start(struct gs_thread *t);

/* Lets others run first; false when that is the kernel's turn: nobody else is runnable
   on this processor, or it has happened so often that whom the thread waits for may be on
   another, whose kernel thread waits for this CPU. Inside the runtime. */
bool gs_sched_yield(struct gs_thread *self);

/* For region.c and worker.c: gives the worker back to its scheduler context and
   goes to the global queue. Inside the runtime; works without a processor. */
void gs_sched_leave(struct gs_thread *self);
/* Runs t until something switches back to w's scheduler context, where this is called. */
void gs_sched_run(struct gs_worker *w, struct gs_thread *t);

/* Leaves the stack for ever; the next context calls gs_sched_ops.dead. If heir is
   still parked in the wait token names, it runs next (a thread that joins self). */
GS_NORETURN void gs_sched_exit(struct gs_thread *self, struct gs_thread *heir, uint64_t token);

/* Where a new thread's context begins: settles the switch that led here.
   Called first thing in the context's entry function. */
void gs_sched_landed(struct gs_transfer tr);

/* What the scheduler asks of floor 3; filled once at start-up. */
struct gs_sched_ops {
	void (*dead)(struct gs_thread *t);                 /* t has left its stack */
	void (*attend)(struct gs_thread *self, uint32_t what); /* signals, cancellation */
	void (*wish)(struct gs_thread *self);              /* GS_ATT_WISH is set */
	void (*started)(struct gs_worker *w);              /* w's kernel thread, by itself */
	bool (*cancellable)(struct gs_thread *self);       /* GS_ATT_CANCEL is set: act on it? */
	void (*cancel)(struct gs_thread *self); /* act on it if asynchronous; in a region, too */
};
extern struct gs_sched_ops gs_sched_ops;

/* On: green threads exist, or can. Written once, when only one thread runs (and
   in a fork child). */
extern bool gs_sched_on;

/* Never to be on in this process: the hooks of what tools watch (locks) pass everything on,
   for who keeps books on a program misses what we did in libc's place. Written by init.c,
   while one thread runs. */
extern bool gs_sched_never;

/* Somebody reads the processor time of single threads: account for each switch. */
extern bool gs_sched_precise;

/* One processor: so many yields may still go without reading the cycle counter, and are
   for taking turns only (gs_sched_yield). Its holder counts down. */
extern _Atomic uint32_t gs_sched_turns;

/* Any kernel thread. From now on gs_sched_precise. */
static inline void gs_sched_be_precise(void)
{
	gs_sched_precise = true;
	/* relaxed: the holder of the processor may count over it once, a few yields late */
	atomic_store_explicit(&gs_sched_turns, 0, memory_order_relaxed);
}

#endif
