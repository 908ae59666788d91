/* SPDX-License-Identifier: MIT */
/*
 * signal_life.c - signals at the beginning and end of threads, workers and processes, and
 * for those who send them.
 *
 * Locks: gs_sigact_lock. Called from: init.c, life.c, child.c, sigwait.c, sigaim.c, hooks;
 * crew.c and home.c (started), through gs_sched_ops.
 */
#include "sched.h"
#include "sigact.h"
#include "sigmask.h"
#include "signal.h"
#include "signal_run.h"
#include "sigpost.h"
#include "sigstack.h"
#include "sigworker.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { GS_SIGNAL_INHERITED = 64 };

/* What came for a process while it was being made. */
static siginfo_t gs_signal_childs;
static bool gs_signal_child_has;

uint64_t gs_signal_lock(void)
{
	const uint64_t all = ~GS_SIGS_FAULT;
	struct gs_thread *self = gs_self;
	uint64_t saved = 0;

	if (self)
		gs_enter(self);
	else /* a handler on this kernel thread must not find the lock held */
		gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, &saved, GS_SIG_BYTES);
	gs_lock(&gs_sigact_lock);
	return saved;
}

void gs_signal_unlock(uint64_t saved)
{
	struct gs_thread *self = gs_self;

	gs_unlock(&gs_sigact_lock);
	if (self)
		gs_leave(self);
	else
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &saved, NULL, GS_SIG_BYTES);
}

void gs_signal_info(siginfo_t *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = gs_sys_getpid();
	info->si_uid = (uid_t)gs_sys0(__NR_getuid);
}

void gs_signal_oppose(int sig)
{
	uint64_t opposites = gs_sig_opposites(sig), saved;
	const struct timespec now = { 0 };
	siginfo_t info;

	if (opposites == 0)
		return;
	saved = gs_signal_lock();
	gs_sigqueue_flush(opposites);
	while (gs_sys4(__NR_rt_sigtimedwait, &opposites, &info, &now, GS_SIG_BYTES) > 0)
		continue;
	gs_signal_unlock(saved);
}

int gs_signal_send(struct gs_thread *to, const siginfo_t *info)
{
	uint64_t bit = GS_SIG(info->si_signo), saved;
	bool full;

	/* For the process: only what comes to our handler is our business. relaxed, both:
	   a change that races with the sender may come before or after */
	if (!to && (!(atomic_load_explicit(&gs_sigact_caught, memory_order_relaxed) & bit) ||
		    (atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed) & bit)))
		return 1;
	saved = gs_signal_lock();
	full = (bit & GS_SIGS_REALTIME) && info->si_code < 0 && gs_sigqueue_full();
	if (!full)
		gs_sigpost(to, info, gs_self);
	gs_signal_unlock(saved);
	return full ? -EAGAIN : 0;
}

int gs_signal_swap_mask(struct gs_thread *self, uint64_t set, uint64_t *old)
{
	/* relaxed: our own word */
	*old = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
	gs_sigpost_mask(self, set);
	return 0;
}

static void gs_signal_main_altstack(struct gs_thread *main)
{
	stack_t alt;

	if (gs_sys2(__NR_sigaltstack, NULL, &alt) == 0 && !(alt.ss_flags & SS_DISABLE)) {
		gs_lock(&gs_sigact_lock);
		gs_sigstack_set(main, 0, &alt, NULL);
		gs_unlock(&gs_sigact_lock);
	}
}

/* What is pending is so in the kernel: what main was sent itself, for the first worker's
   kernel thread. It becomes main's; what was sent to the process goes into the queue of
   what nobody wants, and not back to the kernel, where it would be behind what has come
   meanwhile. What a signalfd reads stays. */
static void gs_signal_main_pending(struct gs_thread *main)
{
	const struct timespec now = { 0 };
	uint64_t set = 0;
	siginfo_t info;

	gs_sys2(__NR_rt_sigpending, &set, GS_SIG_BYTES);
	/* relaxed: there is one thread */
	set &= ~atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed);
	gs_lock(&gs_sigact_lock);
	for (unsigned n = 0; set && n < GS_SIGNAL_INHERITED; n++) {
		bool own;

		if (gs_sys4(__NR_rt_sigtimedwait, &set, &info, &now, GS_SIG_BYTES) <= 0)
			break;
		own = info.si_code == SI_TKILL;
		gs_sigqueue_add(own ? main : NULL, &info, !own);
	}
	gs_unlock(&gs_sigact_lock);
}

void gs_signal_init(struct gs_thread *main)
{
	uint64_t mask = 0;

	gs_sigqueue_init();
	gs_sigpost_init(main);
	gs_signal_main_altstack(main);
	gs_signal_main_pending(main);
	gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &mask, GS_SIG_BYTES);
	atomic_store_explicit(&main->sigmask, mask & GS_SIGS_BLOCKABLE, memory_order_relaxed);
	gs_sigmask_begin(main);
	gs_sigworker_start(main->worker, true);
	gs_signal_listen();
}

void gs_signal_worker_started(struct gs_worker *w)
{
	gs_sigworker_start(w, false);
}

void gs_signal_thread_born(struct gs_thread *self, struct gs_thread *t)
{
	gs_sigpost_born(self, t);
}

void gs_signal_thread_died(struct gs_thread *self)
{
	gs_sigpost_died(self);
}

bool gs_signal_native(struct gs_thread *self, bool native)
{
	bool was;

	/* A handler in the middle might bring us to another worker. */
	gs_enter_hold(self);
	if (native)
		gs_sigact_native(true);
	was = gs_sigworker_native(self, native);
	if (!native)
		gs_sigact_native(false);
	gs_leave(self);
	return was;
}

void gs_signal_forking(struct gs_thread *self, bool forking)
{
	if (self->worker->g0.sig)
		gs_sigworker(self->worker)->in_malloc = forking;
}

void gs_signal_keep_held(struct gs_thread *self)
{
	const uint64_t all = ~GS_SIGS_FAULT;
	struct gs_worker *w = self->worker;

	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, NULL, GS_SIG_BYTES);
	gs_signal_child_has = w && w->g0.sig && gs_sigworker_holds(w);
	if (gs_signal_child_has)
		gs_signal_childs = gs_sigworker(w)->held;
}

void gs_signal_after_fork(struct gs_thread *self)
{
	gs_sigact_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_signal_forked();
	gs_sigqueue_after_fork(self);
	gs_sigpost_init(self);
	/* relaxed: one thread */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
	gs_sigmask_begin(self);
	if (gs_signal_child_has)
		gs_sigpost(NULL, &gs_signal_childs, self);
	gs_sigworker_start(self->worker, true);
}
