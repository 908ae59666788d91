/* SPDX-License-Identifier: MIT */
/*
 * region.h - blocking regions: a bracket round a system call that may block in
 * the kernel and cannot be polled. While a thread is inside, the monitor may
 * give its processor to another worker.
 */
#ifndef GS_REGION_H
#define GS_REGION_H

#include "thread.h"

/* Inside a region the thread counts as outside the runtime: a signal handler of
   the program may interrupt the system call. Enter and leave with inrt 0. */
void gs_region_enter(struct gs_thread *self);
void gs_region_leave(struct gs_thread *self);

/* The same for a call that will most likely sleep: the processor goes to others at once.
   Inside the runtime, one deep, before the first and after the second. */
void gs_region_enter_asleep(struct gs_thread *self);
void gs_region_leave_asleep(struct gs_thread *self);

#endif
