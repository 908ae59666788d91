/* SPDX-License-Identifier: MIT */
/*
 * sigpost.c - choosing the thread for a signal, queueing it, and telling the thread.
 *
 * A signal for the process goes to a thread that waits for it in sigwait; else to
 * main, if it lets it in, as on Linux; else to the thread that was running, for the
 * same reason; else to any that lets it in, rather one that can be interrupted. It is
 * then queued for that thread like one of its own, but taken back and given to another
 * when the thread blocks it before it got it, or ends. When nobody lets it in it is
 * queued for nobody, until somebody does; or, if a signalfd reads such, it is given back to
 * the kernel. That believes who sent it only from the process's first kernel thread: so it is
 * passed to the first worker. That one takes those, too, that came to a kernel thread which
 * is no worker.
 *
 * Telling a thread t:
 *  1. the pending bit, then GS_ATT_SIGNAL, both before
 *  2. a membarrier (in gs_wait_interrupt), and the end of t's wait, if it may end;
 *  3. a look at t->inrt. 0: t runs program code, or is in a system call; its worker is
 *     kicked, and the kick's handler delivers. Not 0: t will leave the runtime, and
 *     after that look at its attention: the membarrier orders its store to inrt and
 *     that look against steps 1 and 3.
 *
 * Locks: gs_sigact_lock; under it those of the scheduler.
 * Called from: signal.c, signal_life.c, signal_run.c, sigwait.c.
 */
#include "sigpost.h"

#include "kick.h"
#include "sched.h"
#include "sigact.h"
#include "sigmask.h"
#include "sigworker.h"
#include "sys.h"

#include <time.h>

static struct gs_thread *gs_sigpost_main;
static struct gs_thread *gs_sigpost_newborn; /* about to begin; lock held */
static struct gs_list gs_sigpost_waiters = GS_LIST_INIT(gs_sigpost_waiters);

/* The mask of a thread that has ended: no program can block SIGKILL. */
static const uint64_t gs_sigpost_gone = ~UINT64_C(0);

void gs_sigpost_init(struct gs_thread *main)
{
	gs_sigpost_main = main;
	gs_list_init(&gs_sigpost_waiters);
}

static uint64_t gs_sigpost_mask_of(const struct gs_thread *t)
{
	/* relaxed: changes under the lock */
	return atomic_load_explicit(&t->sigmask, memory_order_relaxed);
}

static bool gs_sigpost_lets_in(const struct gs_thread *t, uint64_t bit)
{
	return !(gs_sigpost_mask_of(t) & bit);
}

struct gs_sigpost_search {
	uint64_t bit;
	struct gs_thread *found;
};

/* False: good enough. */
static bool gs_sigpost_consider(struct gs_thread *t, void *arg)
{
	struct gs_sigpost_search *search = arg;
	/* relaxed, and the rest plain: any thread is a legal choice that has begun and not
	   ended; only gs_sigpost_gone ends it, under the lock */
	unsigned state = atomic_load_explicit(&t->state, memory_order_relaxed);

	if (t->kind != GS_KIND_GREEN || (state == GS_STATE_NEW && t != gs_sigpost_newborn) ||
	    state == GS_STATE_DEAD || !gs_sigpost_lets_in(t, search->bit))
		return true;
	search->found = t;
	return !(state == GS_STATE_WAITING && t->interruptible);
}

static struct gs_thread *gs_sigpost_choose(uint64_t bit, struct gs_thread *self)
{
	struct gs_sigpost_search search = { .bit = bit };

	if (gs_sigpost_lets_in(gs_sigpost_main, bit))
		return gs_sigpost_main;
	if (self && gs_sigpost_lets_in(self, bit))
		return self;
	if (!(gs_sigmask_wanted() & bit))
		return NULL;
	/* Threads with a mask of their own, or that have handled a signal, come first. If the
	   common mask blocks this one there is no need to look at others. */
	gs_list_for_each(node, &gs_sigqueue_states)
		if (!gs_sigpost_consider(GS_CONTAINER_OF(node, struct gs_signal_state, all)->t,
					 &search))
			return search.found;
	if (!search.found)
		gs_thread_each(gs_sigpost_consider, &search);
	return search.found;
}

