/* SPDX-License-Identifier: MIT */
/*
 * cputime.h - how long a green thread has run.
 *
 * Called from: any context.
 */
#ifndef GS_CPUTIME_H
#define GS_CPUTIME_H

#include "worker.h"

/* Nanoseconds that t has had the processor, in its lifetime; for main, also what it
   used before there were others. */
uint64_t gs_cputime(const struct gs_thread *t);

/* How many cycles to charge for a stay of so many that was long (GS_CPUTIME_LONG). On w's
   kernel thread, inside the runtime. */
uint64_t gs_cputime_lasted(struct gs_worker *w, uint64_t stay);

/* In a stay this long, in cycles, the kernel may have done other things. */
enum { GS_CPUTIME_LONG = 250000 };

/* What a thread is charged that has had w for so many cycles. */
static inline __attribute__((always_inline)) uint64_t gs_cputime_charge(struct gs_worker *w,
									uint64_t stay)
{
	if (GS_UNLIKELY(stay > GS_CPUTIME_LONG))
		return gs_cputime_lasted(w, stay);
	w->charged += stay;
	return stay;
}

/* Start-up, on main and its worker. */
void gs_cputime_init(struct gs_worker *w);
void gs_cputime_after_fork(struct gs_thread *self);

#endif
