/* SPDX-License-Identifier: MIT */
/*
 * sigwait.h - waiting for signals, with and without handlers, and asking for them.
 */
#ifndef GS_SIGWAIT_H
#define GS_SIGWAIT_H

#include "sigset.h"
#include "thread.h"

/* Green threads outside the runtime, all. */

/* sigtimedwait: takes a signal of set, waiting until deadline (0: not at all). Returns
   its number, -EAGAIN, or -EINTR: a handler ran, or a cancellation is due. */
int gs_sigwait(struct gs_thread *self, uint64_t set, siginfo_t *info, uint64_t deadline);

/* sigsuspend: returns when a handler has run, or a cancellation is due. */
void gs_sigwait_suspend(struct gs_thread *self, uint64_t mask);

/* sigpending. */
uint64_t gs_sigwait_pending(struct gs_thread *self);

/* A signalfd reads set from now on: what of it is queued goes back to the kernel. */
void gs_sigwait_fd(uint64_t set);

#endif
