/* SPDX-License-Identifier: MIT */
/*
 * cputime.c - processor time per green thread, from the cycles the scheduler counts
 * at each switch.
 *
 * Unlike the kernel's clock this one does not stop while the kernel runs another
 * process on the CPU, nor during a short blocking system call.
 *
 * Invariants: the factor is fixed at the first question, and the scheduler reads the
 * counter at every switch from then on, so that no answer is smaller than an earlier
 * one.
 * Locks: none. Called from: hooks/clock.c.
 */
#include "cputime.h"

#include "arch.h"
#include "sched.h"
#include "sys.h"

#include <time.h>

static const uint64_t gs_cputime_baseline = 500000; /* ns, for the factor */

static uint64_t gs_cputime_cycles, gs_cputime_when; /* the same moment, at start-up */
static uint64_t gs_cputime_early;                   /* ns main had used by then */
static _Atomic double gs_cputime_factor;            /* ns per cycle; 0: not known yet */

void gs_cputime_init(void)
{
	struct timespec ts = { 0, 0 };

	gs_cputime_when = gs_now();
	gs_cputime_cycles = gs_arch_cycles();
	gs_sys2(__NR_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &ts);
	gs_cputime_early = (uint64_t)ts.tv_sec * GS_NSEC + (uint64_t)ts.tv_nsec;
}

static double gs_cputime_learn(void)
{
	double factor, none = 0;
	uint64_t ns, cycles;

	gs_sched_precise = true;
	do {
		ns = gs_now() - gs_cputime_when;
		cycles = gs_arch_cycles() - gs_cputime_cycles;
	} while (ns < gs_cputime_baseline);
	factor = (double)ns / (double)cycles;
	/* relaxed: the number is all there is. Who comes second takes the first's. */
	if (!atomic_compare_exchange_strong_explicit(&gs_cputime_factor, &none, factor,
						     memory_order_relaxed, memory_order_relaxed))
		factor = none;
	return factor;
}

/* Its cycles. t, be it the caller, may be switched to or from meanwhile: look again. */
static uint64_t gs_cputime_count(const struct gs_thread *t)
{
	uint64_t ran, since, now;

	for (int tries = 0; tries < 100; tries++) {
		unsigned state;

		since = *(const volatile uint64_t *)&t->since;
		ran = *(const volatile uint64_t *)&t->ran;
		/* relaxed: for people; here too, a wrong one is an old one */
		state = atomic_load_explicit(&t->state, memory_order_relaxed);
		gs_barrier();
		now = gs_arch_cycles();
		gs_barrier();
		if (since != *(const volatile uint64_t *)&t->since)
			continue;
		if (state == GS_STATE_RUNNING && now > since)
			ran += now - since;
		break;
	}
	return ran;
}

uint64_t gs_cputime(const struct gs_thread *t)
{
	double factor = atomic_load_explicit(&gs_cputime_factor, memory_order_relaxed);
	uint64_t ns = t->id == 1 ? gs_cputime_early : 0;

	if (factor == 0)
		factor = gs_cputime_learn();
	return ns + (uint64_t)((double)gs_cputime_count(t) * factor);
}

void gs_cputime_after_fork(struct gs_thread *self)
{
	gs_cputime_early = 0;
	self->ran = 0;
	self->since = gs_arch_cycles();
}
