/* SPDX-License-Identifier: MIT */
/*
 * rwlock.h - read-write locks.
 *
 * The object is glibc's, and so is what is written into it while nobody waits: the
 * number of readers, the writer bit, the writer's tid. A lock taken before the
 * first thread was made stays valid.
 */
#ifndef GS_RWLOCK_H
#define GS_RWLOCK_H

#include "park.h"

/* Overlays struct __pthread_rwlock_arch_t. */
struct gs_rwlock {
	_Atomic uint32_t state;
	_Atomic uint32_t writers; /* queued */
	uint32_t theirs1[4];
	_Atomic int writer;       /* tid of who holds it for writing, or 0 */
	int shared;
	uint64_t theirs2[2];
	uint32_t flags;           /* the preference */
};

/* Bits of state. */
enum {
	GS_RWLOCK_PHASE = 1,    /* glibc's: left behind by its writers, means nothing here */
	GS_RWLOCK_WRITE = 2,    /* held for writing */
	GS_RWLOCK_WAITED = 4,   /* somebody may be queued; set only while it is held */
	GS_RWLOCK_READER = 8,   /* readers are counted from here */
	GS_RWLOCK_PREFER_WRITER = 1,              /* of flags */
	GS_RWLOCK_PREFER_WRITER_NONRECURSIVE = 2,
};

/* tid is the caller's (gs_mutex_tid). Return 0, -EBUSY, -EAGAIN. */
int gs_rwlock_tryread(struct gs_rwlock *l);
int gs_rwlock_trywrite(struct gs_rwlock *l, int tid);

/* The try has said -EBUSY, or not been made. Return 0, -EDEADLK, -EAGAIN, -ETIMEDOUT.
   d may be NULL. */
int gs_rwlock_read(struct gs_thread *self, struct gs_rwlock *l, int tid,
		   const struct gs_deadline *d);
int gs_rwlock_write(struct gs_thread *self, struct gs_rwlock *l, int tid,
		    const struct gs_deadline *d);

void gs_rwlock_unlock(struct gs_thread *self, struct gs_rwlock *l, int tid);

#endif
