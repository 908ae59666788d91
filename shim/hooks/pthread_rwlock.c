/* SPDX-License-Identifier: MIT */
/*
 * pthread_rwlock.c - read-write locks. See pthread_sync.c for who does the work.
 */
#include "gate.h"
#include "hooks/sync.h"
#include "real.h"
#include "runtime/mutex.h"
#include "runtime/region.h"
#include "runtime/rwlock.h"

static inline struct gs_rwlock *gs_sync_rwlock(pthread_rwlock_t *l)
{
	return (struct gs_rwlock *)l;
}

static bool gs_sync_rwlock_theirs(pthread_rwlock_t *l)
{
	return !gs_sched_on || gs_sync_rwlock(l)->shared;
}

static int gs_sync_rwlock_lock_theirs(pthread_rwlock_t *l, bool write, clockid_t clock,
				      const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();
	int err;

	if (self)
		gs_region_enter(self);
	if (abs)
		err = write ? gs_real.pthread_rwlock_clockwrlock(l, clock, abs) :
			      gs_real.pthread_rwlock_clockrdlock(l, clock, abs);
	else
		err = write ? gs_real.pthread_rwlock_wrlock(l) : gs_real.pthread_rwlock_rdlock(l);
	if (self)
		gs_region_leave(self);
	return err;
}

static int gs_sync_rwlock_lock(pthread_rwlock_t *pl, bool write, clockid_t clock,
			       const struct timespec *abs)
{
	struct gs_rwlock *l = gs_sync_rwlock(pl);
	int tid = gs_mutex_tid(), err;
	struct gs_deadline d;

	if (gs_sync_rwlock_theirs(pl))
		return gs_sync_rwlock_lock_theirs(pl, write, clock, abs);
	/* Checked even if there is nothing to wait for: so does glibc. */
	if (abs && gs_park_deadline(&d, clock, abs) != 0)
		return EINVAL;
	err = write ? gs_rwlock_trywrite(l, tid) : gs_rwlock_tryread(l);
	if (err != -EBUSY)
		return -err;
	return write ? -gs_rwlock_write(gs_gate(), l, tid, abs ? &d : NULL) :
		       -gs_rwlock_read(gs_gate(), l, tid, abs ? &d : NULL);
}

GS_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	return gs_sync_rwlock_lock(l, false, CLOCK_REALTIME, NULL);
}

GS_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return gs_sync_rwlock_lock(l, true, CLOCK_REALTIME, NULL);
}

GS_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const struct timespec *abs)
{
	return gs_sync_rwlock_lock(l, false, CLOCK_REALTIME, abs);
}

GS_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const struct timespec *abs)
{
	return gs_sync_rwlock_lock(l, true, CLOCK_REALTIME, abs);
}

GS_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *l, clockid_t clock,
					 const struct timespec *abs)
{
	return gs_sync_rwlock_lock(l, false, clock, abs);
}

GS_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *l, clockid_t clock,
					 const struct timespec *abs)
{
	return gs_sync_rwlock_lock(l, true, clock, abs);
}

GS_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	if (gs_sync_rwlock_theirs(l))
		return gs_real.pthread_rwlock_tryrdlock(l);
	return gs_sync_tried(l, -gs_rwlock_tryread(gs_sync_rwlock(l)));
}

GS_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	if (gs_sync_rwlock_theirs(l))
		return gs_real.pthread_rwlock_trywrlock(l);
	return gs_sync_tried(l, -gs_rwlock_trywrite(gs_sync_rwlock(l), gs_mutex_tid()));
}

GS_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	if (gs_sync_rwlock_theirs(l))
		return gs_real.pthread_rwlock_unlock(l);
	gs_rwlock_unlock(gs_gate(), gs_sync_rwlock(l), gs_mutex_tid());
	gs_sync_breathe();
	return 0;
}

GS_EXPORT int __pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	return gs_sync_rwlock_lock(l, false, CLOCK_REALTIME, NULL);
}

GS_EXPORT int __pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return gs_sync_rwlock_lock(l, true, CLOCK_REALTIME, NULL);
}

GS_EXPORT int __pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	return pthread_rwlock_tryrdlock(l);
}

GS_EXPORT int __pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	return pthread_rwlock_trywrlock(l);
}

GS_EXPORT int __pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	return pthread_rwlock_unlock(l);
}
