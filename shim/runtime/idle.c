/* SPDX-License-Identifier: MIT */
/*
 * idle.c - who sleeps, and how a sleeper is woken without waking everybody.
 *
 * A worker without work gives its processor back and becomes, at the most one of
 * them, the poller (it sleeps in epoll_wait, until the earliest deadline), or
 * sleeps on its futex. A worker that holds a processor, has nothing to run and
 * looks into other queues is spinning; there is at most one spinning worker for
 * every two busy ones.
 *
 * Submitting work against going to sleep (Go's protocol, proc.go):
 *   submitter                         last spinner
 *   1. puts the thread on a queue     1. takes itself out of gs_idle_spinning
 *   2. sees nobody spinning: wakes    2. looks at every queue once more
 *      one worker, which spins        3. goes on the idle list, and looks at the
 *                                        global queue once more
 * A thread put on a processor's own queue cannot be lost, whoever misses it: its
 * owner is awake and comes to it. For the global queue, the submitter's steps are
 * "length up, then look at the idle counts" and the sleeper's "idle count up, then
 * look at the length", all sequentially consistent: one of them sees the other.
 *
 * Invariants: a processor is on the idle list, or held by one worker, or in a
 * region, or on the way between two of these in the hands of one function.
 * Workers that neither hold a processor nor have lost one in a system call are
 * idle, poller, or on the way there; a new kernel thread is started only when
 * there are fewer than gs_nprocs workers besides the lost ones.
 * Locks: gs_idle_lock guards the lists and gs_worker.handed of sleepers.
 * Called from: sched.c, switch.h, worker.c, poller.c, region.c, monitor.c, preempt.c, wire.c,
 * crew.c.
 */
#include "idle.h"

#include "globq.h"
#include "monitor.h"
#include "netpoll.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <time.h>

_Atomic uint32_t gs_idle_procs, gs_idle_spinning;
bool (*gs_idle_spawn)(struct gs_proc *p, bool spinning);

static struct gs_lock gs_idle_lock;
static struct gs_proc *gs_idle_proc_list;
static struct gs_worker *gs_idle_worker_list;
static struct gs_worker *_Atomic gs_idle_poller;

/* Lock held. */
static void gs_idle_push(struct gs_proc *p)
{
	/* relaxed: ownership passes under the lock */
	atomic_store_explicit(&p->status, GS_PROC_IDLE, memory_order_relaxed);
	atomic_store_explicit(&p->worker, NULL, memory_order_relaxed);
	p->idle_next = gs_idle_proc_list;
	gs_idle_proc_list = p;
	/* seq_cst: see the essay */
	atomic_fetch_add_explicit(&gs_idle_procs, 1, memory_order_seq_cst);
}

/* Lock held. */
static struct gs_proc *gs_idle_pop(void)
{
	struct gs_proc *p = gs_idle_proc_list;

	if (p) {
		gs_idle_proc_list = p->idle_next;
		/* seq_cst: pairs with gs_monitor_all_idle */
		atomic_fetch_sub_explicit(&gs_idle_procs, 1, memory_order_seq_cst);
	}
	return p;
}

void gs_idle_put(struct gs_proc *p)
{
	gs_lock(&gs_idle_lock);
	gs_idle_push(p);
	gs_unlock(&gs_idle_lock);
}

void gs_idle_hold(struct gs_worker *w, struct gs_proc *p)
{
	w->p = p;
	atomic_store_explicit(&p->worker, w, memory_order_relaxed);
	p->deferred = 0;
	/* release: the monitor that sees RUNNING sees the worker */
	atomic_store_explicit(&p->status, GS_PROC_RUNNING, memory_order_release);
	gs_monitor_wake();
}

struct gs_proc *gs_idle_acquire(struct gs_worker *w)
{
	struct gs_proc *p;

	/* relaxed: a miss is made good by whoever put one back and then looked */
	if (atomic_load_explicit(&gs_idle_procs, memory_order_relaxed) == 0)
		return NULL;
	gs_lock(&gs_idle_lock);
	p = gs_idle_pop();
	gs_unlock(&gs_idle_lock);
	if (p)
		gs_idle_hold(w, p);
	return p;
}

/* A sleeper to hand p to, off its list; lock held. *poller: it is the poller. */
static struct gs_worker *gs_idle_sleeper(bool *poller)
{
	struct gs_worker *w = gs_idle_worker_list;

	*poller = !w;
	if (w) {
		gs_idle_worker_list = w->idle_next;
		return w;
	}
	/* relaxed: it changes from non-NULL under the lock only */
	w = atomic_load_explicit(&gs_idle_poller, memory_order_relaxed);
	return w && !w->handed ? w : NULL;
}

/* Workers that are not lost. A wired one in a system call counts as lost twice, so
   this may be too low, and even negative. */
static int32_t gs_idle_present(void)
{
	/* relaxed: a bound, no protocol */
	return (int32_t)(atomic_load_explicit(&gs_worker_count, memory_order_relaxed) -
			 atomic_load_explicit(&gs_worker_lost, memory_order_relaxed));
}

/* p becomes idle with threads on its ring, which its last holder put there: they go
   where a worker on its way to sleep looks last. */
static void gs_idle_shed(struct gs_proc *p)
{
	struct gs_thread *t;

	while ((t = gs_runq_pop(&p->runq, false)) != NULL)
		gs_globq_push(t, t, 1);
}

/* Hands p to a sleeper, or to a new kernel thread; lock held, released here.
   False: p is on the idle list and nobody was woken. */
