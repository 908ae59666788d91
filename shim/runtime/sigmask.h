/* SPDX-License-Identifier: MIT */
/*
 * sigmask.h - who blocks what: the masks of all green threads taken together.
 */
#ifndef GS_SIGMASK_H
#define GS_SIGMASK_H

#include "sigset.h"
#include "thread.h"

/* The mask main had when the first thread was made: as a rule everybody's. */
extern uint64_t gs_sigmask_common;

/* Threads with another mask. */
extern _Atomic long gs_sigmask_odd;

/* Signals that a signalfd of the program reads: kept in the kernel while nobody
   wants them, not in our queue. */
extern _Atomic uint64_t gs_sigmask_fds;

/* self is the only thread there is, at the start or in a fork child; its mask is set. */
void gs_sigmask_begin(struct gs_thread *self);

/* Lock held, and then gs_sigmask_revise: t begins and ends to be counted; t blocks
   exactly set from now on; somebody begins and ends to wait in sigwait for set. */
void gs_sigmask_come(struct gs_thread *t);
void gs_sigmask_go(struct gs_thread *t);
void gs_sigmask_change(struct gs_thread *t, uint64_t set);
void gs_sigmask_await(uint64_t set);
void gs_sigmask_await_over(uint64_t set);

/* What gs_sigmask_revise would return. Lock held. */
uint64_t gs_sigmask_growth(void);

/* Works out anew what is wanted: whether any thread lets it in, or waits for it. Returns
   what was not wanted before and is now. Lock held. */
uint64_t gs_sigmask_revise(void);

/* As of the last revision. Any context. */
uint64_t gs_sigmask_wanted(void);

#endif
