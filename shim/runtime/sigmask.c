/* SPDX-License-Identifier: MIT */
/*
 * sigmask.c - the union of all green threads' masks.
 *
 * A green thread's mask is a word in its record: changing it costs no system call. A
 * kernel thread's mask is not any thread's. It follows from two questions:
 *
 *  - Is a signal wanted: does any green thread let it in, or wait for it in sigwait?
 *    While a signal is wanted, the first worker lets it in, for ever after somebody
 *    asked for it the first time: what has become unwanted is blocked in the kernel
 *    only when one comes (signal.c), so a thread that blocks and unblocks a signal
 *    all the time costs the kernel nothing.
 *  - May this worker take it? Real-time signals are for the first worker alone, because
 *    they are delivered in order, and two workers would not keep it.
 *
 * What is wanted is kept without looking at every thread. Most threads have the mask
 * that main had when it made the first: they are not counted at all. For the others
 * it is counted, per signal, how many differ from it in that signal. 64 counters
 * would be 64 additions; they are kept as columns of bits, so that one addition with
 * carry counts all 64 (gs_sigmask_tally).
 *
 * Invariants: w->kmask is written by w's own kernel thread only, and is what the kernel
 * has, unless w holds a signal back (signal.c). Every wanted signal is let in by the
 * first worker, or it has been kicked.
 * Locks: gs_sigact_lock, held by the caller, for all but the kernel's masks.
 * Called from: signal.c, sigwait.c.
 */
#include "sigmask.h"

#include "sigact.h"
#include "sys.h"
#include "worker.h"

enum { GS_SIGMASK_PLANES = 32 };

/* 64 counters: plane i holds bit i of each. */
struct gs_sigmask_tally {
	uint64_t plane[GS_SIGMASK_PLANES];
};

uint64_t gs_sigmask_common;
_Atomic long gs_sigmask_odd;
_Atomic uint64_t gs_sigmask_fds;

static struct gs_sigmask_tally gs_sigmask_differ, gs_sigmask_awaited;
static uint64_t gs_sigmask_now; /* wanted, as of the last revision */
static struct gs_worker *gs_sigmask_first; /* the first worker: it never ends */

static void gs_sigmask_add(struct gs_sigmask_tally *t, uint64_t set)
{
	for (unsigned i = 0; set != 0 && i < GS_SIGMASK_PLANES; i++) {
		uint64_t carry = t->plane[i] & set;

		t->plane[i] ^= set;
		set = carry;
	}
}

static void gs_sigmask_subtract(struct gs_sigmask_tally *t, uint64_t set)
{
	for (unsigned i = 0; set != 0 && i < GS_SIGMASK_PLANES; i++) {
		uint64_t borrow = ~t->plane[i] & set;

		t->plane[i] ^= set;
		set = borrow;
	}
}

/* The signals whose counter is not n. */
static uint64_t gs_sigmask_unequal(const struct gs_sigmask_tally *t, unsigned long n)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < GS_SIGMASK_PLANES; i++)
		set |= t->plane[i] ^ (n >> i & 1 ? ~UINT64_C(0) : 0);
	return set;
}

static long gs_sigmask_count(void)
{
	/* relaxed: changes under the lock */
	return atomic_load_explicit(&gs_sigmask_odd, memory_order_relaxed);
}

static void gs_sigmask_recount(long by)
{
	/* seq_cst: read without the lock by threads that end (gs_signal_thread_died) */
	atomic_fetch_add_explicit(&gs_sigmask_odd, by, memory_order_seq_cst);
}

void gs_sigmask_come(struct gs_thread *t)
{
	uint64_t differ = atomic_load_explicit(&t->sigmask, memory_order_relaxed) ^
			  gs_sigmask_common;

	if (differ == 0)
		return;
	gs_sigmask_recount(1);
	gs_sigmask_add(&gs_sigmask_differ, differ);
}

void gs_sigmask_go(struct gs_thread *t)
{
	uint64_t differ = atomic_load_explicit(&t->sigmask, memory_order_relaxed) ^
			  gs_sigmask_common;

	if (differ == 0)
		return;
	gs_sigmask_recount(-1);
	gs_sigmask_subtract(&gs_sigmask_differ, differ);
}

