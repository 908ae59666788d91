/* SPDX-License-Identifier: MIT */
/*
 * worker.h - kernel threads (workers) and the right to run program code
 * (processors). struct gs_worker and struct gs_proc are private to floor 2.
 */
#ifndef GS_WORKER_H
#define GS_WORKER_H

#include "runq.h"
#include "stats.h"
#include "thread.h"

enum gs_proc_status {
	GS_PROC_IDLE,    /* on the idle list, or being handed over */
	GS_PROC_RUNNING, /* its worker runs program or scheduler code */
	GS_PROC_REGION,  /* its worker is in a blocking region; whoever moves it on by
			    compare-and-swap (the worker back, the monitor away) owns it.
			    The word's upper bits then number the visit */
	GS_PROC_MASK = 3,
	GS_PROC_VISIT_SHIFT = 2,
};

struct gs_netpoll_batch;

struct gs_proc {
	_Atomic uint32_t status;
	uint32_t id;
	struct gs_worker *_Atomic worker;
	uint32_t visit;        /* regions entered; holder only */
	uint64_t checked;      /* cycle counter when timers were last looked at */
	uint64_t aged;         /* and when the next slot was last sent behind the ring */
	uint64_t deferred;     /* cycle counter when a wake-up was put into the next slot
				  without waking an idle worker; 0: none */
	uint64_t clock;        /* cycle counter at its last reading by a yield */
	uint64_t started;      /* and when one was last woken for new threads */
	uint32_t eager;        /* wake-ups left that wake an idle worker at once */
	uint64_t polled;       /* cycle counter when the netpoller was last asked */
	struct gs_proc *idle_next;
	uint32_t seed;         /* for stealing order and perturbation */
	uint32_t cached;       /* threads in cache */
	struct gs_thread *cache; /* finished threads with default stacks, linked by next */
	/* What the monitor saw last time. */
	uint32_t seen_tick, seen_status;
	uint64_t seen_when, seen_switch;
	uint64_t kicked;       /* how long it had been running when it was last told to yield */
	uint64_t asked;        /* and when the kernel was last asked what it does */
	struct gs_runq runq;
	struct gs_timers timers;
	struct gs_stats stats;
} GS_ALIGNED(64);

/* Switches to threads so far, by which others see that it goes on. */
static inline uint32_t gs_proc_tick(const struct gs_proc *p)
{
	/* relaxed: a hint but for the owner */
	return (uint32_t)atomic_load_explicit(&p->stats.n[GS_STAT_SWITCHES], memory_order_relaxed);
}

struct gs_worker {
	struct gs_thread g0;         /* scheduler context */
	struct gs_proc *p;           /* the processor it holds, or NULL */
	struct gs_thread *current;   /* green thread it runs, or NULL */
	int ktid;                    /* kernel thread id */
	uint32_t id;
	bool spinning;               /* counted in gs_idle_spinning */
	bool dry;                    /* when it last asked for events, there were none yet */
	uint8_t long_runs;           /* what it ran took long, of late */
	uint64_t left;               /* cycle counter when it last left its scheduler context */
	_Atomic uint32_t wake;       /* futex: 1 when it has something to do */
	_Atomic bool kicked;         /* a signal of preempt.c's is on its way to it */
	struct gs_proc *handed;      /* the processor it was woken with; sched lock */
	struct gs_netpoll_batch *batch; /* events it has fetched */
	struct gs_thread *wired;     /* the only thread it may run */
	bool retired;                /* its wired thread has ended, and so shall it */
	struct gs_worker *idle_next;
	struct gs_worker *all_next;  /* every worker ever, newest first */
	uint64_t kmask;              /* signals blocked in the kernel */
	uint64_t cpu_ns;             /* its kernel thread's processor time when cputime.c last asked, */
	uint64_t charged;            /* and the cycles that threads were charged since */
	const void *altstack;        /* whose alternate stack the kernel knows */
} GS_ALIGNED(64);

extern struct gs_proc *gs_procs;
extern uint32_t gs_nprocs;
extern struct gs_worker *_Atomic gs_workers;
extern _Atomic uint32_t gs_worker_count;

/* The worker the calling kernel thread is, or NULL. */
static inline struct gs_worker *gs_worker_current(void)
{
	return gs_self ? gs_self->worker : NULL;
}

/* Makes the processors and worker 0, whose kernel thread is the caller's; main
   becomes its current thread. Returns 0 or -errno. */
int gs_worker_init(struct gs_thread *main, uint32_t nprocs);

/* The scheduler context's body: runs threads until w is retired. */
void gs_worker_loop(struct gs_worker *w);

/* For the monitor: wakes the poller if a deadline has come up that it does not
   know of, and looks after wake-ups nobody has picked up. */
void gs_worker_nudge(void);

/* Workers whose processor was taken away while they were in a system call. */
extern _Atomic uint32_t gs_worker_lost;

/* fork, child side: the calling kernel thread is the only one; it becomes
   worker 0 again, running self. */
void gs_worker_after_fork(struct gs_thread *self);

#endif
