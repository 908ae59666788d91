/* SPDX-License-Identifier: MIT */
/*
 * ceiling.h - mutexes with a priority ceiling: whoever holds one has the ceiling's
 * priority, under its own real-time policy.
 */
#ifndef GS_CEILING_H
#define GS_CEILING_H

#include "mutex.h"

/* As gs_shared_lock and gs_shared_unlock; also -EINVAL: the caller's own priority is above
   the ceiling, or its policy has no priorities; -EPERM: the kernel says so. */
int gs_ceiling_lock(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
		    const struct timespec *abs);
int gs_ceiling_unlock(struct gs_mutex *m);

/* Locks m, whatever the caller's priority, and gives it another ceiling; *old, if there is
   an old, is the one before. Returns 0, -EINVAL, -EDEADLK or what raising says. */
int gs_ceiling_set(struct gs_thread *self, struct gs_mutex *m, int ceiling, int *old);

/* main, which libc says was given this policy and priority, is about to become green. If
   the kernel has it higher, it holds ceilings: the highest at least is known. */
void gs_ceiling_adopt(struct gs_thread *main, int policy, int priority);

#endif