/* Steps 1 to 3; t is not the calling thread. */
static void gs_sigpost_tell(struct gs_thread *t)
{
	struct gs_worker *w;

	/* seq_cst: see gs_wait_interrupt */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_SIGNAL, memory_order_seq_cst);
	gs_wait_interrupt(t);
	w = t->worker;
	if (t->inrt == 0 && w)
		gs_kick(w->ktid, GS_SIG_KICK);
}

/* Whoever is woken here should not have to wait until the present thread parks: that
   one was computing when the signal interrupted it. */
static void gs_sigpost_hurry(struct gs_thread *self)
{
	struct gs_worker *w = self ? self->worker : NULL;

	if (w && w->p && w->g0.sig && gs_sigworker(w)->in_malloc && w->p->eager == 0)
		w->p->eager = 1;
}

/* gs_sigmask_revise; and what nobody wants any more, but a signalfd reads, the first
   worker is not to take. Lock held. */
static uint64_t gs_sigpost_recompute(void)
{
	uint64_t before = gs_sigmask_wanted(), grown = gs_sigmask_revise();

	/* relaxed: a signalfd made later does this itself */
	if (before & ~gs_sigmask_wanted() &
	    atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed))
		gs_sigworker_kick();
	return grown;
}

/* Somebody in sigwait gets it. */
static bool gs_sigpost_serve(struct gs_thread *to, const siginfo_t *info)
{
	gs_list_for_each(node, &gs_sigpost_waiters) {
		struct gs_sigpost_waiter *w = GS_CONTAINER_OF(node, struct gs_sigpost_waiter, node);

		if ((to && w->t != to) || !(w->set & GS_SIG(info->si_signo)))
			continue;
		/* If its time was up it goes without; it needs the lock to go, so w stays. */
		if (!gs_wait_wake(w->t, w->token))
			continue;
		w->info = *info;
		w->served = true;
		gs_sigpost_wait_end(w);
		return true;
	}
	return false;
}

void gs_sigpost_pass(const siginfo_t *info)
{
	gs_sigqueue_pass(info);
	gs_sigworker_summon();
}

/* relaxed: a signalfd made later collects what is in the queue */
static bool gs_sigpost_has_fd(uint64_t bit)
{
	return atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed) & bit;
}

/* What takes back a signal that waits here has to come here, too, whatever its action. */
static void gs_sigpost_queue(struct gs_thread *to, const siginfo_t *info, bool process)
{
	uint64_t opposites = gs_sig_opposites(info->si_signo);

	if (GS_UNLIKELY(opposites))
		gs_sigact_guard(opposites);
	gs_sigqueue_add(to, info, process);
}

void gs_sigpost_keep(const siginfo_t *info)
{
	bool theirs = info->si_code >= 0 || info->si_code == SI_TKILL;
	int pid = gs_sys_getpid();

	if (!gs_sigpost_has_fd(GS_SIG(info->si_signo)))
		gs_sigpost_queue(NULL, info, true);
	else if (theirs && gs_sys_gettid() != pid)
		gs_sigpost_pass(info);
	else
		gs_sys3(__NR_rt_sigqueueinfo, pid, info->si_signo, info);
}

