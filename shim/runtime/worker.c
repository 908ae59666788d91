/* SPDX-License-Identifier: MIT */
/*
 * worker.c - kernel threads: what each does when it has nothing to run.
 *
 * The order in which a worker with a processor looks for a thread is Go's
 * findRunnable: deadlines, now and then the global queue, its own queue, the
 * global queue, the netpoller, other processors' queues. Then it gives the
 * processor back and sleeps (idle.c).
 *
 * Invariants: p->runq is pushed to by p's holder only. A worker's record is never
 * freed. Worker 0's kernel thread is the process's first one; its scheduler
 * context has a stack and a TCB of its own, because main keeps the native ones.
 * Locks: none of its own. Called from: crew.c, home.c (loop); monitor.c, region.c,
 * wire.c (nudge); init.c, child.c.
 */
#include "worker.h"

#include "crew.h"
#include "globq.h"
#include "host.h"
#include "idle.h"
#include "kthread.h"
#include "log.h"
#include "mem.h"
#include "poller.h"
#include "preempt.h"
#include "sched.h"
#include "sys.h"
#include "tcb.h"
#include "wire.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

enum {
	GS_WORKER_STACK = 64 * 1024,
	GS_WORKER_STEAL_ROUNDS = 4,
	GS_WORKER_POLL_CYCLES = 1000000, /* ask the netpoller this often while busy, */
	GS_WORKER_LATE_CYCLES = 20000000,/* or this often while many are runnable already */
	GS_WORKER_LONG_CYCLES = 250000, /* between two looks round: longer than switches take
					   that nothing keeps from them (GS_SCHED_CHECK_CYCLES) */
	GS_WORKER_LONG_RUNS = 2,
	GS_WORKER_GLOBAL_TICK = 61,
	GS_WORKER_AGE_CYCLES = 200000, /* the next slot is served first for so long */
	GS_SIGSET_BYTES = 8,
};

struct gs_proc *gs_procs;
uint32_t gs_nprocs;
struct gs_worker *_Atomic gs_workers;
_Atomic uint32_t gs_worker_count, gs_worker_lost;

static void gs_worker_stop_spinning(struct gs_worker *w)
{
	if (!w->spinning)
		return;
	w->spinning = false;
	/* There was work for one; there may be work for the next. */
	if (atomic_fetch_sub_explicit(&gs_idle_spinning, 1, memory_order_seq_cst) == 1 &&
	    w->p && gs_runq_length(&w->p->runq) > 0)
		gs_idle_wake_one();
}

static struct gs_thread *gs_worker_steal(struct gs_worker *w)
{
	struct gs_proc *p = w->p;

	if (gs_nprocs == 1)
		return NULL;
	if (!w->spinning) {
		uint32_t busy = gs_nprocs - atomic_load_explicit(&gs_idle_procs,
								 memory_order_relaxed);

		if (2 * atomic_load_explicit(&gs_idle_spinning, memory_order_relaxed) >= busy)
			return NULL;
		w->spinning = true;
		atomic_fetch_add_explicit(&gs_idle_spinning, 1, memory_order_seq_cst);
	}
	for (int round = 0; round < GS_WORKER_STEAL_ROUNDS; round++) {
		p->seed = p->seed * 1664525 + 1013904223;
		for (uint32_t i = 0, at = p->seed >> 8; i < gs_nprocs; i++, at++) {
			struct gs_proc *victim = &gs_procs[at % gs_nprocs];
			struct gs_thread *t;

			if (victim == p)
				continue;
			/* The next slot last: its owner is probably about to run it. */
			t = gs_runq_steal(&p->runq, &victim->runq,
					  round == GS_WORKER_STEAL_ROUNDS - 1);
			if (t) {
				gs_stats_add(&p->stats, GS_STAT_STEALS, 1);
				return t;
			}
		}
		gs_arch_pause();
	}
	return NULL;
}

