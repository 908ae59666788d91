/* SPDX-License-Identifier: MIT */
/*
 * globq.h - the global run queue: threads without a processor's queue to go to.
 */
#ifndef GS_GLOBQ_H
#define GS_GLOBQ_H

#include "runq.h"

/* Threads on it. Read without the lock. */
extern _Atomic uint32_t gs_globq_length;

/* Appends a list of n runnable threads, linked by next. Any context. */
void gs_globq_push(struct gs_thread *first, struct gs_thread *last, uint32_t n);

/* Takes one thread to run, and up to max - 1 more into to, a fair share for one of
   procs processors. NULL when there is none. A wired thread comes alone and never
   gets into a ring. Owner of to. */
struct gs_thread *gs_globq_take(struct gs_runq *to, uint32_t procs, uint32_t max);

void gs_globq_after_fork(void);

#endif
