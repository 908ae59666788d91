/* SPDX-License-Identifier: MIT */
/*
 * spare.h - records of threads with their stacks and TCBs, new or used before.
 */
#ifndef GS_SPARE_H
#define GS_SPARE_H

#include "thread.h"

/* A record with a fresh TCB, whose usable stack ends at *top. stack: the program's own, or
   NULL; size 0: the default. Returns 0, -EAGAIN (no memory) or -EINVAL (too small). Green
   threads, outside the runtime (the program's allocator is called). */
int gs_spare_take(struct gs_thread *self, void *stack, size_t size, size_t guard,
		  struct gs_thread **out, void **top);

/* t is over and nobody will ask for it again. Scheduler context or inside the runtime. */
void gs_spare_release(struct gs_thread *t);

/* Takes apart what gs_spare_release could not. Outside the runtime. */
void gs_spare_bury(struct gs_thread *self);

/* Held across fork, see child.c. */
void gs_spare_fork_lock(void);
void gs_spare_fork_unlock(void);

#endif
