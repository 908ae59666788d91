/* SPDX-License-Identifier: MIT */
/*
 * pthread_sync.c - mutexes, barriers, spin locks, once.
 *
 * Who does the work:
 *	- the library is off for good: libc, all of it;
 *	- nothing to wait for: we do, with glibc's own words, on or not yet;
 *	- the library is off: libc, the very objects;
 *	- process-shared read-write locks and barriers: libc, in a blocking region if the
 *	  caller is a green thread;
 *	- everything else: the runtime, green thread or not.
 *
 * The init, destroy and attribute functions stay libc's where the objects are glibc's
 * anyway: pthread_mutex_init and _destroy, pthread_rwlock_init and _destroy, pthread_cond_init,
 * pthread_spin_init, _destroy, _trylock and _unlock have no hook.
 *
 * Condition variables are in pthread_cond.c, read-write locks in pthread_rwlock.c.
 */
#include "gate.h"
#include "hooks/sync.h"
#include "real.h"
#include "runtime/barrier.h"
#include "runtime/ceiling.h"
#include "runtime/inherit.h"
#include "runtime/mutex.h"
#include "runtime/once.h"
#include "runtime/region.h"
#include "runtime/shared.h"

enum { GS_SYNC_SPINS = 200, GS_SYNC_FAILURES = 32 };

static inline struct gs_mutex *gs_sync_mutex(pthread_mutex_t *m)
{
	return (struct gs_mutex *)m;
}

/* Is this one waited for in the kernel? */
static bool gs_sync_theirs(const struct gs_mutex *m)
{
	return gs_mutex_foreign(m) || (!gs_sched_on && (m->kind & GS_MUTEX_INHERIT));
}

/* The library is off, and libc is going to lock this one. */
static void gs_sync_note(const struct gs_mutex *m)
{
	if ((m->kind & GS_MUTEX_INHERIT) && (m->kind & GS_MUTEX_SHARED))
		gs_inherit_early = true;
}

/* The library is off, and nothing has been locked by trying. */
static int gs_sync_lock_off(pthread_mutex_t *m, clockid_t clock, const struct timespec *abs)
{
	gs_mutex_strays = true;
	gs_sync_note(gs_sync_mutex(m));
	return abs ? gs_real.pthread_mutex_clocklock(m, clock, abs) : gs_real.pthread_mutex_lock(m);
}

/* Not inlined into the fast path. */
static GS_NOINLINE int gs_sync_lock_slow(pthread_mutex_t *pm, clockid_t clock,
					 const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();
	struct gs_mutex *m = gs_sync_mutex(pm);
	int err;

	if (!gs_sync_theirs(m)) {
		err = gs_mutex_try(m);
		if (err != -EBUSY)
			return -err;
		return gs_sched_on ? -gs_mutex_lock(self, m, clock, abs) :
				     gs_sync_lock_off(pm, clock, abs);
	}
	return gs_sched_on ? -gs_shared_lock(self, m, clock, abs) :
			     gs_sync_lock_off(pm, clock, abs);
}

int gs_sync_lock(pthread_mutex_t *pm, clockid_t clock, const struct timespec *abs)
{
	struct gs_mutex *m = gs_sync_mutex(pm);

	if (GS_UNLIKELY(gs_sched_never))
		return abs ? gs_real.pthread_mutex_clocklock(pm, clock, abs) :
			     gs_real.pthread_mutex_lock(pm);
	if (GS_LIKELY(m->kind == GS_MUTEX_NORMAL) && GS_LIKELY(gs_mutex_grab(m))) {
		gs_mutex_own(m, gs_mutex_tid());
		return 0;
	}
	return gs_sync_lock_slow(pm, clock, abs);
}

int gs_sync_tried(const void *obj, int err)
{
	static __thread unsigned failures;
	struct gs_thread *self;

	if (err == EBUSY && ++failures % GS_SYNC_FAILURES == 0) {
		self = gs_gate();
		if (self)
			gs_park_give_way(self, obj, 0);
	}
	return err;
}

int gs_sync_trylock(pthread_mutex_t *pm)
{
	struct gs_mutex *m = gs_sync_mutex(pm);

	if (GS_UNLIKELY(gs_sched_never))
		return gs_real.pthread_mutex_trylock(pm);
	if (gs_sync_theirs(m)) {
		if (gs_sched_on)
			return gs_sync_tried(m, -gs_shared_try(m));
		gs_sync_note(m);
		return gs_real.pthread_mutex_trylock(pm);
	}
	/* relaxed: only our own tid matters. glibc tells the owner of such a one. */
	if ((m->kind & (GS_MUTEX_INHERIT | GS_MUTEX_TYPE)) ==
		    (GS_MUTEX_INHERIT | GS_MUTEX_ERRORCHECK) &&
	    atomic_load_explicit(&m->owner, memory_order_relaxed) == gs_mutex_tid())
		return EDEADLK;
	return gs_sync_tried(m, -gs_mutex_try(m));
}

