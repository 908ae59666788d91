/* SPDX-License-Identifier: MIT */
/*
 * cputime.c - processor time per green thread.
 *
 * The scheduler counts cycles at each switch, which costs next to nothing, but the cycle
 * counter goes on while the kernel runs another program on the CPU, or has put the kernel
 * thread to sleep in a system call. Both take long. So a stay that was long is not taken at
 * its word: the kernel is asked how long the worker's kernel thread has run since it was
 * last asked, and what short stays have been charged since then is taken off
 * (gs_cputime_lasted). A question about a thread that is running is answered in the same
 * way.
 *
 * No answer is smaller than an earlier one: what is charged for a short stay is all of it,
 * and so never less than an answer given during it; and each of "what the kernel says since"
 * and "what was charged since" grows by no less than what is moved from one to the other.
 *
 * Invariants: the factor is fixed when it is first needed.
 * Locks: none. Called from: switch.h; hooks/clock.c; wired.c (init, fork).
 */
#include "cputime.h"

#include "arch.h"
#include "sched.h"
#include "sys.h"
#include "worker.h"

#include <time.h>

static const uint64_t gs_cputime_baseline = 500000; /* ns, for the factor */

static uint64_t gs_cputime_cycles, gs_cputime_when; /* the same moment, at start-up */
static uint64_t gs_cputime_early;                   /* ns main had used by then */
static _Atomic double gs_cputime_factor;            /* ns per cycle; 0: not known yet */

/* What the clock of kernel thread ktid says, in ns; 0: nothing, for a filter bars it. */
static uint64_t gs_cputime_kernel(int ktid)
{
	struct timespec ts = { 0, 0 };

	/* The number of a thread's clock, the kernel's way. */
	gs_sys_try2(__NR_clock_gettime, ktid ? (long)(int)(~(unsigned)ktid << 3 | 6)
					     : CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * GS_NSEC + (uint64_t)ts.tv_nsec;
}

void gs_cputime_init(struct gs_worker *w)
{
	gs_cputime_when = gs_now();
	gs_cputime_cycles = gs_arch_cycles();
	gs_cputime_early = w->cpu_ns = gs_cputime_kernel(0);
}

/* 0: too early to say, unless it is to wait. */
static double gs_cputime_scale(bool wait)
{
	double factor = atomic_load_explicit(&gs_cputime_factor, memory_order_relaxed), none = 0;
	uint64_t ns, cycles;

	if (GS_LIKELY(factor != 0))
		return factor;
	do {
		ns = gs_now() - gs_cputime_when;
		cycles = gs_arch_cycles() - gs_cputime_cycles;
		if (ns < gs_cputime_baseline && !wait)
			return 0;
	} while (ns < gs_cputime_baseline);
	factor = (double)ns / (double)cycles;
	/* relaxed: the number is all there is. Who comes second takes the first's. */
	if (!atomic_compare_exchange_strong_explicit(&gs_cputime_factor, &none, factor,
						     memory_order_relaxed, memory_order_relaxed))
		factor = none;
	return factor;
}

/* How many of the cycles of a stay w's kernel thread ran, when its clock says ns. */
static uint64_t gs_cputime_really(const struct gs_worker *w, uint64_t ns, uint64_t stay, double scale)
{
	/* Less: another kernel thread has w's record since. */
	uint64_t since = ns >= w->cpu_ns ? ns - w->cpu_ns : ns;
	uint64_t cycles = (uint64_t)((double)since / scale);

	return cycles > w->charged ? GS_MIN(stay, cycles - w->charged) : 0;
}

uint64_t gs_cputime_lasted(struct gs_worker *w, uint64_t stay)
{
	double scale = gs_cputime_scale(false);
	uint64_t ns = scale != 0 ? gs_cputime_kernel(0) : 0;

	if (ns == 0) {
		w->charged += stay;
		return stay;
	}
	stay = gs_cputime_really(w, ns, stay, scale);
	w->cpu_ns = ns;
	w->charged = 0;
	return stay;
}

/* Its cycles. t, be it the caller, may be switched to or from meanwhile: look again. */
static uint64_t gs_cputime_count(const struct gs_thread *t, double scale)
{
	uint64_t ran, since, now;

	for (int tries = 0; tries < 100; tries++) {
		const struct gs_worker *w = *(struct gs_worker *const volatile *)&t->worker;
		uint64_t stay = 0;
		unsigned state;

		since = *(const volatile uint64_t *)&t->since;
		ran = *(const volatile uint64_t *)&t->ran;
		/* relaxed: for people; here too, a wrong one is an old one */
		state = atomic_load_explicit(&t->state, memory_order_relaxed);
		gs_barrier();
		now = gs_arch_cycles();
		if ((state == GS_STATE_RUNNING || state == GS_STATE_REGION) && w && now > since)
			stay = gs_cputime_really(w, gs_cputime_kernel(t == gs_self ? 0 : w->ktid),
						 now - since, scale);
		gs_barrier();
		if (since != *(const volatile uint64_t *)&t->since)
			continue;
		return ran + stay;
	}
	return ran;
}

uint64_t gs_cputime(const struct gs_thread *t)
{
	double scale = gs_cputime_scale(true);
	uint64_t ns = t->id == 1 ? gs_cputime_early : 0;

	gs_sched_be_precise();
	return ns + (uint64_t)((double)gs_cputime_count(t, scale) * scale);
}

void gs_cputime_after_fork(struct gs_thread *self)
{
	gs_cputime_early = 0;
	self->ran = 0;
	self->since = gs_arch_cycles();
	self->worker->cpu_ns = gs_cputime_kernel(0);
	self->worker->charged = 0;
}
