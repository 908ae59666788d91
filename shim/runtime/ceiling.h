/* SPDX-License-Identifier: MIT */
/*
 * ceiling.h - mutexes with a priority ceiling: whoever holds one has the ceiling's
 * priority, under its own real-time policy.
 *
 * What the program gave a thread and what the kernel has of it are two things from then
 * on, so that pthread_setschedparam and its relatives come here, too.
 */
#ifndef GS_CEILING_H
#define GS_CEILING_H

#include "mutex.h"

#include <limits.h>

/* As gs_shared_lock and gs_shared_unlock; also -EINVAL: the caller's own priority is above
   the ceiling, or its policy has no priorities; -EPERM: the kernel says so. */
int gs_ceiling_lock(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
		    const struct timespec *abs);
int gs_ceiling_unlock(struct gs_mutex *m);

/* Locks m, whatever the caller's priority, and gives it another ceiling; *old, if there is
   an old, is the one before. Returns 0, -EINVAL, -EDEADLK or what raising says. */
int gs_ceiling_set(struct gs_thread *self, struct gs_mutex *m, int ceiling, int *old);

enum { GS_CEILING_SAME = INT_MIN }; /* no policy */

/* The program gives t a priority, and a policy unless that is GS_CEILING_SAME. Returns 0
   or what the kernel says; -ENOSYS: t has never had to do with a ceiling. */
int gs_ceiling_give(struct gs_thread *self, struct gs_thread *t, int policy, int priority);
/* What it gave it last, if it has had to do with one. */
bool gs_ceiling_given(struct gs_thread *t, int *policy, int *priority);

/* main, which libc says was given this policy and priority, is about to become green. If
   the kernel has it higher, it holds ceilings: the highest at least is known. */
void gs_ceiling_adopt(struct gs_thread *main, int policy, int priority);
/* self makes t, which inherits the policy and priority that self was given, and the
   kernel's. Before t has started. */
void gs_ceiling_born(const struct gs_thread *self, struct gs_thread *t);
/* The thread ends. On itself, outside the runtime. */
void gs_ceiling_end(struct gs_thread *self);

/* fork, child side. */
void gs_ceiling_after_fork(struct gs_thread *self);

#endif
