/* SPDX-License-Identifier: MIT */
/*
 * poller.c - events and deadlines: how a worker asks for them, and how one sleeps until
 * they come.
 *
 * At the most one worker, the poller (idle.c), sleeps in epoll_wait, until the earliest
 * deadline of all processors. Whoever arms an earlier one and goes to sleep himself wakes
 * it (gs_poller_cover).
 *
 * Locks: none of its own. Called from: worker.c.
 */
#include "poller.h"

#include "globq.h"
#include "idle.h"
#include "monitor.h"
#include "netpoll.h"
#include "sched.h"
#include "worker.h"

enum { GS_POLLER_SLEPT_CYCLES = 5000 }; /* a shorter epoll_wait has found something at once */

/* Until when the poller sleeps. */
static _Atomic uint64_t gs_poller_until = GS_NEVER;

static uint64_t gs_poller_next_deadline(void)
{
	uint64_t when = GS_NEVER;

	for (uint32_t i = 0; i < gs_nprocs; i++) {
		uint64_t next = atomic_load_explicit(&gs_procs[i].timers.next, memory_order_relaxed);

		when = GS_MIN(when, next);
	}
	return when;
}

void gs_poller_run_timers(struct gs_proc *mine, bool all)
{
	uint64_t now;
	int n = 0;

	if (!all && atomic_load_explicit(&mine->timers.next, memory_order_relaxed) == GS_NEVER)
		return;
	now = gs_now();
	if (!all)
		n = gs_timer_run(&mine->timers, now);
	else
		for (uint32_t i = 0; i < gs_nprocs; i++)
			n += gs_timer_run(&gs_procs[i].timers, now);
	if (n && mine)
		gs_stats_add(&mine->stats, GS_STAT_TIMERS, (uint64_t)n);
}

static void gs_poller_dispatch(struct gs_worker *w)
{
	if (w->p && w->batch->n)
		gs_stats_add(&w->p->stats, GS_STAT_EVENTS, (uint64_t)w->batch->n);
	gs_netpoll_dispatch(w->batch);
}

bool gs_poller_sleep(struct gs_worker *w)
{
	uint64_t until, now, begun;

	if (!gs_idle_poll_begin(w))
		return false;
	until = gs_poller_next_deadline();
	/* seq_cst: against a worker that arms a timer, gives up its processor and then
	   looks at gs_poller_until (gs_poller_cover) */
	atomic_store_explicit(&gs_poller_until, until, memory_order_seq_cst);
	until = GS_MIN(until, gs_poller_next_deadline());
	now = until == GS_NEVER ? 0 : gs_now();
	/* Threads that came on the global queue before we were the poller keep us
	   from sleeping, if there is a processor to run them on. */
	if (atomic_load_explicit(&gs_globq_length, memory_order_seq_cst) > 0 &&
	    atomic_load_explicit(&gs_idle_procs, memory_order_seq_cst) > 0)
		until = now;
	gs_leave(&w->g0); /* asleep, a signal handler may do its work here */
	begun = gs_arch_cycles();
	gs_netpoll_wait(w->batch, until == GS_NEVER ? GS_NEVER : until > now ? until - now : 0);
	w->dry = gs_arch_cycles() - begun > GS_POLLER_SLEPT_CYCLES;
	w->batch->slept = w->dry;
	gs_enter(&w->g0);
	gs_netpoll_drain(w->batch);
	atomic_store_explicit(&gs_poller_until, GS_NEVER, memory_order_relaxed);
	gs_idle_poll_end(w);
	gs_poller_dispatch(w);
	/* Without a processor too: whom they wake goes to the global queue. */
	gs_poller_run_timers(w->p, true);
	if (!w->p)
		gs_monitor_call();
	return true;
}

void gs_poller_cover(void)
{
	uint64_t next = gs_poller_next_deadline();

	if (next < atomic_load_explicit(&gs_poller_until, memory_order_seq_cst) &&
	    gs_idle_is_polled())
		gs_netpoll_kick();
}

void gs_poller_ask(struct gs_worker *w)
{
	if (atomic_load_explicit(&gs_netpoll_count, memory_order_relaxed) == 0)
		return;
	w->dry = gs_netpoll_wait(w->batch, 0) == 0;
	if (w->dry)
		return;
	gs_stats_add(&w->p->stats, GS_STAT_POLLS, 1);
	gs_poller_dispatch(w);
}

bool gs_poller_may_ask(struct gs_worker *w)
{
	return !w->dry || gs_idle_is_polled();
}

void gs_poller_after_fork(void)
{
	gs_poller_until = GS_NEVER;
}
