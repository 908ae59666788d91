/* SPDX-License-Identifier: MIT */
/*
 * everywhere.h - a system call on every kernel thread of the process.
 *
 * For what POSIX has per process and Linux per thread: user and group ids.
 */
#ifndef GS_EVERYWHERE_H
#define GS_EVERYWHERE_H

#include "thread.h"

/* Makes the call on the calling kernel thread and, if it succeeds there, on all others.
   Returns its result, or GS_EVERYWHERE_TORN if others refused what succeeded here. self
   may be NULL. */
enum { GS_EVERYWHERE_TORN = 1 };
long gs_everywhere(struct gs_thread *self, long nr, long a, long b, long c);

/* fork, child side: nobody is in there. */
void gs_everywhere_after_fork(void);

#endif
