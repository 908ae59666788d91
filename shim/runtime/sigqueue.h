/* SPDX-License-Identifier: MIT */
/*
 * sigqueue.h - signals that have come and wait: for one thread, or for the process.
 */
#ifndef GS_SIGQUEUE_H
#define GS_SIGQUEUE_H

#include "list.h"
#include "sigset.h"
#include "thread.h"

/* What a thread needs once it has to do with signals beyond its mask and its pending
   bits; t->sig points to it. */
struct gs_signal_state {
	struct gs_thread *t;
	struct gs_list all;   /* every state in use */
	struct gs_list queue; /* struct gs_sigqueue_entry, in order of arrival */
	/* The alternate stack, as sigaltstack has it. */
	uintptr_t alt_base;
	size_t alt_size; /* 0: none */
	int alt_flags;
	/* Which call the last handler interrupted (signal.c): the wait and the region the
	   thread was in by number, and whether a handler without SA_RESTART ran. */
	uint64_t ran_wait;
	uint32_t ran_region;
	bool ran, broke;
	/* sigsuspend: the mask to put back when the first handler returns. */
	bool suspended;
	uint64_t suspended_mask;
	/* What timers and descriptors send to the thread's own kernel thread (sigaim.c). */
	_Atomic uint64_t aimed;
	bool invited; /* the thread asked for its handlers to be run, inside the runtime */
};

/* Every function: gs_sigact_lock held. */

/* All states, for walks. */
extern struct gs_list gs_sigqueue_states;

/* Signals that came for the process when no thread wanted them. */
extern uint64_t gs_sigqueue_shared;

void gs_sigqueue_init(void);

/* So many are queued that a sender has to be refused: RLIMIT_SIGPENDING. */
bool gs_sigqueue_full(void);

/* t's state, made if need be; NULL when memory is short or t has ended. */
struct gs_signal_state *gs_sigqueue_state(struct gs_thread *t);

/* What is pending for t, its own and the process's. */
uint64_t gs_sigqueue_pending(const struct gs_thread *t);

/* Queues a signal for t, or for nobody yet (NULL). process: it was sent to the process,
   and t was chosen. One that is pending already and not a real-time signal is
   dropped. */
void gs_sigqueue_add(struct gs_thread *t, const siginfo_t *info, bool process);

/* Takes the next pending signal among set: t's own (t NULL: the shared ones). Returns
   its number and fills *info, or returns 0. */
int gs_sigqueue_take(struct gs_thread *t, uint64_t set, siginfo_t *info);

/* The same for signals that were sent to the process and queued for t. */
int gs_sigqueue_take_back(struct gs_thread *t, uint64_t set, siginfo_t *info);

/* Puts back what was taken of the shared ones, before those that came after it. */
void gs_sigqueue_put_back(const siginfo_t *info);

/* Signals for the process on their way to the first worker: sigpost.c. */
void gs_sigqueue_pass(const siginfo_t *info);
bool gs_sigqueue_passed(siginfo_t *info);

/* Forgets pending signals everywhere: their action is to ignore them. */
void gs_sigqueue_flush(uint64_t set);

/* t has ended: its state goes, and none is made again. */
void gs_sigqueue_close(struct gs_thread *t);

/* fork, child side. */
void gs_sigqueue_after_fork(struct gs_thread *self);

#endif
