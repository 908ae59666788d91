/* SPDX-License-Identifier: MIT */
/*
 * sigpost.h - a signal has come, or is sent: who gets it, and how it learns of it.
 */
#ifndef GS_SIGPOST_H
#define GS_SIGPOST_H

#include "sigqueue.h"

/* A thread in sigwait; on its stack. */
struct gs_sigpost_waiter {
	struct gs_list node;
	struct gs_thread *t;
	uint64_t token;
	uint64_t set;
	bool served; /* info is what it waited for; off the list */
	siginfo_t info;
};

/* Starts: main is whom signals for the process go to first. */
void gs_sigpost_init(struct gs_thread *main);

/* Gives a signal to a thread (to), or to whom it is best given (NULL). self: the green
   thread that runs here, or NULL: it has GS_ATT_SIGNAL if it was given to it. The lock
   held. False: nobody wants it, and gs_sigpost_keep was called. */
bool gs_sigpost(struct gs_thread *to, const siginfo_t *info, struct gs_thread *self);

/* Keeps a signal for the process until somebody wants it, in the queue or (a signalfd reads
   it) in the kernel. Lock held. */
void gs_sigpost_keep(const siginfo_t *info);

/* Has the first worker give it to whom it is for. Lock held. */
void gs_sigpost_pass(const siginfo_t *info);

/* On the first worker, inside the runtime: does so. self: as above. */
void gs_sigpost_passed(struct gs_thread *self);

/* A signal without information for self, the caller, in a handler: takes no lock. */
void gs_sigpost_local(struct gs_thread *self, int sig);

/* Takes back what the kernel keeps an opposite of: that came later, for the kernel would have
   taken it back as well, or the sender in this process (gs_signal_oppose). Returns what the
   kernel keeps for the process. Inside the runtime, lock held. */
uint64_t gs_sigpost_settle(void);

/* self blocks exactly set from now on. Inside the runtime; what becomes deliverable
   sets GS_ATT_SIGNAL. */
void gs_sigpost_mask(struct gs_thread *self, uint64_t set);

/* Lock held: puts w (t, token, set filled in) on the list of those who wait, or takes
   it off, if it is there. Begin returns what has become wanted: gs_sigpost_open. */
uint64_t gs_sigpost_wait_begin(struct gs_sigpost_waiter *w);
void gs_sigpost_wait_end(struct gs_sigpost_waiter *w);

/* Lets signals in that were not wanted before. Inside the runtime, lock not held. */
void gs_sigpost_open(struct gs_thread *self, uint64_t grown);

/* A thread comes (with its mask set; counts it in gs_thread_count), and ends (counted
   out already). Inside the runtime, both. */
void gs_sigpost_born(struct gs_thread *self, struct gs_thread *t);
void gs_sigpost_died(struct gs_thread *self);

#endif