/* False: nobody lets it in. */
static bool gs_sigpost_give(struct gs_thread *to, const siginfo_t *info, struct gs_thread *self)
{
	uint64_t bit = GS_SIG(info->si_signo);
	bool process = !to;

	gs_sigpost_hurry(self);
	if (gs_sigpost_serve(to, info))
		return true;
	if (process)
		to = gs_sigpost_choose(bit, self);
	if (!to)
		return false;
	if (gs_sigpost_lets_in(to, bit) && gs_sigact_ignores(info->si_signo))
		return true;
	/* The signalfd of a thread that waits for its own. Nobody else would take it. */
	if (!process && gs_sigpost_has_fd(bit) && !(gs_sigmask_wanted() & bit))
		return false;
	gs_sigpost_queue(to, info, process);
	if (!gs_sigpost_lets_in(to, bit))
		return true;
	if (to == self)
		atomic_fetch_or_explicit(&to->attention, GS_ATT_SIGNAL, memory_order_relaxed);
	else
		gs_sigpost_tell(to);
	return true;
}

bool gs_sigpost(struct gs_thread *to, const siginfo_t *info, struct gs_thread *self)
{
	uint64_t opposites = gs_sig_opposites(info->si_signo);

	/* The kernel has done so with those that it keeps. */
	if (GS_UNLIKELY(opposites))
		gs_sigqueue_flush(opposites);
	if (gs_sigpost_give(to, info, self))
		return true;
	gs_sigpost_keep(info);
	return false;
}

void gs_sigpost_passed(struct gs_thread *self)
{
	siginfo_t info;

	gs_lock(&gs_sigact_lock);
	while (gs_sigqueue_passed(&info))
		gs_sigpost(NULL, &info, self);
	gs_unlock(&gs_sigact_lock);
}

void gs_sigpost_local(struct gs_thread *self, int sig)
{
	/* relaxed, both: our own words, read by this kernel thread */
	atomic_fetch_or_explicit(&self->sigpending, GS_SIG(sig), memory_order_relaxed);
	atomic_fetch_or_explicit(&self->attention, GS_ATT_SIGNAL, memory_order_relaxed);
}

/* What is wanted may have changed. Takes what has become so from the kernel, before other
   workers can get at what comes after it, and gives it, and what was queued for nobody,
   to those who want it; and what was queued for self among lost to others. opened: what
   some thread lets in now and did not before. That may have been wanted already (a
   thread that ends counts as gone before its mask does), and what waits for it must not
   be overtaken. Returns what has become wanted, for gs_sigpost_open. Lock held. */
static uint64_t gs_sigpost_revise(struct gs_thread *self, uint64_t opened, uint64_t lost)
{
	uint64_t grown = gs_sigmask_growth(), fetch = 0;
	const struct timespec now = { 0 };
	siginfo_t info;

	/* What a signalfd reads stays with the kernel as long as that may be. relaxed: as in
	   gs_sigpost_recompute */
	grown &= ~atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed);
	if (grown & GS_SIGS_REALTIME)
		fetch = gs_sigworker_fetchable(grown & GS_SIGS_REALTIME);
	while (fetch && gs_sys4(__NR_rt_sigtimedwait, &fetch, &info, &now, GS_SIG_BYTES) > 0)
		gs_sigqueue_add(NULL, &info, true);
	grown = gs_sigpost_recompute();
	while (gs_sigqueue_take_back(self, lost, &info))
		gs_sigpost(NULL, &info, self);
	/* One in sigwait wants one only. */
	while (gs_sigqueue_take(NULL, opened | (grown & gs_sigmask_wanted()), &info))
		if (!gs_sigpost_give(NULL, &info, self)) {
			gs_sigqueue_put_back(&info);
			break;
		}
	return grown;
}

void gs_sigpost_open(struct gs_thread *self, uint64_t grown)
{
	if (grown)
		gs_sigworker_open(self->worker, grown);
}

uint64_t gs_sigpost_settle(void)
{
	const uint64_t all = ~GS_SIGS_FAULT;
	uint64_t set = 0, saved;

	/* What this kernel thread lets in the kernel would leave out. */
	gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, &saved, GS_SIG_BYTES);
	gs_sys2(__NR_rt_sigpending, &set, GS_SIG_BYTES);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &saved, NULL, GS_SIG_BYTES);
	if (GS_UNLIKELY(set & GS_SIGS_STOP))
		gs_sigqueue_flush(GS_SIG(SIGCONT));
	if (GS_UNLIKELY(set & GS_SIG(SIGCONT)))
		gs_sigqueue_flush(GS_SIGS_STOP);
	return set;
}