static GS_NOINLINE int gs_sync_unlock_slow(pthread_mutex_t *pm)
{
	struct gs_mutex *m = gs_sync_mutex(pm);

	if (gs_sync_theirs(m))
		return gs_sched_on ? -gs_shared_unlock(m) : gs_real.pthread_mutex_unlock(pm);
	return -gs_mutex_unlock(gs_gate(), m);
}

int gs_sync_unlock(pthread_mutex_t *pm)
{
	struct gs_mutex *m = gs_sync_mutex(pm);

	if (GS_UNLIKELY(gs_sched_never))
		return gs_real.pthread_mutex_unlock(pm);
	if (GS_UNLIKELY(m->kind != GS_MUTEX_NORMAL))
		return gs_sync_unlock_slow(pm);
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, 0, memory_order_relaxed);
	m->nusers--;
	if (GS_UNLIKELY(!gs_mutex_drop(m)))
		gs_mutex_let_go(gs_gate(), m);
	gs_sync_breathe();
	return 0;
}

GS_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
	return gs_sync_lock(m, CLOCK_REALTIME, NULL);
}

GS_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
	return gs_sync_trylock(m);
}

GS_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *abs)
{
	return gs_sync_lock(m, CLOCK_REALTIME, abs);
}

GS_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock,
				      const struct timespec *abs)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return gs_sync_lock(m, clock, abs);
}

GS_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
	return gs_sync_unlock(m);
}

GS_EXPORT int pthread_mutex_setprioceiling(pthread_mutex_t *restrict m, int ceiling,
					   int *restrict old)
{
	if (!gs_sched_on)
		return gs_real.pthread_mutex_setprioceiling(m, ceiling, old);
	return -gs_ceiling_set(gs_gate(), gs_sync_mutex(m), ceiling, old);
}

GS_EXPORT int __pthread_mutex_lock(pthread_mutex_t *m)
{
	return gs_sync_lock(m, CLOCK_REALTIME, NULL);
}

GS_EXPORT int __pthread_mutex_trylock(pthread_mutex_t *m)
{
	return gs_sync_trylock(m);
}

GS_EXPORT int __pthread_mutex_unlock(pthread_mutex_t *m)
{
	return gs_sync_unlock(m);
}

/* Barriers. */

GS_EXPORT int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr,
				   unsigned count)
{
	int err = gs_real.pthread_barrier_init(b, attr, count);

	if (!err)
		gs_barrier_init((struct gs_barrier *)b);
	return err;
}

GS_EXPORT int pthread_barrier_destroy(pthread_barrier_t *pb)
{
	struct gs_barrier *b = (struct gs_barrier *)pb;
	struct gs_thread *self = gs_gate();
	int err;

	if (gs_sched_on && !b->shared)
		gs_barrier_drain(self, b);
	if (self)
		gs_region_enter(self);
	err = gs_real.pthread_barrier_destroy(pb);
	if (self)
		gs_region_leave(self);
	return err;
}

GS_EXPORT int pthread_barrier_wait(pthread_barrier_t *pb)
{
	struct gs_barrier *b = (struct gs_barrier *)pb;
	struct gs_thread *self = gs_gate();
	int ret;

	if (gs_sched_on && !b->shared)
		return gs_barrier_wait(self, b) ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
	if (self)
		gs_region_enter(self);
	ret = gs_real.pthread_barrier_wait(pb);
	if (self)
		gs_region_leave(self);
	return ret;
}

/* Spin locks: 1 is free, as glibc has it on this architecture. */

GS_EXPORT int pthread_spin_lock(pthread_spinlock_t *lock)
{
	_Atomic int *word = (_Atomic int *)lock;

	if (GS_UNLIKELY(gs_sched_never))
		return gs_real.pthread_spin_lock(lock);
	for (unsigned round = 0;; round++) {
		for (int i = 0; i < GS_SYNC_SPINS; i++) {
			int one = 1;

			/* acquire: pairs with the release in libc's pthread_spin_unlock */
			if (atomic_load_explicit(word, memory_order_relaxed) == 1 &&
			    atomic_compare_exchange_weak_explicit(word, &one, 0,
								  memory_order_acquire,
								  memory_order_relaxed))
				return 0;
			gs_arch_pause();
		}
		if (gs_sched_on)
			gs_park_give_way(gs_gate(), (const void *)lock, round);
	}
}

/* Once. */

int gs_sync_once(int *control, void (*routine)(void))
{
	if (GS_UNLIKELY(gs_sched_never))
		return gs_real.pthread_once(control, routine);
	if (GS_UNLIKELY(!gs_once_done(control)))
		gs_once_run(gs_gate(), control, routine, gs_real.pthread_once);
	return 0;
}

GS_EXPORT int pthread_once(pthread_once_t *control, void (*routine)(void))
{
	return gs_sync_once(control, routine);
}

GS_EXPORT int __pthread_once(pthread_once_t *control, void (*routine)(void))
{
	return gs_sync_once(control, routine);
}
