/* SPDX-License-Identifier: MIT */
/*
 * priority.h - a thread's priority: what the program gave it, and what the kernel has.
 *
 * They are two things from the first mutex on that raises it, so pthread_setschedparam and
 * its relatives come here, too.
 */
#ifndef GS_PRIORITY_H
#define GS_PRIORITY_H

#include "lock.h"
#include "thread.h"

#include <limits.h>

enum {
	GS_PRIORITY_LEAST = 1, /* Linux's real-time priorities */
	GS_PRIORITY_MOST = 99,
};

struct gs_priority {
	void *free_next; /* the pool's */
	struct gs_lock lock;
	uint32_t version;
	int policy, priority; /* as the program gave them; written under the lock */
	int highest;          /* ceiling of what it holds, 0: nothing; written by the owner */
	int lent;             /* the highest of those who wait for it; under the lock */
	_Atomic uint32_t users; /* lenders at work on it, see lend.c */
	uint32_t held[GS_PRIORITY_MOST + 1]; /* ceiling.c: how often, of each ceiling */
};

/* t's; NULL as long as nothing has raised it. */
struct gs_priority *gs_priority_of(struct gs_thread *t);
/* The same, made of what the kernel knows if there is none; NULL: no memory. */
struct gs_priority *gs_priority_get(struct gs_thread *self, struct gs_thread *t);
/* The same, made of policy and priority. */
struct gs_priority *gs_priority_make(struct gs_thread *t, int policy, int priority);

/* Tells the kernel until what it was told is what is wanted. Returns what it said at last. */
int gs_priority_settle(struct gs_thread *self, struct gs_thread *t, struct gs_priority *p);

enum { GS_PRIORITY_SAME = INT_MIN }; /* no policy */

/* The program gives t a priority, and a policy unless that is GS_PRIORITY_SAME. Returns 0
   or what the kernel says; -ENOSYS: nothing has ever raised t. */
int gs_priority_give(struct gs_thread *self, struct gs_thread *t, int policy, int priority);
/* What it gave it last, if something has raised it. */
bool gs_priority_given(struct gs_thread *t, int *policy, int *priority);

/* self makes t, which inherits the policy and priority that self was given, and the
   kernel's. Before t has started. */
void gs_priority_born(const struct gs_thread *self, struct gs_thread *t);
/* The thread ends. On itself, outside the runtime. */
void gs_priority_end(struct gs_thread *self);

/* fork, child side. */
void gs_priority_after_fork(struct gs_thread *self);

#endif
