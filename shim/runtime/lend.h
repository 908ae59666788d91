/* SPDX-License-Identifier: MIT */
/*
 * lend.h - mutexes of this process with priority inheritance: who waits for one lends its
 * real-time priority to the owner.
 *
 * All functions are for green threads, inside the runtime or not, with no lock held.
 */
#ifndef GS_LEND_H
#define GS_LEND_H

#include "list.h"
#include "mutex.h"
#include "priority.h"

/* One who waits; on its stack. */
struct gs_lend {
	struct gs_list node;
	const struct gs_mutex *m;
	struct gs_thread *from, *to; /* to: NULL as long as nobody is known to need it */
	int own;                     /* priority it had by itself, 0: not a real-time one */
	int priority;                /* the same, with what others lend it */
	bool joined;
};

extern _Atomic uint32_t gs_lend_count; /* how many wait */

/* self is going to wait for m: fills l in. */
void gs_lend_prepare(struct gs_lend *l, struct gs_thread *self, const struct gs_mutex *m);
/* It waits, and is in m's queue; it has ended. Each may be said more than once. Signal
   handlers, which may jump away, run outside of that. Nothing in the first parks. */
void gs_lend_begin(struct gs_lend *l);
void gs_lend_end(struct gs_lend *l);

void gs_lend_claim_from(struct gs_thread *self, const struct gs_mutex *m);
struct gs_priority *gs_lend_drop_from(struct gs_thread *self, const struct gs_mutex *m);

/* The caller is m's owner now, and has said so in m. */
static inline void gs_lend_claim(const struct gs_mutex *m)
{
	struct gs_thread *self = gs_self;

	if (!(m->kind & GS_MUTEX_INHERIT))
		return;
	/* seq_cst: m's owner before the count; pairs with the count before the owner in
	   gs_lend_begin */
	atomic_thread_fence(memory_order_seq_cst);
	if (GS_UNLIKELY(atomic_load_explicit(&gs_lend_count, memory_order_relaxed) > 0) && self &&
	    self->kind == GS_KIND_GREEN)
		gs_lend_claim_from(self, m);
}

/* The caller lets go of m next, and is not m's owner any more. What it returns, if
   anything, is for gs_lend_repay, when it has. */
static inline struct gs_priority *gs_lend_drop(const struct gs_mutex *m)
{
	struct gs_thread *self = gs_self;

	if (GS_LIKELY(!(m->kind & GS_MUTEX_INHERIT)))
		return NULL;
	/* seq_cst: as in gs_lend_claim */
	atomic_thread_fence(memory_order_seq_cst);
	if (GS_LIKELY(atomic_load_explicit(&gs_lend_count, memory_order_relaxed) == 0) || !self ||
	    self->kind != GS_KIND_GREEN)
		return NULL;
	return gs_lend_drop_from(self, m);
}

void gs_lend_repay(struct gs_priority *p);

/* The thread ends. On itself, outside the runtime. */
void gs_lend_close(struct gs_thread *self);

/* fork, child side. */
void gs_lend_after_fork(void);

#endif