void gs_sigmask_change(struct gs_thread *t, uint64_t set)
{
	gs_sigmask_go(t);
	/* relaxed: read by others under the lock */
	atomic_store_explicit(&t->sigmask, set, memory_order_relaxed);
	gs_sigmask_come(t);
}

void gs_sigmask_await(uint64_t set, bool begin)
{
	if (begin)
		gs_sigmask_add(&gs_sigmask_awaited, set);
	else
		gs_sigmask_subtract(&gs_sigmask_awaited, set);
}

uint64_t gs_sigmask_wanted(void)
{
	return gs_sigmask_now;
}

uint64_t gs_sigmask_revise(void)
{
	long odd = gs_sigmask_count();
	/* seq_cst: pairs with the decrement of a thread that ends, see signal.c */
	bool common = atomic_load_explicit(&gs_thread_count, memory_order_seq_cst) > odd;
	uint64_t blocked = gs_sigmask_common, wanted, grown;

	/* What the common mask blocks: wanted by those who differ. What it lets in: by
	   those who have it, and by those who do not differ. */
	wanted = blocked & gs_sigmask_unequal(&gs_sigmask_differ, 0);
	wanted |= ~blocked & (common ? ~UINT64_C(0)
				     : gs_sigmask_unequal(&gs_sigmask_differ, (unsigned long)odd));
	wanted |= gs_sigmask_unequal(&gs_sigmask_awaited, 0);
	wanted |= GS_SIGS_OPEN;
	grown = wanted & ~gs_sigmask_now;
	if (gs_sigmask_now & ~wanted)
		gs_sigact_guard(gs_sigmask_now & ~wanted);
	gs_sigmask_now = wanted;
	return grown;
}

uint64_t gs_sigmask_start(const struct gs_worker *w)
{
	uint64_t rest = w == gs_sigmask_first ? 0 : GS_SIGS_REALTIME;

	return (~gs_sigmask_now | rest) & ~GS_SIGS_OPEN;
}

void gs_sigmask_apply(struct gs_worker *w)
{
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &w->kmask, NULL, GS_SIG_BYTES);
}

void gs_sigmask_catch_up(struct gs_worker *w)
{
	if (w == gs_sigmask_first)
		w->kmask &= ~gs_sigmask_now;
}

void gs_sigmask_open(struct gs_worker *w, uint64_t set)
{
	struct gs_worker *first = gs_sigmask_first;
	uint64_t mine = w == first ? set : set & ~GS_SIGS_REALTIME;

	if (w->kmask & mine) {
		w->kmask &= ~mine;
		if (!w->mail)
			gs_sigmask_apply(w);
	}
	/* Plain read of its owner's word: what it blocks later, it blocks under the lock,
	   after seeing that nobody wanted it. */
	if (w != first && (__atomic_load_n(&first->kmask, __ATOMIC_RELAXED) & set))
		gs_sys3(__NR_tgkill, gs_sys_getpid(), first->ktid, GS_SIG_KICK);
}

void gs_sigmask_tty(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;
	uint64_t mask = atomic_load_explicit(&self->sigmask, memory_order_relaxed);

	w->kmask = (w->kmask & ~GS_SIGS_TTY) | (mask & GS_SIGS_TTY);
	if (!w->mail)
		gs_sigmask_apply(w);
}

void gs_sigmask_init(struct gs_thread *main)
{
	struct gs_worker *w = main->worker;

	gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &w->kmask, GS_SIG_BYTES);
	gs_sigmask_first = w;
	gs_sigmask_common = w->kmask & GS_SIGS_BLOCKABLE;
	atomic_store_explicit(&main->sigmask, gs_sigmask_common, memory_order_relaxed);
	gs_sigmask_now = ~UINT64_C(0);
	gs_sigmask_revise();
	w->kmask = gs_sigmask_start(w);
	gs_sigmask_apply(w);
}

void gs_sigmask_after_fork(struct gs_thread *self)
{
	gs_sigmask_differ = gs_sigmask_awaited = (struct gs_sigmask_tally){ 0 };
	atomic_store_explicit(&gs_sigmask_odd, 0, memory_order_relaxed);
	gs_sigmask_common = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
	gs_sigmask_first = self->worker;
	gs_sigmask_now = ~UINT64_C(0);
	gs_sigmask_revise();
	self->worker->kmask = gs_sigmask_start(self->worker);
	gs_sigmask_apply(self->worker);
}
