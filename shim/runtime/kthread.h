/* SPDX-License-Identifier: MIT */
/*
 * kthread.h - kernel threads of the library's own, made without the C library.
 */
#ifndef GS_KTHREAD_H
#define GS_KTHREAD_H

#include "thread.h"

/* Starts a kernel thread, with the signal mask of the caller's, that calls body(arg)
   and ends when that returns. g0 is its context: gs_self from its first instruction on.
   Returns its number, or -errno. Inside the runtime, or a thread of the library's own. */
int gs_kthread_start(struct gs_thread *g0, void *(*body)(void *), void *arg);

/* fork, child side: all of them are gone. */
void gs_kthread_after_fork(void);

#endif
