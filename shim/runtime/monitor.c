/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - the monitor's loop.
 *
 * Each look compares every processor with what was seen last time. A processor
 * in the same region visit is taken away after 10 ms; at once if threads wait or no
 * processor is idle, and the call sleeps. A processor whose tick has not moved runs a
 * thread that computes or sleeps in the kernel unannounced: preempt.c. Looks come
 * every 20 us at first, then further and further apart while nothing is found,
 * up to 10 ms, to 2.5 ms while all processors are busy or nobody sleeps in epoll_wait,
 * and to half of that while threads wait for a processor. With all processors idle for a
 * while the monitor sleeps. Until it has audited what waits on descriptors since something
 * last ran, it sleeps no longer than to the next audit. While all of them compute it
 * sleeps in epoll_wait, since nobody else would notice what comes.
 *
 * Locks: none of its own. Called from: its own kernel thread; init.c, life.c (start);
 * idle.c, dump.c, poller.c (wake it).
 */
#include "monitor.h"

#include "conf.h"
#include "deadlock.h"
#include "dump.h"
#include "globq.h"
#include "host.h"
#include "idle.h"
#include "log.h"
#include "netpoll.h"
#include "preempt.h"
#include "sched.h"
#include "sys.h"
#include "tcb.h"
#include "worker.h"

#include <errno.h>

enum {
	GS_MONITOR_STACK = 64 * 1024,
	GS_MONITOR_QUIET_LOOKS = 50,
	GS_MONITOR_IDLE_LOOKS = 5,
	GS_MONITOR_HURRIED_LOOKS = 20,
	GS_MONITOR_FUTILE_LOOKS = 8, /* without the events that were for nobody */
};

static const uint64_t gs_monitor_min = 20000, gs_monitor_max = 10000000;
static const uint64_t gs_monitor_slice = 10000000;
static const uint64_t gs_monitor_audit = GS_NSEC;
/* A thread that computes keeps its processor for so long, whoever becomes runnable. */
static const uint64_t gs_monitor_moment = 200000;
/* Between looks while every processor is busy and nobody sleeps in epoll_wait; the same
   while threads wait for a processor: half a time slice. */
static const uint64_t gs_monitor_watch = 2500000, gs_monitor_crowded = 1250000;

_Atomic uint32_t gs_monitor_asleep;
static _Atomic uint32_t gs_monitor_resting; /* futex: 1 while gs_monitor_call is wanted */
bool gs_monitor_running;

/* Something ran since this was last cleared: there may be waits that no audit saw. */
static bool gs_monitor_stirred;

/* The monitor alone calls this: takes p from a worker in a region. */
static bool gs_monitor_retake(struct gs_proc *p, uint32_t status)
{
	/* acq_rel: acquire pairs with the release in gs_region_enter, release with the
	   acquire in gs_region_leave */
	if (!atomic_compare_exchange_strong_explicit(&p->status, &status, GS_PROC_IDLE,
						     memory_order_acq_rel, memory_order_relaxed))
		return false;
	atomic_fetch_add_explicit(&gs_worker_lost, 1, memory_order_relaxed);
	gs_stats_add(&p->stats, GS_STAT_HANDOFFS, 1);
	gs_idle_hand_off(p);
	return true;
}

static bool gs_monitor_waiting(struct gs_proc *p)
{
	return gs_runq_length(&p->runq) > 0 ||
	       atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0;
}

static bool gs_monitor_any_waiting(void)
{
	for (uint32_t i = 0; i < gs_nprocs; i++)
		if (gs_monitor_waiting(&gs_procs[i]))
			return true;
	return false;
}

/* A thread that enters one region after the other computes, too, as far as those
   who wait can tell. It sees the bit when it leaves the next one. */
static void gs_monitor_urge(struct gs_proc *p)
{
	/* relaxed: whoever it reaches yields once */
	struct gs_worker *w = atomic_load_explicit(&p->worker, memory_order_relaxed);
	struct gs_thread *t = w ? w->current : NULL;

	if (t)
		atomic_fetch_or_explicit(&t->attention, GS_ATT_PREEMPT, memory_order_relaxed);
}

