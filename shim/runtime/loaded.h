/* SPDX-License-Identifier: MIT */
/*
 * loaded.h - keeps green threads in step with the objects that dlopen brings and
 * dlclose takes away: static thread-local blocks, executable stacks.
 */
#ifndef GS_LOADED_H
#define GS_LOADED_H

#include "thread.h"

/* What is loaded now is what the snapshot knows. Once, right after gs_tcb_init. */
void gs_loaded_init(void);

/* Takes up what was loaded or unloaded since the last time; cheap when nothing was.
   self: the calling green thread, outside the runtime, or NULL. */
void gs_loaded_sync(struct gs_thread *self);

/* For a thread that is being made while objects come: gs_loaded_missed, called once it
   can be found in the registry, gives it what came since gs_loaded_count said count. */
uint32_t gs_loaded_count(void);
void gs_loaded_missed(struct gs_thread *t, uint32_t count);

/* fork, child side: nobody is in there. */
void gs_loaded_after_fork(void);

#endif