static bool gs_idle_give(struct gs_proc *p, bool spinning)
{
	bool poller, may_spawn;
	struct gs_worker *w = gs_idle_sleeper(&poller);

	if (w) {
		w->handed = p;
		w->spinning = spinning;
		gs_unlock(&gs_idle_lock);
		if (poller) {
			gs_netpoll_kick();
		} else {
			/* release: pairs with the acquire in gs_idle_sleep */
			atomic_store_explicit(&w->wake, 1, memory_order_release);
			gs_sys_futex_wake(&w->wake, 1);
		}
		return true;
	}
	may_spawn = gs_idle_present() < (int32_t)gs_nprocs;
	if (!may_spawn) {
		gs_idle_shed(p);
		gs_idle_push(p);
		gs_unlock(&gs_idle_lock);
		/* One that became the poller meanwhile has seen no idle processor. */
		if (gs_idle_is_polled())
			gs_netpoll_kick();
		return false;
	}
	gs_unlock(&gs_idle_lock);
	if (gs_idle_spawn(p, spinning))
		return true;
	gs_idle_shed(p);
	gs_idle_put(p);
	return false;
}

void gs_idle_wake_one(void)
{
	uint32_t none = 0;
	struct gs_proc *p;

	/* seq_cst: after the submission, see the essay */
	if (atomic_load_explicit(&gs_idle_procs, memory_order_seq_cst) == 0 ||
	    !atomic_compare_exchange_strong_explicit(&gs_idle_spinning, &none, 1,
						     memory_order_seq_cst, memory_order_seq_cst))
		return;
	gs_lock(&gs_idle_lock);
	p = gs_idle_pop();
	if (!p)
		gs_unlock(&gs_idle_lock);
	if (!p || !gs_idle_give(p, true))
		atomic_fetch_sub_explicit(&gs_idle_spinning, 1, memory_order_seq_cst);
}

void gs_idle_hand_off(struct gs_proc *p)
{
	gs_lock(&gs_idle_lock);
	if (gs_runq_length(&p->runq) > 0 ||
	    atomic_load_explicit(&gs_globq_length, memory_order_seq_cst) > 0 ||
	    !atomic_load_explicit(&gs_idle_poller, memory_order_relaxed)) {
		gs_idle_give(p, false);
		return;
	}
	gs_idle_push(p);
	gs_unlock(&gs_idle_lock);
}

/* Takes w off the sleepers' list, if nobody was quicker; lock held. */
static bool gs_idle_withdraw(struct gs_worker *w)
{
	struct gs_worker **at = &gs_idle_worker_list;

	while (*at && *at != w)
		at = &(*at)->idle_next;
	if (!*at)
		return false;
	*at = w->idle_next;
	return true;
}

/* More workers than the processors can use: some were started while others were
   stuck in system calls. Worker 0's kernel thread has to stay. */
static bool gs_idle_superfluous(struct gs_worker *w)
{
	return w->id != 0 && gs_idle_present() > (int32_t)gs_nprocs;
}

bool gs_idle_sleep(struct gs_worker *w)
{
	static const struct timespec patience = { .tv_sec = 1 };

	gs_lock(&gs_idle_lock);
	/* relaxed: published by the lock */
	atomic_store_explicit(&w->wake, 0, memory_order_relaxed);
	w->idle_next = gs_idle_worker_list;
	gs_idle_worker_list = w;
	gs_unlock(&gs_idle_lock);
	/* Step 3 of the essay; this may wake ourselves. seq_cst: see there */
	if (atomic_load_explicit(&gs_globq_length, memory_order_seq_cst) > 0)
		gs_idle_wake_one();
	/* acquire: pairs with the release in gs_idle_give */
	while (atomic_load_explicit(&w->wake, memory_order_acquire) == 0) {
		bool excess = gs_idle_superfluous(w);
		long err;

		gs_leave(&w->g0); /* asleep, a signal handler may do its work here */
		err = gs_sys_futex_wait(&w->wake, 0, excess ? &patience : NULL);
		gs_enter(&w->g0);
		if (err != -ETIMEDOUT)
			continue;
		gs_lock(&gs_idle_lock);
		excess = gs_idle_superfluous(w) && gs_idle_withdraw(w);
		if (excess)
			/* relaxed: under the lock, so that two do not go for one */
			atomic_fetch_sub_explicit(&gs_worker_count, 1, memory_order_relaxed);
		gs_unlock(&gs_idle_lock);
		if (excess)
			return false;
	}
	gs_idle_hold(w, w->handed);
	w->handed = NULL;
	return true;
}

bool gs_idle_poll_begin(struct gs_worker *w)
{
	struct gs_worker *none = NULL;

	/* seq_cst: before the poller's last look at queues and deadlines; pairs with
	   those who make one earlier and then look for a poller to kick */
	return atomic_compare_exchange_strong_explicit(&gs_idle_poller, &none, w,
						       memory_order_seq_cst, memory_order_relaxed);
}

void gs_idle_poll_end(struct gs_worker *w)
{
	gs_lock(&gs_idle_lock);
	/* release: the next poller sees what this one left behind */
	atomic_store_explicit(&gs_idle_poller, NULL, memory_order_release);
	if (!w->handed)
		w->handed = gs_idle_pop();
	gs_unlock(&gs_idle_lock);
	if (w->handed) {
		gs_idle_hold(w, w->handed);
		w->handed = NULL;
	}
}

bool gs_idle_is_polled(void)
{
	/* seq_cst: after a deadline was armed; pairs with gs_idle_poll_begin */
	return atomic_load_explicit(&gs_idle_poller, memory_order_seq_cst) != NULL;
}

void gs_idle_after_fork(void)
{
	gs_idle_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_idle_proc_list = NULL;
	gs_idle_worker_list = NULL;
	gs_idle_procs = gs_idle_spinning = 0;
	gs_idle_poller = NULL;
}
