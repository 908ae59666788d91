/* SPDX-License-Identifier: MIT */
/*
 * preempt.h - takes the processor from green threads that compute, and from
 * workers that sleep in system calls nobody bracketed.
 */
#ifndef GS_PREEMPT_H
#define GS_PREEMPT_H

#include "base.h"

struct gs_proc;
struct gs_thread;
struct gs_worker;

/* glibc keeps these two signals for pthread_cancel and for setuid and the like, which
   the library replaces; no program can block or handle them. */
enum { GS_PREEMPT_SIGNAL = 32, GS_EVERYWHERE_SIGNAL = 33, GS_PREEMPT_SYSCALLS = 512 };

/* Installs the signal's handler.
   Returns 0 or -errno. */
int gs_preempt_init(void);

/* The monitor found p running the same thread as at its last looks, for ns
   nanoseconds by now. waiting: other threads want the processor. True when it did
   something about it. Monitor only. */
bool gs_preempt_look(struct gs_proc *p, uint64_t ns, bool waiting);

/* Somebody has become runnable and shall have p soon, whose thread computes: as many of
   these as there are processors go on without one, on kernel threads that the kernel
   schedules; others are interrupted. Monitor only. */
void gs_preempt_now(struct gs_proc *p);

/* The number of the system call w's kernel thread sleeps in; -1: it runs, or nothing can
   be learned. Takes a microsecond or two. */
long gs_preempt_asleep(const struct gs_worker *w);

/* Asks the worker that runs t to look at t->attention soon. Any context. */
void gs_preempt_kick(struct gs_thread *t);

/* The signal has come, on w's kernel thread. Its handler, first of all. */
void gs_preempt_arrived(struct gs_worker *w);

/* How often each system call cost its thread the processor: made in a blocking region,
   and announced by nobody. The monitor writes. */
extern uint32_t gs_preempt_lasted[GS_PREEMPT_SYSCALLS], gs_preempt_blocked[GS_PREEMPT_SYSCALLS];

static inline void gs_preempt_count(uint32_t *table, long nr)
{
	if (nr >= 0 && nr < GS_PREEMPT_SYSCALLS)
		table[nr]++;
}

#endif