/* One processor; true when something was done. */
static bool gs_monitor_look(struct gs_proc *p, uint64_t now)
{
	/* acquire: pairs with the release in gs_idle_hold and gs_region_enter */
	uint32_t status = atomic_load_explicit(&p->status, memory_order_acquire);
	uint32_t tick = gs_proc_tick(p);
	struct gs_worker *w;
	long nr;

	if (tick != p->seen_tick) {
		p->seen_tick = tick;
		p->seen_status = status;
		p->seen_when = p->seen_switch = now;
		gs_monitor_stirred = true;
		return false;
	}
	if (status != p->seen_status) {
		p->seen_status = status;
		p->seen_when = now;
		gs_monitor_stirred = true;
		if (now - p->seen_switch > gs_monitor_slice && gs_monitor_waiting(p))
			gs_monitor_urge(p);
		return false;
	}
	if ((status & GS_PROC_MASK) == GS_PROC_REGION) {
		if (!gs_monitor_waiting(p) && now - p->seen_when < gs_monitor_slice &&
		    atomic_load_explicit(&gs_idle_procs, memory_order_relaxed) > 0)
			return false;
		/* Not yet given the CPU back by the kernel is not blocked: another
		   worker would only compete for it. */
		w = atomic_load_explicit(&p->worker, memory_order_relaxed);
		nr = w ? gs_preempt_asleep(w) : -1;
		if (now - p->seen_when < gs_monitor_slice && nr < 0)
			return false;
		if (!gs_monitor_retake(p, status))
			return false;
		gs_preempt_count(gs_preempt_lasted, nr);
		return true;
	}
	if (status == GS_PROC_RUNNING)
		return gs_preempt_look(p, now - p->seen_when, gs_monitor_waiting(p));
	return false;
}

enum gs_monitor_served {
	GS_MONITOR_NOTHING, /* came in time */
	GS_MONITOR_FUTILE,  /* what came was for nobody who waits */
	GS_MONITOR_WOKEN,   /* somebody has become runnable */
};

/* Makes threads runnable whose deadlines have passed, or that wait for events, which may
   take until timeout, in nanoseconds, to come. */
static enum gs_monitor_served gs_monitor_serve(uint64_t timeout)
{
	static struct gs_netpoll_batch batch;
	/* relaxed: a guess; for all that the monitor wakes goes there */
	uint32_t before = atomic_load_explicit(&gs_globq_length, memory_order_relaxed);
	uint64_t now;
	bool any;

	any = (timeout > 0 || atomic_load_explicit(&gs_netpoll_count, memory_order_relaxed) > 0) &&
	      gs_netpoll_wait(&batch, timeout) > 0;
	batch.slept = timeout > 0;
	gs_netpoll_dispatch(&batch);
	now = gs_now();
	for (uint32_t i = 0; i < gs_nprocs; i++)
		any |= gs_timer_run(&gs_procs[i].timers, now) > 0;
	if (atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > before)
		return GS_MONITOR_WOKEN;
	return any ? GS_MONITOR_FUTILE : GS_MONITOR_NOTHING;
}

/* All workers busy and nobody asked for events or looked at deadlines for a while:
   do it for them. */
static void gs_monitor_poll(uint64_t now)
{
	static uint64_t polled;

	if (now - polled < gs_monitor_watch || gs_idle_is_polled())
		return;
	polled = now;
	gs_monitor_serve(0);
}

/* Does every processor run a thread that has been computing for a moment? */
static bool gs_monitor_all_compute(uint64_t now)
{
	for (uint32_t i = 0; i < gs_nprocs; i++) {
		struct gs_proc *p = &gs_procs[i];

		/* relaxed: a wrong answer costs a late look or a needless one */
		if (atomic_load_explicit(&p->status, memory_order_relaxed) != GS_PROC_RUNNING ||
		    gs_proc_tick(p) != p->seen_tick || now - p->seen_when < gs_monitor_moment)
			return false;
	}
	return true;
}

static void gs_monitor_pause(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / GS_NSEC), .tv_nsec = (long)(ns % GS_NSEC) };

	if (gs_sys_try2(__NR_nanosleep, &ts, NULL) == -ENOSYS)
		gs_sys_futex_wait(&gs_monitor_resting, 0, &ts);
}

