/* SPDX-License-Identifier: MIT */
/*
 * shared.h - mutexes that are waited for in the kernel: process-shared and robust
 * ones, and those with a priority ceiling (which has no effect here). glibc's
 * protocols to the letter, for other processes follow them too; a green thread waits
 * in a blocking region.
 */
#ifndef GS_SHARED_H
#define GS_SHARED_H

#include "mutex.h"

/* abs may be NULL. Return 0 or -EBUSY (try), -EDEADLK, -EAGAIN, -ETIMEDOUT, -EINVAL,
   -EOWNERDEAD (locked all the same), -ENOTRECOVERABLE, -ENOTSUP (priority inheritance
   that another process asked for). Outside the runtime; self may be NULL. */
int gs_shared_try(struct gs_mutex *m);
int gs_shared_lock(struct gs_thread *self, struct gs_mutex *m, clockid_t clock,
		   const struct timespec *abs);

/* Returns 0 or -EPERM, -ENOTRECOVERABLE, -EINVAL. Parks never; any context. */
int gs_shared_unlock(struct gs_mutex *m);

/* Finds out where in a TCB the list of robust mutexes is. Called once, on the process's
   first thread, before it becomes green. */
void gs_shared_init(void);

/* The thread ends: what the kernel does with the robust mutexes of one of its own.
   On the thread itself, outside or inside the runtime. */
void gs_shared_exit(struct gs_thread *self);

#endif
