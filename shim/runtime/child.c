/* SPDX-License-Identifier: MIT */
/*
 * child.c - fork.
 *
 * The child has one kernel thread, on the forking green thread's stack and TCB.
 * What other workers were doing at that instant is lost with them, so:
 *  1. prepare takes the locks of the structures that survive into the child and
 *     could be half-changed (free lists, stacks); each is only ever held for a
 *     few instructions by threads that wait for nothing;
 *  2. everything that describes who runs or waits (run queues, idle lists,
 *     timers, the parking lot, waiters on descriptors) is not locked, but made
 *     anew in the child;
 *  3. the child has its own epoll instance: the inherited one's registrations
 *     are the parent's, and would be changed for the parent too.
 * In between, libc's fork takes the locks of malloc and stdio, waiting in the kernel for
 * each, and those who hold them, or are to start a worker for them, may need the processor
 * or malloc: so the parent is in a blocking region until it has let go of them, and green
 * threads that want one of the locks of prepare leave their processor (gs_lock_patient).
 * Between fork and the making anew libc itself runs in the child, and lets go of the lock
 * it holds round the handlers (gs_child_unborn).
 * The other threads' stacks are not reused in the child: their owners may have
 * been inside malloc.
 *
 * Called from: libc's fork, and hooks/process.c and clone.c where that is not called, on a
 * green thread (nothing happens elsewhere).
 */
#include "child.h"

#include "everywhere.h"
#include "fd.h"
#include "filter.h"
#include "kick.h"
#include "lend.h"
#include "loaded.h"
#include "monitor.h"
#include "netpoll.h"
#include "park.h"
#include "priority.h"
#include "region.h"
#include "sched.h"
#include "signal.h"
#include "spare.h"
#include "stack.h"
#include "sys.h"
#include "tcb.h"
#include "wired.h"
#include "worker.h"

enum { GS_CHILD_NAP = 50000 }; /* ns */

/* Who is forking: written under the locks of prepare. */
static struct gs_thread *_Atomic gs_child_forker;
static int gs_child_pid;
static bool gs_child_in_region;

bool gs_child_unborn(void)
{
	/* relaxed: what counts is what this thread wrote itself */
	struct gs_thread *forker = atomic_load_explicit(&gs_child_forker, memory_order_relaxed);

	return forker && forker == gs_self && gs_sys_getpid() != gs_child_pid;
}

void gs_child_give_way(const struct gs_lock *l)
{
	struct gs_thread *self = gs_self;

	/* Without a processor there is none to give up. */
	if (!self || self->kind != GS_KIND_GREEN || self->in_region) {
		gs_sys0(__NR_sched_yield);
		return;
	}
	/* snapshot.c does not enter the runtime by the door, so the monitor may have taken it. */
	gs_enter_rejoin(self);
	gs_park_nap(self, GS_REASON_SPIN, l, GS_CHILD_NAP);
}

void gs_child_prepare(void)
{
	struct gs_thread *self = gs_self;
	bool region;

	if (!self)
		return;
	region = self->kind == GS_KIND_GREEN && self->inrt == 0 && !self->in_region;
	if (region)
		gs_region_enter(self);
	self->inrt++;
	if (region)
		gs_signal_forking(self, true);
	gs_barrier();
	gs_spare_fork_lock();
	gs_thread_fork_lock();
	gs_stack_fork_lock();
	gs_tcb_fork_lock();
	gs_child_pid = gs_sys_getpid();
	gs_child_in_region = region;
	atomic_store_explicit(&gs_child_forker, self, memory_order_relaxed);
}

static void gs_child_unlock(void)
{
	atomic_store_explicit(&gs_child_forker, NULL, memory_order_relaxed);
	gs_tcb_fork_unlock();
	gs_stack_fork_unlock();
	gs_thread_fork_unlock();
	gs_spare_fork_unlock();
}

void gs_child_parent(void)
{
	struct gs_thread *self = gs_self;
	bool region = gs_child_in_region;

	if (!self)
		return;
	gs_child_unlock();
	if (region) {
		gs_signal_forking(self, false);
		gs_worker_nudge(); /* for whom libc woke when it let go */
		self->inrt--;
		gs_region_leave(self);
	} else if (self->inrt == 1 && self->kind == GS_KIND_GREEN) {
		gs_leave(self);
	} else {
		self->inrt--;
	}
}

static bool gs_child_forget(struct gs_thread *t, void *self)
{
	if (t != self && t->kind == GS_KIND_GREEN)
		t->kind = GS_KIND_FREE;
	return true;
}

void gs_child_fresh(void)
{
	struct gs_thread *self = gs_self;

	if (!self)
		return;
	gs_signal_keep_held(self);
	self->in_region = 0;
	/* relaxed: one thread */
	atomic_store_explicit(&self->state, GS_STATE_RUNNING, memory_order_relaxed);
	gs_child_unlock();
	gs_thread_each(gs_child_forget, self);
	atomic_store_explicit(&gs_thread_count, 1, memory_order_relaxed);
	self->tid = gs_sys_getpid();
	self->robust = 0;
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_RETAKE, memory_order_relaxed);
	gs_monitor_after_fork();
	gs_kick_after_fork();
	gs_filter_after_fork();
	gs_worker_after_fork(self);
	gs_wired_after_fork(self);
	gs_lend_after_fork();
	gs_priority_after_fork(self);
	gs_netpoll_after_fork();
	gs_park_after_fork();
	gs_fd_after_fork();
	gs_everywhere_after_fork();
	gs_loaded_after_fork();
	gs_signal_after_fork(self);
	gs_leave(self);
}
