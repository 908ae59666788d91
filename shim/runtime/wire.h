/* SPDX-License-Identifier: MIT */
/*
 * wire.h - threads that have a worker to themselves, and processors taken from
 * workers that do not come back.
 */
#ifndef GS_WIRE_H
#define GS_WIRE_H

#include "worker.h"

/* From now on the calling green thread runs on its present worker only, and that
   worker runs nothing else. When the thread ends, so does the kernel thread. */
void gs_wire_thread(struct gs_thread *self);
/* The wired thread is about to end. */
void gs_wire_end(struct gs_thread *self);

/* For worker.c: a wired worker waits for its own thread. False: it has ended. */
bool gs_wire_wait(struct gs_worker *w);
/* For worker.c: t is runnable and wired to another worker, which gets w's processor. */
void gs_wire_pass(struct gs_worker *w, struct gs_thread *t);

/* Takes p from w, which runs t and is stuck in a system call nobody bracketed or
   computes without end. True when it was taken; hand it off then. Monitor only. */
bool gs_wire_retake(struct gs_proc *p, struct gs_worker *w, struct gs_thread *t);
/* Threads that run, or sleep in the kernel, without the processor taken from them. */
extern _Atomic uint32_t gs_wire_adrift;

/* The thread's part: waits until the monitor has decided. */
void gs_wire_settle(struct gs_thread *self);

#endif
