/* SPDX-License-Identifier: MIT */
/*
 * sigaim.h - signals that the kernel sends to one thread's kernel thread.
 */
#ifndef GS_SIGAIM_H
#define GS_SIGAIM_H

#include "sigqueue.h"
#include "worker.h"

/* A timer or a descriptor is going to send sig to t, whose home's kernel thread is ktid.
   Any kernel thread, outside the runtime. */
void gs_sigaim(struct gs_thread *t, int ktid, int sig);

/* The signals w lets in whether they are wanted or not. In its handlers, too. */
uint64_t gs_sigaim_at(const struct gs_worker *w);

/* Is it one that a timer or a descriptor sends? */
bool gs_sigaim_kind(const siginfo_t *info);

/* Whose is a signal that came to w: a thread's, or the process's (NULL). */
struct gs_thread *gs_sigaim_whose(const struct gs_worker *w, const siginfo_t *info);

#endif
