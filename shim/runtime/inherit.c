/* SPDX-License-Identifier: MIT */
/*
 * inherit.c - process-shared mutexes with priority inheritance.
 *
 * The word is the owner's number, FUTEX_WAITERS, FUTEX_OWNER_DIED, and from the first
 * waiter on it is the kernel that passes the lock on: it lends the owner's kernel thread
 * the priority of those who wait. So whoever locks such a mutex has a kernel thread of its
 * own, and waits in a blocking region. Robust ones are on the owner's list, too.
 *
 * Those of one process are ordinary mutexes (mutex.c, lend.c).
 *
 * Locks: none. Called from: shared.c.
 */
#include "inherit.h"

#include "region.h"
#include "robust.h"
#include "shared_word.h"
#include "sys.h"

#include <errno.h>
#include <linux/futex.h>

#ifndef FUTEX_LOCK_PI2 /* Linux 5.14 */
#define FUTEX_LOCK_PI2 13
#endif

bool gs_inherit_early;

/* The kernel will not pass it on: the owner has ended with it, or is the caller. Linux's
   libc waits for ever, or until its time is up. */
static int gs_inherit_stuck(struct gs_thread *self, clockid_t clock, const struct timespec *abs)
{
	int op = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG;
	uint32_t word = 0;
	long err;

	if (abs && clock == CLOCK_REALTIME)
		op |= FUTEX_CLOCK_REALTIME;
	do {
		if (self)
			gs_region_enter(self);
		err = gs_sys6(__NR_futex, &word, op, 0, abs, NULL, FUTEX_BITSET_MATCH_ANY);
		if (self)
			gs_region_leave(self);
	} while (err != -ETIMEDOUT);
	return -ETIMEDOUT;
}

/* Returns 0 (the word is the caller's, perhaps with FUTEX_OWNER_DIED), -EBUSY, -ETIMEDOUT
   or -EINVAL. */
static int gs_inherit_wait(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
			   const struct timespec *abs)
{
	int op = FUTEX_LOCK_PI;
	long err;

	if (try) {
		err = gs_sys6(__NR_futex, &m->lock, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
		return err == 0 ? 0 : -EBUSY;
	}
	if (abs && clock == CLOCK_MONOTONIC)
		op = FUTEX_LOCK_PI2;
	do { /* a handler that runs does not end it */
		if (self)
			gs_region_enter(self);
		err = gs_sys6(__NR_futex, &m->lock, op, 0, abs, NULL, 0);
		if (self)
			gs_region_leave(self);
	} while (err == -EINTR);
	if (err == -ESRCH || err == -EDEADLK)
		return gs_inherit_stuck(self, clock, abs);
	return (int)err;
}

/* The owner's part, of a word that is the caller's. */
static int gs_inherit_take(struct gs_mutex *m, int tid)
{
	bool robust = m->kind & GS_MUTEX_ROBUST;

	m->count = 1;
	if ((gs_shared_word(m) & FUTEX_OWNER_DIED) ||
	    (robust && gs_shared_owner(m) == GS_ROBUST_INCONSISTENT)) {
		/* relaxed: the caller has it */
		atomic_fetch_and_explicit(&m->lock, ~(uint32_t)FUTEX_OWNER_DIED,
					  memory_order_relaxed);
		atomic_store_explicit(&m->owner, GS_ROBUST_INCONSISTENT, memory_order_relaxed);
		gs_robust_enlist(m);
		return -EOWNERDEAD; /* the one who died stays counted as a user in our place */
	}
	if (robust && gs_shared_owner(m) == GS_ROBUST_NOTRECOVERABLE) {
		m->count = 0;
		gs_sys6(__NR_futex, &m->lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
		return -ENOTRECOVERABLE;
	}
	if (robust)
		gs_robust_enlist(m);
	gs_mutex_own(m, tid);
	return 0;
}

int gs_inherit_lock(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
		    const struct timespec *abs)
{
	uint32_t tid = (uint32_t)gs_robust_settle(m), old = gs_shared_word(m);
	bool robust = m->kind & GS_MUTEX_ROBUST;
	int err;

	if (robust)
		gs_robust_pending(m);
	err = gs_shared_again(m, gs_robust_mine(old));
	if (err == -EBUSY) {
		old = 0;
		err = gs_shared_swap(m, &old, tid) ? 0 :
		      try && !(old & FUTEX_OWNER_DIED) ? -EBUSY :
		      gs_inherit_wait(self, m, try, clock, abs);
		if (err == 0)
			err = gs_inherit_take(m, (int)tid);
	}
	if (robust)
		gs_robust_pending(NULL);
	return err;
}

int gs_inherit_unlock(struct gs_mutex *m)
{
	bool robust = m->kind & GS_MUTEX_ROBUST;
	bool dead = robust && gs_shared_owner(m) == GS_ROBUST_INCONSISTENT;
	uint32_t word = gs_shared_word(m);

	if (!gs_robust_mine(word))
		return -EPERM;
	if ((m->kind & GS_MUTEX_TYPE) == GS_MUTEX_RECURSIVE && --m->count != 0)
		return dead ? -ENOTRECOVERABLE : 0;
	if (robust) {
		gs_robust_pending(m);
		gs_robust_delist(m);
	}
	/* relaxed: published by what lets go of the word */
	atomic_store_explicit(&m->owner, dead ? GS_ROBUST_NOTRECOVERABLE : 0,
			      memory_order_relaxed);
	m->nusers--;
	/* The kernel is to have it if somebody waits. */
	while (!(word & FUTEX_WAITERS))
		if (gs_shared_swap(m, &word, 0))
			break;
	if (word & FUTEX_WAITERS)
		gs_sys6(__NR_futex, &m->lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	if (robust)
		gs_robust_pending(NULL);
	return 0;
}