/* Gives the processor back and looks round once more, as the essay in idle.c has it. */
static void gs_worker_release(struct gs_worker *w)
{
	struct gs_proc *p = w->p;
	bool was_spinning = w->spinning;

	w->p = NULL;
	gs_idle_put(p);
	if (was_spinning) {
		w->spinning = false;
		/* seq_cst: step 1 */
		atomic_fetch_sub_explicit(&gs_idle_spinning, 1, memory_order_seq_cst);
	}
	for (uint32_t i = 0; was_spinning && i < gs_nprocs; i++)
		if (gs_runq_length(&gs_procs[i].runq) > 1 && gs_idle_acquire(w)) {
			w->spinning = true;
			atomic_fetch_add_explicit(&gs_idle_spinning, 1, memory_order_seq_cst);
			return;
		}
	gs_poller_cover();
}

/* w leaves its scheduler context, for the last time at left, or comes back. What it runs
   may take long, and nobody sleeps in epoll_wait: then another worker shall. By last time's
   experience: waking one for every short handler of an event would cost more than that. */
static void gs_worker_judge_run(struct gs_worker *w, uint64_t now)
{
	if (now - w->left > GS_WORKER_LONG_CYCLES)
		w->long_runs = GS_WORKER_LONG_RUNS;
	else if (w->long_runs > 0)
		w->long_runs--;
}

static void gs_worker_leave(struct gs_worker *w, uint64_t now)
{
	w->left = now;
	if (GS_UNLIKELY(w->long_runs > 0) &&
	    atomic_load_explicit(&gs_idle_procs, memory_order_relaxed) > 0 &&
	    !gs_idle_is_polled())
		gs_idle_wake_one();
}

/* The next thread for w, or NULL when w shall end. */
static struct gs_thread *gs_worker_find(struct gs_worker *w)
{
	bool ran = true;

	for (;;) {
		struct gs_proc *p = w->p;
		struct gs_thread *t = NULL;
		uint64_t cycles;

		/* relaxed: set by a handler on this kernel thread */
		if (GS_UNLIKELY(atomic_load_explicit(&w->g0.attention, memory_order_relaxed)))
			gs_sched_ops.attend(&w->g0, GS_ATT_SIGNAL);
		if (GS_UNLIKELY(w->wired != NULL))
			return gs_wire_wait(w) ? w->wired : NULL;

		if (!p) {
			if (!gs_poller_sleep(w) && !gs_idle_sleep(w))
				return NULL;
			continue;
		}
		cycles = gs_arch_cycles();
		p->checked = cycles;
		if (ran)
			gs_worker_judge_run(w, cycles);
		ran = false;
		gs_poller_run_timers(p, false);
		if (cycles - p->aged > GS_WORKER_AGE_CYCLES) {
			struct gs_thread *old = gs_runq_age(&p->runq);

			p->aged = cycles;
			if (old)
				gs_globq_push(old, old, 1);
		}
		if (gs_proc_tick(p) % GS_WORKER_GLOBAL_TICK == 0)
			t = gs_globq_take(&p->runq, gs_nprocs, GS_RUNQ_SIZE / 32);
		/* More events than the queue has room for would go to the global one, and past
		   those that came before them. */
		if (!t && cycles - p->polled > (gs_runq_length(&p->runq) < GS_RUNQ_SIZE / 4 ?
						GS_WORKER_POLL_CYCLES : GS_WORKER_LATE_CYCLES))
			goto poll;
		if (!t)
			t = gs_runq_pop(&p->runq, gs_nprocs == 1);
		if (!t)
			t = gs_globq_take(&p->runq, gs_nprocs, GS_RUNQ_SIZE / 2);
		if (!t && gs_poller_may_ask(w)) {
poll:
			p->polled = cycles;
			gs_poller_ask(w);
			t = gs_runq_pop(&p->runq, gs_nprocs == 1);
		}
		if (!t)
			t = gs_globq_take(&p->runq, gs_nprocs, GS_RUNQ_SIZE / 2);
		if (!t)
			t = gs_worker_steal(w);
		if (t)
			gs_worker_stop_spinning(w);
		if (t && !t->wired) {
			gs_worker_leave(w, cycles);
			return t;
		}
		if (t)
			gs_wire_pass(w, t);
		else
			gs_worker_release(w);
	}
}

void gs_worker_nudge(void)
{
	gs_poller_cover();
	if (atomic_load_explicit(&gs_idle_procs, memory_order_relaxed) == 0)
		return;
	for (uint32_t i = 0; i < gs_nprocs; i++)
		if (gs_runq_length(&gs_procs[i].runq) > 0) {
			gs_idle_wake_one();
			return;
		}
	if (atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0)
		gs_idle_wake_one();
}