void gs_sigpost_mask(struct gs_thread *self, uint64_t set)
{
	uint64_t old = gs_sigpost_mask_of(self), grown;

	set &= GS_SIGS_BLOCKABLE;
	if (set == old)
		return;
	gs_lock(&gs_sigact_lock);
	if (GS_UNLIKELY(gs_sigqueue_pending(self) & old & ~set &
			(GS_SIGS_STOP | GS_SIG(SIGCONT))))
		gs_sigpost_settle();
	gs_sigmask_change(self, set);
	if (set != gs_sigmask_common)
		gs_sigqueue_state(self); /* puts it on the list that gs_sigpost_choose looks at */
	grown = gs_sigpost_revise(self, old & ~set, set & ~old);
	gs_unlock(&gs_sigact_lock);
	gs_sigpost_open(self, grown);
	if (atomic_load_explicit(&self->sigpending, memory_order_relaxed) & ~set)
		/* relaxed: our own word */
		atomic_fetch_or_explicit(&self->attention, GS_ATT_SIGNAL, memory_order_relaxed);
}

uint64_t gs_sigpost_wait_begin(struct gs_sigpost_waiter *w)
{
	w->served = false;
	gs_list_add_tail(&gs_sigpost_waiters, &w->node);
	gs_sigmask_await(w->set);
	return gs_sigpost_revise(w->t, 0, 0);
}

void gs_sigpost_wait_end(struct gs_sigpost_waiter *w)
{
	if (!gs_list_on(&w->node))
		return;
	gs_list_del(&w->node);
	gs_sigmask_await_over(w->set);
	gs_sigpost_recompute();
}

void gs_sigpost_born(struct gs_thread *self, struct gs_thread *t)
{
	uint64_t mask = gs_sigpost_mask_of(t), grown = 0;

	if (GS_LIKELY(mask == gs_sigmask_common)) {
		/* relaxed: a count; and its maker has that mask as well, or lets us take the
		   lock below at its next change */
		atomic_fetch_add_explicit(&gs_thread_count, 1, memory_order_relaxed);
		if (GS_LIKELY(mask == gs_sigpost_mask_of(self)))
			return;
		gs_lock(&gs_sigact_lock);
	} else {
		/* The two counts must not be seen apart: it would seem to have the common mask. */
		gs_lock(&gs_sigact_lock);
		gs_sigmask_come(t);
		gs_sigqueue_state(t);
		atomic_fetch_add_explicit(&gs_thread_count, 1, memory_order_relaxed);
	}
	/* With its maker's mask it changes nothing in what is wanted. */
	if (mask != gs_sigpost_mask_of(self)) {
		gs_sigpost_newborn = t;
		grown = gs_sigpost_revise(self, ~mask, 0);
		gs_sigpost_newborn = NULL;
	}
	gs_unlock(&gs_sigact_lock);
	gs_sigpost_open(self, grown);
}

void gs_sigpost_died(struct gs_thread *self)
{
	uint64_t grown = 0;
	bool odd;

	gs_lock(&gs_sigact_lock);
	odd = gs_sigpost_mask_of(self) != gs_sigmask_common;
	if (odd)
		gs_sigmask_go(self);
	atomic_store_explicit(&self->sigmask, gs_sigpost_gone, memory_order_relaxed);
	/* seq_cst, both: the last thread with the common mask finds that there is none */
	if (odd || self->sig || atomic_load_explicit(&gs_thread_count, memory_order_seq_cst) ==
					atomic_load_explicit(&gs_sigmask_odd, memory_order_seq_cst))
		grown = gs_sigpost_revise(self, 0, ~UINT64_C(0));
	gs_sigqueue_close(self);
	gs_unlock(&gs_sigact_lock);
	gs_sigpost_open(self, grown);
}
