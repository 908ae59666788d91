/* SPDX-License-Identifier: MIT */
/*
 * sigmask.h - who blocks what: the masks of all green threads taken together, and
 * what follows for the masks of the kernel threads.
 */
#ifndef GS_SIGMASK_H
#define GS_SIGMASK_H

#include "sigset.h"
#include "thread.h"

struct gs_worker;

/* The mask main had when the first thread was made: as a rule everybody's. */
extern uint64_t gs_sigmask_common;

/* Threads with another mask. */
extern _Atomic long gs_sigmask_odd;

/* Signals that a signalfd of the program reads: kept in the kernel while nobody
   wants them, not in our queue. */
extern _Atomic uint64_t gs_sigmask_fds;

void gs_sigmask_init(struct gs_thread *main);

/* Somebody lets them in, or waits for them. Lock held. */
uint64_t gs_sigmask_wanted(void);

/* Lock held: t blocks exactly set from now on; it comes (before: none) or goes (after:
   none), or waits in sigwait for set. gs_sigmask_revise says what follows. */
void gs_sigmask_change(struct gs_thread *t, uint64_t set);
void gs_sigmask_come(struct gs_thread *t);
void gs_sigmask_go(struct gs_thread *t);
void gs_sigmask_await(uint64_t set, bool begin);

/* Works out anew what is wanted. Returns what was not and is now. Lock held. */
uint64_t gs_sigmask_revise(void);

/* The signals in set are wanted now: lets them in, on the calling worker and on the
   first. They may come at once. Inside the runtime, lock not held. */
void gs_sigmask_open(struct gs_worker *w, uint64_t set);

/* The terminal driver looks at the kernel's mask: makes it say what self's says. */
void gs_sigmask_tty(struct gs_thread *self);

/* What worker w blocks when it starts. */
uint64_t gs_sigmask_start(const struct gs_worker *w);

/* Makes the kernel's mask of the calling kernel thread, which is worker w, what it
   should be by our records. */
void gs_sigmask_apply(struct gs_worker *w);

/* The first worker was asked to look at what is wanted: updates the records. */
void gs_sigmask_catch_up(struct gs_worker *w);

void gs_sigmask_after_fork(struct gs_thread *self);

#endif
