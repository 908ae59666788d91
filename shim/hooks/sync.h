/* SPDX-License-Identifier: MIT */
/*
 * sync.h - the synchronisation hooks under names that cannot be interposed, for the
 * C11 functions, which are the same with other answers. All return error numbers.
 */
#ifndef GS_HOOKS_SYNC_H
#define GS_HOOKS_SYNC_H

#include "runtime/base.h"

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

#endif
