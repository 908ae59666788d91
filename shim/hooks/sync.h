/* SPDX-License-Identifier: MIT */
/*
 * sync.h - the synchronisation hooks under names that cannot be interposed, for the
 * C11 functions, which are the same with other answers. All return error numbers.
 */
#ifndef GS_HOOKS_SYNC_H
#define GS_HOOKS_SYNC_H

#include "runtime/sched.h"

#include <pthread.h>
#include <time.h>

/* abs may be NULL: no bound. clock GS_SYNC_OWN: the condition variable's. */
enum { GS_SYNC_OWN = -1 };

int gs_sync_lock(pthread_mutex_t *m, clockid_t clock, const struct timespec *abs);
int gs_sync_trylock(pthread_mutex_t *m);
int gs_sync_unlock(pthread_mutex_t *m);
int gs_sync_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
		      const struct timespec *abs);
int gs_sync_cond_wake(pthread_cond_t *c, bool all);
int gs_sync_cond_destroy(pthread_cond_t *c);
int gs_sync_once(int *control, void (*routine)(void));

/* The answer to an attempt to lock obj without waiting, passed through. A program may try
   again and again until it succeeds, and the thread it waits for may need this
   processor: every so many EBUSYs it is lent. */
int gs_sync_tried(const void *obj, int err);

/* A thread that locks and unlocks without ever waiting passes no other gate: here it
   lets itself be preempted. */
static inline void gs_sync_breathe(void)
{
	struct gs_thread *self = gs_self;

	/* relaxed: seen at the next unlock otherwise */
	if (GS_LIKELY(self != NULL) &&
	    GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed) &
			(GS_ATT_PREEMPT | GS_ATT_RETAKE)) &&
	    self->inrt == 0) {
		gs_enter(self);
		gs_leave(self);
	}
}

#endif
