/* SPDX-License-Identifier: MIT */
/*
 * cond.h - condition variables.
 *
 * The object is glibc's: its clock and process-shared flags stay where
 * pthread_cond_init puts them, and the words used here are zero in a glibc object
 * nobody waits on (all zero is a fresh one), so one that was used before the first
 * thread was made stays valid.
 */
#ifndef GS_COND_H
#define GS_COND_H

#include "mutex.h"

/* Overlays struct __pthread_cond_s. */
struct gs_cond {
	uint32_t round;         /* wake-ups for those in a signal handler; any value */
	uint32_t theirs1[3];
	_Atomic uint64_t users; /* low half: queued; high half: in a signal handler */
	uint32_t theirs2[3];
	_Atomic uint32_t flags; /* bits 0 and 1; above, glibc's own waiters */
};

enum {
	GS_COND_SHARED = 1,
	GS_COND_MONOTONIC = 2,
	GS_COND_STRAY = 8, /* one waiter in libc's own code, from before the library was on */
};

static inline uint32_t gs_cond_flags(const struct gs_cond *c)
{
	/* relaxed: the low bits never change; for strays see gs_cond_idle */
	return atomic_load_explicit(&((struct gs_cond *)c)->flags, memory_order_relaxed);
}

/* Nobody to wake? Whoever waits said so before it let go of the mutex. */
static inline bool gs_cond_idle(const struct gs_cond *c)
{
	/* relaxed: a waiter counts itself while it holds the mutex. A waker who changed
	   the condition under the mutex after that sees the count; of others POSIX
	   promises nothing. */
	return atomic_load_explicit(&((struct gs_cond *)c)->users, memory_order_relaxed) == 0;
}

/* A mutex that is not ours: how to let go of it, without parking, and to lock it.
   Both are called inside the runtime and return 0 or an error number. */
struct gs_cond_foreign {
	int (*unlock)(void *mutex);
	int (*lock)(struct gs_thread *self, void *mutex);
};

/* Waits. foreign is NULL when m is ours. Returns, with the mutex locked, 0, -ETIMEDOUT
   -EINTR (a cancellation is due), or what foreign->lock said; without having let go
   of it, -EPERM or what foreign->unlock said. */
int gs_cond_wait(struct gs_thread *self, struct gs_cond *c, struct gs_mutex *m,
		 const struct gs_cond_foreign *foreign, const struct gs_deadline *d);

/* Only when not gs_cond_idle. */
void gs_cond_signal(struct gs_thread *self, struct gs_cond *c);
void gs_cond_broadcast(struct gs_thread *self, struct gs_cond *c);

/* Waits until nobody will touch the object any more. */
void gs_cond_drain(struct gs_thread *self, struct gs_cond *c);

#endif
