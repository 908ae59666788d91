/* SPDX-License-Identifier: MIT */
/*
 * inherit.h - process-shared mutexes with priority inheritance.
 */
#ifndef GS_INHERIT_H
#define GS_INHERIT_H

#include "mutex.h"

/* As gs_shared_lock and gs_shared_unlock. */
int gs_inherit_lock(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
		    const struct timespec *abs);
int gs_inherit_unlock(struct gs_mutex *m);

/* The process's first thread has used one before the library was on: it has to stay on
   its kernel thread, whose number may be in lock words. */
extern bool gs_inherit_early;

#endif