void gs_worker_loop(struct gs_worker *w)
{
	struct gs_thread *t;

	while ((t = gs_worker_find(w)) != NULL)
		gs_sched_run(w, t);
}

static void gs_worker_first(struct gs_transfer tr)
{
	gs_arch_outermost();
	gs_sched_landed(tr);
	gs_worker_loop(gs_self->worker);
	/* The process's first kernel thread must outlive the others. */
	gs_leave(gs_self);
	for (;;)
		gs_sys_futex_wait(&gs_self->worker->wake, 0, NULL);
}

/* Makes worker 0's scheduler context start from the beginning. */
static void gs_worker_reset_first(struct gs_worker *w)
{
	void *top = w->g0.arg;

	w->g0.ctx = gs_context_make(top, (size_t)((char *)top - (char *)w->g0.stack.base),
				    gs_worker_first);
}

/* Worker 0's scheduler context: its kernel thread is running main, so the context
   gets a stack and a TCB of its own. */
static int gs_worker_make_first(struct gs_worker *w)
{
	size_t size = GS_WORKER_STACK + GS_ALIGN_UP(gs_tcb_size, GS_PAGE);
	void *top;

	w->g0.stack.base = gs_mem_map(size);
	w->g0.stack.size = size;
	if (!w->g0.stack.base)
		return -ENOMEM;
	w->g0.tid = gs_sys_gettid();
	w->g0.tp = gs_tcb_make(&w->g0, w->g0.stack.base, size, &top);
	if (!w->g0.tp)
		return -ENOMEM;
	w->g0.arg = top;
	gs_worker_reset_first(w);
	w->ktid = w->g0.tid;
	return 0;
}

int gs_worker_init(struct gs_thread *main, uint32_t nprocs)
{
	struct gs_worker *w;

	gs_procs = gs_mem_map(GS_ALIGN_UP(nprocs * sizeof(*gs_procs), GS_PAGE));
	if (!gs_procs)
		return -ENOMEM;
	gs_nprocs = nprocs;
	for (uint32_t i = nprocs; i-- > 0;) {
		gs_procs[i].id = i;
		gs_procs[i].seed = i + 1;
		gs_timer_heap_init(&gs_procs[i].timers);
		if (i > 0)
			gs_idle_put(&gs_procs[i]);
	}
	w = gs_crew_record();
	if (!w || gs_worker_make_first(w) != 0)
		return -ENOMEM;
	gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &w->kmask, GS_SIGSET_BYTES);
	gs_idle_spawn = gs_crew_spawn;
	main->worker = w;
	main->since = gs_arch_cycles();
	w->current = main;
	gs_idle_hold(w, &gs_procs[0]);
	return 0;
}

void gs_worker_after_fork(struct gs_thread *self)
{
	struct gs_worker *w = gs_workers;

	gs_idle_after_fork();
	gs_globq_after_fork();
	gs_worker_lost = 0;
	gs_wire_adrift = 0;
	gs_crew_after_fork();
	gs_kthread_after_fork();
	gs_poller_after_fork();
	/* Worker 0's scheduler stack is nobody's now, whichever worker forked. */
	while (w->id != 0)
		w = w->all_next;
	w->all_next = NULL;
	gs_workers = w;
	gs_worker_count = 1;
	w->kmask = self->worker->kmask;
	w->spinning = false;
	w->handed = NULL;
	w->wired = NULL;
	w->retired = false;
	w->wake = 0;
	w->kicked = false;
	for (uint32_t i = gs_nprocs; i-- > 0;) {
		struct gs_proc *p = &gs_procs[i];
		struct gs_runq empty = { 0 };

		p->runq = empty;
		p->timers.lock = (struct gs_lock)GS_LOCK_INIT;
		gs_timer_heap_init(&p->timers);
		p->deferred = 0;
		if (i > 0)
			gs_idle_put(p);
	}
	gs_worker_reset_first(w);
	/* In the parent it may have been asleep, or have had something to see to. */
	w->g0.inrt = 1;
	w->g0.attention = 0;
	w->ktid = gs_sys_gettid();
	self->worker = w;
	self->wired = 0;
	w->current = self;
	gs_idle_hold(w, &gs_procs[0]);
}
