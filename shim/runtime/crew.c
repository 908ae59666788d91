/* SPDX-License-Identifier: MIT */
/*
 * crew.c - the kernel threads behind the workers: how one starts, how it ends, and what
 * becomes of its record.
 *
 * Invariants: a record is never unmapped and stays on gs_workers, so that a stale pointer
 * to one is to some worker; while no kernel thread has it, it waits on gs_crew_spares.
 * Locks: gs_crew_lock guards the spares.
 * Called from: idle.c, through gs_idle_spawn; worker.c; home.c (part).
 */
#include "crew.h"

#include "conf.h"
#include "idle.h"
#include "kthread.h"
#include "log.h"
#include "mem.h"
#include "netpoll.h"
#include "preempt.h"
#include "sched.h"
#include "sys.h"

#include <signal.h>

enum {
	GS_SIGSET_BYTES = 8,
	GS_CREW_PATIENCE = 5000000, /* ns */
};

/* The limit on kernel threads was reached, and said to be. */
static _Atomic bool gs_crew_limited;

/* When the kernel last refused to make one; 0: never. */
static _Atomic uint64_t gs_crew_refused_at;

/* Records of workers that have ended, linked by idle_next. */
static struct gs_lock gs_crew_lock;
static struct gs_worker *gs_crew_spares;

/* Signals that the C library and preempt.c send to kernel threads: 32 and 33. */
static const uint64_t gs_crew_internal = 3ULL << 31;

void gs_crew_part(struct gs_worker *w)
{
	w->kmask = ~gs_crew_internal;
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &w->kmask, NULL, GS_SIGSET_BYTES);
	/* What a handler has held back goes to another. relaxed: set on this kernel thread */
	if (atomic_load_explicit(&w->g0.attention, memory_order_relaxed) & GS_ATT_SIGNAL)
		gs_sched_ops.attend(&w->g0, GS_ATT_SIGNAL);
	/* The record may belong to another kernel thread before this one has ended. */
	gs_self = NULL;
	w->ktid = 0;
}

static void gs_crew_recycle(struct gs_worker *w)
{
	gs_lock(&gs_crew_lock);
	w->idle_next = gs_crew_spares;
	gs_crew_spares = w;
	gs_unlock(&gs_crew_lock);
}

/* A kernel thread of ours; it blocks the signals its maker blocks. */
static void *gs_crew_main(void *arg)
{
	struct gs_worker *w = arg;

	w->ktid = gs_sys_gettid();
	gs_sched_ops.started(w);
	if (w->handed) {
		gs_idle_hold(w, w->handed);
		w->handed = NULL;
	}
	gs_worker_loop(w);
	/* What a wired thread did to the kernel thread (affinity, namespaces, ...) goes
	   with it. */
	if (w->retired) {
		/* relaxed: bounds */
		atomic_fetch_sub_explicit(&gs_worker_count, 1, memory_order_relaxed);
		atomic_fetch_sub_explicit(&gs_worker_lost, 1, memory_order_relaxed);
	}
	gs_crew_part(w);
	gs_crew_recycle(w);
	return NULL;
}

/* The record of a worker that has ended, for another; NULL: none. It stayed on
   gs_workers: a stale pointer to one is always to a worker. */
static struct gs_worker *gs_crew_reuse(void)
{
	struct gs_worker *w;

	gs_lock(&gs_crew_lock);
	w = gs_crew_spares;
	if (w)
		gs_crew_spares = w->idle_next;
	gs_unlock(&gs_crew_lock);
	if (!w)
		return NULL;
	w->p = NULL;
	w->current = NULL;
	w->wired = NULL;
	w->retired = false;
	w->altstack = NULL;
	w->g0.inrt = 1;
	/* relaxed: no kernel thread has it yet */
	atomic_store_explicit(&w->g0.attention, 0, memory_order_relaxed);
	atomic_store_explicit(&w->wake, 0, memory_order_relaxed);
	atomic_store_explicit(&w->kicked, false, memory_order_relaxed);
	w->id = atomic_fetch_add_explicit(&gs_worker_count, 1, memory_order_relaxed);
	return w;
}

struct gs_worker *gs_crew_record(void)
{
	struct gs_worker *w = gs_crew_reuse();
	struct gs_netpoll_batch *batch;

	if (w)
		return w;
	w = gs_mem_map(GS_ALIGN_UP(sizeof(*w), GS_PAGE));
	batch = gs_mem_map(GS_ALIGN_UP(sizeof(*batch), GS_PAGE));
	if (!w || !batch)
		return NULL;
	w->batch = batch;
	w->g0.kind = GS_KIND_WORKER;
	w->g0.inrt = 1;
	w->g0.worker = w;
	w->id = atomic_fetch_add_explicit(&gs_worker_count, 1, memory_order_relaxed);
	w->all_next = atomic_load_explicit(&gs_workers, memory_order_relaxed);
	/* release: readers walk the list without a lock */
	while (!atomic_compare_exchange_weak_explicit(&gs_workers, &w->all_next, w,
						      memory_order_release, memory_order_relaxed))
		;
	return w;
}

/* There was no kernel thread for us (RLIMIT_NPROC) a moment ago: it costs too much to ask at
   every wake-up. The monitor asks again as long as somebody waits. */
static bool gs_crew_refused(void)
{
	/* relaxed: a bound on what is tried, no protocol */
	uint64_t at = atomic_load_explicit(&gs_crew_refused_at, memory_order_relaxed);

	return at != 0 && gs_now() - at < GS_CREW_PATIENCE;
}

bool gs_crew_spawn(struct gs_proc *p, bool spinning)
{
	struct gs_worker *w;
	uint64_t all = ~(1ULL << (GS_EVERYWHERE_SIGNAL - 1)), old;
	int err;

	if (atomic_load_explicit(&gs_worker_count, memory_order_relaxed) >=
	    (uint32_t)gs_conf.maxthreads) {
		if (!atomic_exchange_explicit(&gs_crew_limited, true, memory_order_relaxed))
			gs_log_line("all %ld kernel threads are in system calls that block; others "
				    "wait (GOSHIM_MAXTHREADS allows more)", gs_conf.maxthreads);
		return false;
	}
	if (gs_crew_refused())
		return false;
	w = gs_crew_record();
	if (!w)
		return false;
	w->handed = p;
	w->spinning = spinning;
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &old, GS_SIGSET_BYTES);
	w->kmask = old;
	err = gs_kthread_start(&w->g0, gs_crew_main, w);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, NULL, GS_SIGSET_BYTES);
	if (err < 0) {
		atomic_fetch_sub_explicit(&gs_worker_count, 1, memory_order_relaxed);
		gs_crew_recycle(w);
		atomic_store_explicit(&gs_crew_refused_at, gs_now(), memory_order_relaxed);
		gs_log_debug("cannot start a kernel thread: error %d", -err);
		return false;
	}
	return true;
}

void gs_crew_after_fork(void)
{
	gs_crew_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_crew_spares = NULL;
}
