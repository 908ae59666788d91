/* SPDX-License-Identifier: MIT */
/*
 * sigaim.c - timers that send to a thread (SIGEV_THREAD_ID), and descriptors whose owner is
 * a thread (F_OWNER_TID).
 *
 * The kernel sends these to a kernel thread, so the green thread has one of its own, its
 * home (wired.c). There such a signal is let in for good, real-time or not, and whatever the
 * thread blocks: it goes into the thread's own queue, as it would into the kernel's.
 *
 * A signal for the process, of the same number and kind, may come to a home as well and is
 * taken for the thread's: the kernel does not say which it was.
 *
 * Locks: gs_sigact_lock, in gs_sigaim. Called from: hooks; sigworker.c, signal.c.
 */
#include "sigaim.h"

#include "kick.h"
#include "sigact.h"
#include "signal.h"

#include <fcntl.h>

/* The thread w is the home of. */
static struct gs_thread *gs_sigaim_guest(const struct gs_worker *w)
{
	return w->wired && w->wired != &w->g0 && !w->retired ? w->wired : NULL;
}

static uint64_t gs_sigaim_of(const struct gs_thread *t)
{
	const struct gs_signal_state *s = t ? t->sig : NULL;

	/* relaxed: the kick that follows a change orders it */
	return s ? atomic_load_explicit(&s->aimed, memory_order_relaxed) : 0;
}

void gs_sigaim(struct gs_thread *t, int ktid, int sig)
{
	uint64_t saved = gs_signal_lock();
	struct gs_signal_state *s = gs_sigqueue_state(t);

	/* The thread may block it, and the kernel does not know. */
	gs_sigact_guard(GS_SIG(sig));
	if (s)
		/* relaxed: as above */
		atomic_fetch_or_explicit(&s->aimed, GS_SIG(sig), memory_order_relaxed);
	gs_kick(ktid, GS_SIG_KICK);
	gs_signal_unlock(saved);
}

uint64_t gs_sigaim_at(const struct gs_worker *w)
{
	return gs_sigaim_of(gs_sigaim_guest(w));
}

bool gs_sigaim_kind(const siginfo_t *info)
{
	int code = info->si_code;

	/* SIGIO without F_SETSIG says nothing but that the kernel sent it; SIGCHLD has codes of
	   its own. */
	return code == SI_TIMER ||
	       (code >= POLL_IN && code <= POLL_HUP && info->si_signo != SIGCHLD) ||
	       (info->si_signo == SIGIO && code == SI_KERNEL);
}

struct gs_thread *gs_sigaim_whose(const struct gs_worker *w, const siginfo_t *info)
{
	struct gs_thread *t = gs_sigaim_guest(w);

	return gs_sigaim_kind(info) && (gs_sigaim_of(t) & GS_SIG(info->si_signo)) ? t : NULL;
}
