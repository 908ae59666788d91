/* SPDX-License-Identifier: MIT */
/*
 * shared.h - mutexes that are waited for in the kernel: process-shared and robust
 * ones, and those with a priority ceiling. glibc's protocols to the letter, for other
 * processes follow them too; a green thread waits in a blocking region.
 */
#ifndef GS_SHARED_H
#define GS_SHARED_H

#include "mutex.h"

/* abs may be NULL. Return 0 or -EBUSY (try), -EDEADLK, -EAGAIN, -ETIMEDOUT, -EINVAL,
   -EOWNERDEAD (locked all the same), -ENOTRECOVERABLE, or what raising the priority says.
   Outside the runtime; self may be NULL. */
int gs_shared_try(struct gs_mutex *m);
int gs_shared_lock(struct gs_thread *self, struct gs_mutex *m, clockid_t clock,
		   const struct timespec *abs);

/* Returns 0 or -EPERM, -ENOTRECOVERABLE, -EINVAL, or what lowering the priority says.
   Parks never; any context. */
int gs_shared_unlock(struct gs_mutex *m);

#endif