/* Sleeps in epoll_wait, at most ns. */
static enum gs_monitor_served gs_monitor_attend(uint64_t ns)
{
	uint64_t now = gs_now(), until = now + ns;

	for (uint32_t i = 0; i < gs_nprocs; i++)
		/* relaxed: a hint; a deadline armed later is found late, by at most ns */
		until = GS_MIN(until, atomic_load_explicit(&gs_procs[i].timers.next,
							   memory_order_relaxed));
	return gs_monitor_serve(until > now ? until - now : 0);
}

/* Sleeps at most ns, while a worker without a processor sleeps in epoll_wait. */
static enum gs_monitor_served gs_monitor_rest(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / GS_NSEC), .tv_nsec = (long)(ns % GS_NSEC) };

	if (gs_monitor_any_waiting()) {
		gs_monitor_pause(GS_MIN(ns, gs_monitor_crowded));
		return GS_MONITOR_NOTHING;
	}
	/* seq_cst: before the look at the queue; pairs with gs_monitor_call */
	atomic_store_explicit(&gs_monitor_resting, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&gs_globq_length, memory_order_seq_cst) == 0)
		gs_sys_futex_wait(&gs_monitor_resting, 1, &ts);
	atomic_store_explicit(&gs_monitor_resting, 0, memory_order_relaxed);
	return atomic_load_explicit(&gs_globq_length, memory_order_relaxed) > 0 ?
		       GS_MONITOR_WOKEN : GS_MONITOR_NOTHING;
}

void gs_monitor_call(void)
{
	/* seq_cst: after the push on the global queue; pairs with gs_monitor_rest */
	if (atomic_load_explicit(&gs_monitor_resting, memory_order_seq_cst) &&
	    atomic_exchange_explicit(&gs_monitor_resting, 0, memory_order_seq_cst))
		gs_sys_futex_wake(&gs_monitor_resting, 1);
}

/* Sleeps at most ns among threads that all compute. Whoever becomes runnable takes the
   processor from the one of them that has had it longest, as the kernel's scheduler
   would have it. */
static enum gs_monitor_served gs_monitor_stand_by(uint64_t ns)
{
	enum gs_monitor_served served =
		gs_idle_is_polled() ? gs_monitor_rest(ns) : gs_monitor_attend(ns);
	struct gs_proc *longest = &gs_procs[0];

	for (uint32_t i = 1; i < gs_nprocs; i++)
		if (gs_procs[i].seen_switch < longest->seen_switch)
			longest = &gs_procs[i];
	if (served == GS_MONITOR_WOKEN)
		gs_preempt_now(longest);
	return served;
}

static bool gs_monitor_all_idle(void)
{
	/* seq_cst: after announcing sleep; pairs with gs_idle_pop's decrement */
	return atomic_load_explicit(&gs_idle_procs, memory_order_seq_cst) == gs_nprocs;
}

/* Until something runs; false: until limit nanoseconds have passed. */
static bool gs_monitor_sleep(uint64_t limit)
{
	struct timespec ts = { .tv_sec = (time_t)(limit / GS_NSEC),
			       .tv_nsec = (long)(limit % GS_NSEC) };
	long err = 0;

	if (gs_conf.deadlock)
		gs_deadlock_look();
	/* seq_cst: see gs_monitor_all_idle */
	atomic_store_explicit(&gs_monitor_asleep, 1, memory_order_seq_cst);
	while (atomic_load_explicit(&gs_monitor_asleep, memory_order_seq_cst) &&
	       gs_monitor_all_idle() && !gs_dump_wanted() && err != -ETIMEDOUT)
		err = gs_sys_futex_wait(&gs_monitor_asleep, 1, limit == GS_NEVER ? NULL : &ts);
	atomic_store_explicit(&gs_monitor_asleep, 0, memory_order_seq_cst);
	return err != -ETIMEDOUT;
}

void gs_monitor_rouse(void)
{
	if (atomic_exchange_explicit(&gs_monitor_asleep, 0, memory_order_seq_cst))
		gs_sys_futex_wake(&gs_monitor_asleep, 1);
}

