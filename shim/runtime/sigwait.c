/* SPDX-License-Identifier: MIT */
/*
 * sigwait.c - sigwait and its relatives, sigsuspend, sigpending, signalfd.
 *
 * A signal that can be waited for is in one of three places: the thread's own queue, the
 * queue of those nobody wanted (sigqueue.c), or still in the kernel, pending for the
 * process, because every worker blocks it. sigwait looks in all three, in this order,
 * which is that of age. Then it goes on the list of those who wait (sigpost.c), and
 * what it waits for is wanted: the kernel delivers it, and the handler gives it away.
 *
 * Locks: gs_sigact_lock. Called from: hooks/signal.c.
 */
#include "sigwait.h"

#include "sched.h"
#include "sigact.h"
#include "sigmask.h"
#include "signal.h"
#include "sigpost.h"
#include "sigworker.h"
#include "sys.h"

#include <errno.h>
#include <time.h>

/* Own and shared queue; lock held. */
static int gs_sigwait_queued(struct gs_thread *self, uint64_t set, siginfo_t *info)
{
	int sig = gs_sigqueue_take(self, set, info);

	return sig ? sig : gs_sigqueue_take(NULL, set, info);
}

/* Lock held: nobody comes to want one of them meanwhile, which would let the first worker
   take an older one. */
static int gs_sigwait_kernel(struct gs_thread *self, uint64_t set, siginfo_t *info)
{
	const struct timespec now = { 0 };
	long sig;

	set = gs_sigworker_fetchable(set);
	do
		sig = gs_sys4(__NR_rt_sigtimedwait, &set, info, &now, GS_SIG_BYTES);
	while (sig == -EINTR);
	return sig > 0 ? (int)sig : 0;
}

static bool gs_sigwait_cancelled(struct gs_thread *self)
{
	/* relaxed: a request that comes later ends the next wait */
	return (atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_CANCEL) &&
	       gs_sched_ops.cancellable(self);
}

/* One wait. Returns the signal, 0 (interrupted) or -ETIMEDOUT. Inside the runtime. */
static int gs_sigwait_park(struct gs_thread *self, uint64_t set, siginfo_t *info,
			   uint64_t deadline)
{
	struct gs_sigpost_waiter w = { .t = self, .set = set };
	uint64_t grown;
	int sig, err;

	gs_list_init(&w.node);
	w.token = gs_wait_begin(self, GS_REASON_SIGNAL, NULL, true);
	gs_lock(&gs_sigact_lock);
	sig = gs_sigwait_queued(self, set, info);
	if (sig != 0) {
		gs_unlock(&gs_sigact_lock);
		gs_wait_cancel(self, w.token);
		return sig;
	}
	grown = gs_sigpost_wait_begin(&w);
	gs_unlock(&gs_sigact_lock);
	gs_sigpost_open(self, grown);
	err = gs_wait_park(self, w.token, deadline);
	gs_lock(&gs_sigact_lock);
	gs_sigpost_wait_end(&w);
	gs_unlock(&gs_sigact_lock);
	if (w.served) {
		*info = w.info;
		return w.info.si_signo;
	}
	return err == -ETIMEDOUT ? err : 0;
}

int gs_sigwait(struct gs_thread *self, uint64_t set, siginfo_t *info, uint64_t deadline)
{
	int sig;

	set &= GS_SIGS_BLOCKABLE;
	gs_enter(self);
	gs_lock(&gs_sigact_lock);
	sig = gs_sigwait_queued(self, set, info);
	if (sig == 0)
		sig = gs_sigwait_kernel(self, set, info);
	gs_unlock(&gs_sigact_lock);
	while (sig == 0 && deadline != 0) {
		sig = gs_sigwait_park(self, set, info, deadline);
		if (sig != 0)
			break;
		if (gs_sigwait_cancelled(self)) {
			sig = -EINTR;
			break;
		}
		gs_leave(self); /* handlers run */
		if (gs_signal_ran(self))
			return -EINTR;
		gs_enter(self);
	}
	gs_leave(self);
	return sig == 0 || sig == -ETIMEDOUT ? -EAGAIN : sig;
}

void gs_sigwait_suspend(struct gs_thread *self, uint64_t mask)
{
	struct gs_signal_state *s;
	uint64_t old;
	bool ran = false;

	gs_enter(self);
	gs_lock(&gs_sigact_lock);
	s = gs_sigqueue_state(self);
	gs_unlock(&gs_sigact_lock);
	gs_signal_swap_mask(self, mask, &old);
	if (s) {
		s->suspended_mask = old;
		s->suspended = true;
	}
	while (!ran && !gs_sigwait_cancelled(self)) {
		uint64_t token = gs_wait_begin(self, GS_REASON_SIGNAL, NULL, true);

		gs_wait_park(self, token, GS_NEVER);
		gs_leave(self); /* handlers run, and put the mask back */
		ran = gs_signal_ran(self);
		gs_enter(self);
	}
	if (s)
		s->suspended = false;
	if (!ran || !s)
		gs_signal_swap_mask(self, old, &mask);
	gs_leave(self);
}

uint64_t gs_sigwait_pending(struct gs_thread *self)
{
	uint64_t set;

	gs_enter(self);
	gs_lock(&gs_sigact_lock);
	set = gs_sigpost_settle();
	set |= gs_sigqueue_pending(self);
	gs_unlock(&gs_sigact_lock);
	gs_leave(self);
	return set & atomic_load_explicit(&self->sigmask, memory_order_relaxed);
}

void gs_sigwait_fd(uint64_t set)
{
	uint64_t saved = gs_signal_lock();
	siginfo_t info;

	/* relaxed: under the lock */
	atomic_fetch_or_explicit(&gs_sigmask_fds, set, memory_order_relaxed);
	/* A worker that still lets it in will give it back, and then block it; the first
	   does so now. */
	if (gs_sched_on)
		gs_sigworker_kick();
	while (gs_sigqueue_take(NULL, set, &info))
		gs_sigpost_keep(&info);
	gs_signal_unlock(saved);
}
