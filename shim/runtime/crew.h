/* SPDX-License-Identifier: MIT */
/*
 * crew.h - the kernel threads behind the workers.
 */
#ifndef GS_CREW_H
#define GS_CREW_H

#include "worker.h"

/* A worker's record, on gs_workers and counted; NULL when memory is short. */
struct gs_worker *gs_crew_record(void);

/* Starts a kernel thread that begins with p. False when the kernel, or the limit on
   kernel threads, refuses. Inside the runtime, or the monitor. */
bool gs_crew_spawn(struct gs_proc *p, bool spinning);

/* The calling kernel thread, w's, is about to end: no signal finds it any more, and
   what one left to do is done by another. */
void gs_crew_part(struct gs_worker *w);

/* fork, child side: there are no spare records. */
void gs_crew_after_fork(void);

#endif