/* How long the pause between two looks may be at most while not every processor is idle.
   standing_by: it ends when somebody comes. */
static uint64_t gs_monitor_limit(bool standing_by)
{
	if (gs_monitor_any_waiting())
		return gs_monitor_crowded;
	/* relaxed: a hint */
	if (standing_by || (atomic_load_explicit(&gs_idle_procs, memory_order_relaxed) > 0 &&
			    gs_idle_is_polled()))
		return gs_monitor_max;
	return gs_monitor_watch;
}

static void *gs_monitor_main(void *arg)
{
	uint64_t pause = gs_monitor_min, traced = gs_now(), audited = traced;
	bool auditing = false, stand_by = false;
	unsigned quiet = 0, idle = 0, hurry = 0, futile = 0;

	for (;;) {
		bool busy = false;
		uint64_t now;

		if (!stand_by) {
			gs_monitor_pause(hurry ? GS_MIN(pause, gs_monitor_moment / 2) : pause);
		} else {
			enum gs_monitor_served served = gs_monitor_stand_by(pause);

			if (served == GS_MONITOR_WOKEN)
				hurry = GS_MONITOR_HURRIED_LOOKS;
			if (served == GS_MONITOR_FUTILE)
				futile = GS_MONITOR_FUTILE_LOOKS;
		}
		hurry -= hurry > 0;
		futile -= futile > 0;
		now = gs_now();
		if (gs_conf.schedtrace && now - traced >= (uint64_t)gs_conf.schedtrace * 1000000) {
			traced = now;
			gs_dump_schedtrace(now);
		}
		gs_dump_poll(now);
		gs_monitor_poll(now);
		if (now - audited >= gs_monitor_audit) {
			audited = now;
			auditing = gs_netpoll_ops.audit();
		}
		for (uint32_t i = 0; i < gs_nprocs; i++)
			busy |= gs_monitor_look(&gs_procs[i], now);
		auditing |= gs_monitor_stirred;
		gs_monitor_stirred = false;
		gs_worker_nudge();
		if (busy) {
			quiet = 0;
			pause = gs_monitor_min;
		} else if (++quiet > GS_MONITOR_QUIET_LOOKS) {
			pause = GS_MIN(pause * 2, gs_monitor_max);
		}
		stand_by = gs_conf.preempt && futile == 0 && gs_monitor_all_compute(now);
		if (!gs_monitor_all_idle()) {
			idle = 0;
			pause = GS_MIN(pause, gs_monitor_limit(stand_by));
		} else if (!gs_conf.schedtrace && pause == gs_monitor_max &&
			   !gs_monitor_any_waiting() && /* for a kernel thread that cannot be had */
			   ++idle >= GS_MONITOR_IDLE_LOOKS &&
			   gs_monitor_sleep(auditing ? gs_monitor_audit : GS_NEVER)) {
			quiet = idle = 0;
			pause = gs_monitor_min;
		}
	}
	return NULL;
}

int gs_monitor_start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	uint64_t all = ~(1ULL << (GS_EVERYWHERE_SIGNAL - 1)), old;
	int err;

	if (gs_monitor_running)
		return 0;
	gs_host.pthread_attr_init(&attr);
	/* libc puts the static block of the thread on its stack, and that may be large. */
	gs_host.pthread_attr_setstacksize(&attr, gs_tcb_size + GS_MAX((size_t)GS_MONITOR_STACK,
								      gs_host.minsigstksz + 32768));
	/* The program's signals are for its own threads; the dump signal is for whoever
	   does not block it, and the program may do so everywhere. */
	if (gs_conf.dump_signal)
		all &= ~(1ULL << (gs_conf.dump_signal - 1));
	gs_sys4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &old, sizeof(all));
	err = gs_host.pthread_create(&thread, &attr, gs_monitor_main, NULL);
	gs_sys4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &old, NULL, sizeof(old));
	gs_host.pthread_attr_destroy(&attr);
	if (err != 0)
		return -err;
	gs_host.pthread_detach(thread);
	gs_monitor_running = true;
	return 0;
}

void gs_monitor_after_fork(void)
{
	gs_monitor_running = false;
	gs_monitor_asleep = 0;
	gs_monitor_resting = 0;
}
