/* SPDX-License-Identifier: MIT */
/*
 * robust.h - robust mutexes: whoever locks one after its owner's death is told.
 */
#ifndef GS_ROBUST_H
#define GS_ROBUST_H

#include "mutex.h"

#include <limits.h>

enum {
	GS_ROBUST_INCONSISTENT = INT_MAX,       /* owner: the one before died */
	GS_ROBUST_NOTRECOVERABLE = INT_MAX - 1, /* owner: and nobody put it right */
	GS_ROBUST_INHERITS = 1, /* tag of a link that leads to one with priority inheritance */
};

/* As gs_shared_lock and gs_shared_unlock. */
int gs_robust_lock(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
		   const struct timespec *abs);
int gs_robust_unlock(struct gs_mutex *m);

/* The caller is about to lock or unlock m; NULL: it has. Whoever dies in between is found
   with the mutex pending. */
void gs_robust_pending(struct gs_mutex *m);
/* On the caller's list, and off it again. */
void gs_robust_enlist(struct gs_mutex *m);
void gs_robust_delist(struct gs_mutex *m);

/* The caller's number in the lock word of m, which it is going to lock. A mutex that the
   kernel has to understand gives it its kernel thread. */
int gs_robust_settle(const struct gs_mutex *m);
/* Is it the caller's number that is in this lock word? */
bool gs_robust_mine(uint32_t word);

/* libc is going to unlock and lock m, which the caller holds: it shall find the number in
   the word to be the caller's, until gs_robust_reclaim. */
void gs_robust_lend(const struct gs_mutex *m);
void gs_robust_reclaim(void);

/* Finds out where in a TCB the list is. Called once, on the process's first thread,
   before it becomes green. */
void gs_robust_init(void);

/* The thread ends: what the kernel does with the robust mutexes of one of its own.
   On the thread itself, outside or inside the runtime. */
void gs_robust_exit(struct gs_thread *self);

#endif
