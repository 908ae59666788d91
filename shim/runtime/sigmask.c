/* SPDX-License-Identifier: MIT */
/*
 * sigmask.c - the union of all green threads' masks.
 *
 * A green thread's mask is a word in its record; changing it costs no system call. What
 * the kernel has to know is less: which signals are wanted by anybody at all, because
 * a thread lets them in or waits for them in sigwait. The rest must stay pending.
 *
 * This is kept without looking at every thread. Most threads have the mask that main
 * had when it made the first one: they are not counted at all. For the others it is
 * counted, per signal, how many differ from it in that signal. The 64 counters are kept
 * as columns of bits, so that one addition with carry counts in all of them.
 *
 * Invariants: gs_sigmask_odd is the number of threads whose mask is not the common one;
 * gs_sigmask_differ's counters are over these. Signals that have become unwanted are
 * guarded (sigact.c), because the kernel still lets them in.
 * Locks: gs_sigact_lock, held by the caller. Called from: sigpost.c, sigworker.c,
 * signal_life.c.
 */
#include "sigmask.h"

#include "sigact.h"

enum { GS_SIGMASK_PLANES = 32 };

/* 64 counters: plane i holds bit i of each. */
struct gs_sigmask_tally {
	uint64_t plane[GS_SIGMASK_PLANES];
};

uint64_t gs_sigmask_common;
_Atomic long gs_sigmask_odd;
_Atomic uint64_t gs_sigmask_fds;

static struct gs_sigmask_tally gs_sigmask_differ, gs_sigmask_awaited;
static _Atomic uint64_t gs_sigmask_now; /* wanted, as of the last revision */

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
	uint64_t mask = atomic_load_explicit(&t->sigmask, memory_order_relaxed);
	uint64_t differ = mask ^ gs_sigmask_common;

	/* No worker blocks these in the kernel, so the default action must not be its. */
	if (mask & GS_SIGS_LOCAL)
		gs_sigact_guard(mask & GS_SIGS_LOCAL);
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

void gs_sigmask_await(uint64_t set)
{
	gs_sigact_guard(set);
	gs_sigmask_add(&gs_sigmask_awaited, set);
}

void gs_sigmask_await_over(uint64_t set)
{
	gs_sigmask_subtract(&gs_sigmask_awaited, set);
}

uint64_t gs_sigmask_wanted(void)
{
	/* relaxed: without the lock, a stale answer is put right by who changed it, who
	   then kicks the first worker */
	return atomic_load_explicit(&gs_sigmask_now, memory_order_relaxed);
}

static uint64_t gs_sigmask_compute(void)
{
	long odd = gs_sigmask_count();
	/* seq_cst: pairs with the decrement of a thread that ends, see sigpost.c */
	bool common = atomic_load_explicit(&gs_thread_count, memory_order_seq_cst) > odd;
	uint64_t blocked = gs_sigmask_common, wanted = GS_SIGS_OPEN;

	/* What the common mask blocks: wanted by those who differ. What it lets in: by
	   those who have it, and by those who do not differ. */
	wanted |= blocked & gs_sigmask_unequal(&gs_sigmask_differ, 0);
	wanted |= ~blocked & (common ? ~UINT64_C(0)
				     : gs_sigmask_unequal(&gs_sigmask_differ, (unsigned long)odd));
	return wanted | gs_sigmask_unequal(&gs_sigmask_awaited, 0);
}

uint64_t gs_sigmask_growth(void)
{
	return gs_sigmask_compute() & ~gs_sigmask_wanted();
}

uint64_t gs_sigmask_revise(void)
{
	uint64_t before = gs_sigmask_wanted(), wanted = gs_sigmask_compute();

	if (before & ~wanted)
		gs_sigact_guard(before & ~wanted);
	atomic_store_explicit(&gs_sigmask_now, wanted, memory_order_relaxed);
	return wanted & ~before;
}

void gs_sigmask_begin(struct gs_thread *self)
{
	gs_sigmask_differ = gs_sigmask_awaited = (struct gs_sigmask_tally){ 0 };
	atomic_store_explicit(&gs_sigmask_odd, 0, memory_order_relaxed);
	gs_sigmask_common = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
	atomic_store_explicit(&gs_sigmask_now, 0, memory_order_relaxed);
	gs_sigmask_come(self);
	gs_sigmask_revise();
}
