/* SPDX-License-Identifier: MIT */
/*
 * sigact.h - what the program wants done with each signal, and what the kernel
 * was told about it.
 */
#ifndef GS_SIGACT_H
#define GS_SIGACT_H

#include "lock.h"
#include "sigset.h"

/* As the program gave it to sigaction, and gets it back. */
struct gs_sigact {
	uintptr_t handler; /* SIG_DFL, SIG_IGN or a function */
	uint64_t flags;
	uint64_t mask;
	uintptr_t restorer;
};

/* Guards everything the process knows about signals: this file's, the queues and
   masks of all threads, the waiters. */
extern struct gs_lock gs_sigact_lock;

/* Signals whose kernel action is our handler. */
extern _Atomic uint64_t gs_sigact_caught;

typedef void gs_sigact_fn(int sig, siginfo_t *info, void *context);

/* Reads the kernel's table and takes over what has a handler: entry is called instead.
   Returns the handler of preempt.c, which is among them. */
gs_sigact_fn *gs_sigact_init(gs_sigact_fn *entry);

/* Never blocks: usable in a handler that interrupted gs_sigact_set. */
struct gs_sigact gs_sigact_get(int sig);

/* Lock held. */
void gs_sigact_set(int sig, const struct gs_sigact *act);

/* SA_RESETHAND: the default from now on; flags and mask stay. Lock held. */
void gs_sigact_reset(int sig);

/* From now on these come to our handler, whatever their action: some thread or all
   threads block them, which the kernel cannot know. Lock held. */
void gs_sigact_guard(uint64_t set);

/* Is it thrown away when it comes? */
bool gs_sigact_ignores(int sig);

/* The kernel's default action on the calling kernel thread, for real. Returns when
   that did not end the process: it was stopped and goes on, or is nobody's to end. */
void gs_sigact_default(int sig);

/* The kernel's default action from now on: a fault that is repeated ends the process. */
void gs_sigact_surrender(int sig);

/* Before an exec (true): signals that we catch only in order to ignore them are to be
   ignored in the new program too. After one that failed (false): as before. Changes
   nothing but the kernel's table, so a vfork child may call it. */
void gs_sigact_native(bool native);

#endif
