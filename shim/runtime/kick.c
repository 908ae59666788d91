/* SPDX-License-Identifier: MIT */
/*
 * kick.c - the library's own signals to kernel threads, and how exec keeps them out.
 *
 * A signal that is pending when a thread becomes another program is pending there, where
 * nobody handles it: it ends that program. The kernel empties nothing, and leaves the
 * other threads running until it is past the point of no return. So:
 *
 *  1. exec puts its kernel thread's number into gs_kick_sealed; one at a time.
 *  2. A sender counts itself in, then looks at gs_kick_sealed, sends, counts itself out.
 *  3. exec waits until nobody is counted. Whoever counts itself in later sees step 1.
 *  4. exec takes off what was sent before.
 *  5. If it comes back it clears gs_kick_sealed and kicks itself: senders have said what
 *     they wanted before they came to step 2.
 *
 * Locks: none. Called from: whoever kicks; hooks/exec.c; signal_run.c, since a handler that
 * runs in between may never return.
 */
#include "kick.h"

#include "preempt.h"
#include "sys.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>

enum { GS_KICK_SIGSET = 8 };

static _Atomic int gs_kick_sealed;      /* kernel thread; 0: none */
static _Atomic uint32_t gs_kick_senders;

/* The program's handlers do not run meanwhile: one that becomes another program would wait
   for the count. */
long gs_kick(int ktid, int sig)
{
	long err = -EBUSY;

	/* seq_cst, both: counted in before the look; pairs with gs_kick_seal */
	atomic_fetch_add_explicit(&gs_kick_senders, 1, memory_order_seq_cst);
	if (GS_LIKELY(atomic_load_explicit(&gs_kick_sealed, memory_order_seq_cst) != ktid))
		err = gs_sys3(__NR_tgkill, gs_sys_getpid(), ktid, sig);
	/* release: what was sent is there for the one who waits for the count */
	atomic_fetch_sub_explicit(&gs_kick_senders, 1, memory_order_release);
	return err;
}

void gs_kick_seal(struct gs_worker *w)
{
	const uint64_t ours = 1ULL << (GS_PREEMPT_SIGNAL - 1) | 1ULL << (GS_EVERYWHERE_SIGNAL - 1);
	const struct timespec now = { 0 };
	int none = 0;
	long sig;

	/* seq_cst, both: sealed before the look at the count; pairs with gs_kick */
	while (!atomic_compare_exchange_strong_explicit(&gs_kick_sealed, &none, w->ktid,
							memory_order_seq_cst,
							memory_order_seq_cst)) {
		if (none == w->ktid)
			break;
		none = 0;
		gs_sys0(__NR_sched_yield); /* to another's exec */
	}
	while (atomic_load_explicit(&gs_kick_senders, memory_order_seq_cst) != 0)
		gs_sys0(__NR_sched_yield);
	while ((sig = gs_sys4(__NR_rt_sigtimedwait, &ours, NULL, &now, GS_KICK_SIGSET)) > 0)
		if (sig == GS_PREEMPT_SIGNAL)
			gs_preempt_arrived(w);
}

bool gs_kick_unseal(struct gs_worker *w)
{
	/* relaxed: only its own thread seals it */
	if (atomic_load_explicit(&gs_kick_sealed, memory_order_relaxed) != w->ktid)
		return false;
	/* seq_cst: before the kick's handler looks at what senders have said */
	atomic_store_explicit(&gs_kick_sealed, 0, memory_order_seq_cst);
	/* Not counted: a handler of the program's may run in here, and exec. */
	gs_sys3(__NR_tgkill, gs_sys_getpid(), w->ktid, GS_EVERYWHERE_SIGNAL);
	return true;
}

void gs_kick_after_fork(void)
{
	/* relaxed: one thread */
	atomic_store_explicit(&gs_kick_sealed, 0, memory_order_relaxed);
	atomic_store_explicit(&gs_kick_senders, 0, memory_order_relaxed);
}
