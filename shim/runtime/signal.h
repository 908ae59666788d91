/* SPDX-License-Identifier: MIT */
/*
 * signal.h - signals per green thread.
 *
 * Called from: floor 3 and the hooks, on a green thread where nothing else is said.
 */
#ifndef GS_SIGNAL_H
#define GS_SIGNAL_H

#include "thread.h"

struct gs_worker;

/* ---- for calls that wait ---- */

/* After a wait ended with -EINTR and gs_leave let the handlers run: true when
   every handler that ran had SA_RESTART, so that the call goes on waiting. */
bool gs_signal_restarts(struct gs_thread *self);

/* The same for calls that are never restarted: true when a handler ran at all. */
bool gs_signal_ran(struct gs_thread *self);

/* Blocks exactly the signals in set (bit n-1 for signal n) and stores what was
   blocked before in *old. When a pending signal is deliverable now, GS_ATT_SIGNAL
   is in self->attention on return, and an interruptible wait ends with -EINTR; the
   handler runs when the thread leaves the runtime. Inside the runtime. Returns 0. */
int gs_signal_swap_mask(struct gs_thread *self, uint64_t set, uint64_t *old);

/* ---- for those who send ---- */

/* Takes back the pending signals that sig is the opposite of, where it is sent without the
   kernel, or to where only the runtime's are. Any kernel thread, outside the runtime. */
void gs_signal_oppose(int sig);

/* Sends a signal to thread to, or to the process (NULL). Returns 0, -EAGAIN, or 1: the
   kernel has to do it (what the signal does is the kernel's business, or a signalfd of
   the program reads it). Any kernel thread, outside the runtime; if the caller is
   given the signal and lets it in, its handler has run on return. */
int gs_signal_send(struct gs_thread *to, const siginfo_t *info);

/* The info of a signal that this process sends. */
void gs_signal_info(siginfo_t *info, int sig, int code);

/* Brackets round gs_sigact_lock for any kernel thread outside the runtime. */
uint64_t gs_signal_lock(void);
void gs_signal_unlock(uint64_t saved);

/* ---- for the scheduler and the life of threads and processes ---- */

/* Activation: takes over masks and actions; main is the caller. Inside the runtime. */
void gs_signal_init(struct gs_thread *main);

/* gs_sched_ops.attend: signals are queued for self, or held by its worker. self may be a
   worker's own context. With inrt 0; preserves errno. */
void gs_signal_attend(struct gs_thread *self, uint32_t what);

/* The calling kernel thread has become worker w. */
void gs_signal_worker_started(struct gs_worker *w);

/* self is about to make t runnable; t's mask is set. Counts it in gs_thread_count. Inside
   the runtime. */
void gs_signal_thread_born(struct gs_thread *self, struct gs_thread *t);

/* self will run no more program code; it is not in gs_thread_count any longer. Inside
   the runtime. */
void gs_signal_thread_died(struct gs_thread *self);

/* From true to false the kernel's mask is exactly self's, and signals the program ignores
   are ignored in the kernel: an exec, or a new process, takes both over. Round exec,
   vfork, posix_spawn; on one kernel thread, so in a region or inside the runtime. A handler that
   runs in between finds it undone. Returns what it was before. */
bool gs_signal_native(struct gs_thread *self, bool native);

/* fork, before and, in the parent, after it: self's kernel thread starts no worker meanwhile,
   for that calls the allocator, whose locks it has. */
void gs_signal_forking(struct gs_thread *self, bool forking);

/* fork, child side, when there is nothing but self and its worker yet: a signal may have come
   for the child already. No other comes until gs_signal_after_fork delivers it. */
void gs_signal_keep_held(struct gs_thread *self);

/* fork, child side; self's worker is the first again. */
void gs_signal_after_fork(struct gs_thread *self);

#endif
