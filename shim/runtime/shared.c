/* SPDX-License-Identifier: MIT */
/*
 * shared.c - locking mutexes with the kernel's help: which kind is whose, and the plain
 * process-shared ones (0 free, 1 held, 2 held and waited for). The others are in
 * robust.c, inherit.c and ceiling.c.
 *
 * libc's own code is not called, for the entries of pthread_mutex_lock and _unlock
 * may lead back here (redirect.c).
 *
 * Locks: none. Called from: hooks/pthread_sync.c, pthread_cond.c, libc.c; robust.c,
 * inherit.c, ceiling.c.
 */
#include "shared.h"

#include "ceiling.h"
#include "inherit.h"
#include "region.h"
#include "robust.h"
#include "shared_word.h"
#include "sys.h"

#include <errno.h>
#include <linux/futex.h>

static const int gs_shared_bits = GS_MUTEX_TYPE | GS_MUTEX_ROBUST | GS_MUTEX_INHERIT |
				  GS_MUTEX_PROTECT | GS_MUTEX_SHARED | GS_MUTEX_ELISION;

int gs_shared_sleep(struct gs_thread *self, struct gs_mutex *m, uint32_t val,
			   const struct gs_deadline *d)
{
	int op = FUTEX_WAIT_BITSET;
	struct timespec ts;
	long err;

	if (!(m->kind & (GS_MUTEX_SHARED | GS_MUTEX_ROBUST)))
		op |= FUTEX_PRIVATE_FLAG;
	if (d && d->clock == CLOCK_REALTIME)
		op |= FUTEX_CLOCK_REALTIME;
	if (d && d->at != GS_NEVER) {
		ts.tv_sec = (time_t)(d->at / GS_NSEC);
		ts.tv_nsec = (long)(d->at % GS_NSEC);
	} else {
		d = NULL;
	}
	if (self)
		gs_region_enter(self);
	err = gs_sys6(__NR_futex, &m->lock, op, val, d ? &ts : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
	if (self)
		gs_region_leave(self);
	return err == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

void gs_shared_wake(struct gs_mutex *m, int kind, int many)
{
	bool shared = kind & (GS_MUTEX_SHARED | GS_MUTEX_ROBUST);

	gs_sys3(__NR_futex, &m->lock, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, many);
}

int gs_shared_again(struct gs_mutex *m, bool owned)
{
	int type = m->kind & GS_MUTEX_TYPE;

	if (!owned || (type != GS_MUTEX_RECURSIVE && type != GS_MUTEX_ERRORCHECK))
		return -EBUSY;
	if (type == GS_MUTEX_ERRORCHECK)
		return -EDEADLK;
	if (m->count + 1 == 0)
		return -EAGAIN;
	m->count++;
	return 0;
}

static int gs_shared_lock_plain(struct gs_thread *self, struct gs_mutex *m, bool try,
				clockid_t clock, const struct timespec *abs)
{
	uint32_t old = gs_shared_word(m), new = 1;
	int tid = gs_mutex_tid(), err;
	struct gs_deadline d;

	err = gs_shared_again(m, gs_shared_owner(m) == tid);
	if (try && err == -EDEADLK) /* glibc does not tell the owner of such a one */
		err = -EBUSY;
	if (err != -EBUSY)
		return err;
	for (;;) {
		if (old == 0) {
			if (gs_shared_swap(m, &old, new))
				break;
			continue;
		}
		if (try)
			return -EBUSY;
		if (abs && gs_park_deadline(&d, clock, abs) != 0)
			return -EINVAL;
		new = 2;
		if (old != 2 && !gs_shared_swap(m, &old, 2))
			continue;
		err = gs_shared_sleep(self, m, 2, abs ? &d : NULL);
		if (err)
			return err;
		old = gs_shared_word(m);
	}
	m->count = 1;
	gs_mutex_own(m, tid);
	return 0;
}

static int gs_shared_any(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
			 const struct timespec *abs)
{
	if (m->kind & ~gs_shared_bits)
		return -EINVAL;
	if (m->kind & GS_MUTEX_INHERIT)
		return gs_inherit_lock(self, m, try, clock, abs);
	if (m->kind & GS_MUTEX_ROBUST)
		return gs_robust_lock(self, m, try, clock, abs);
	if (m->kind & GS_MUTEX_PROTECT)
		return gs_ceiling_lock(self, m, try, clock, abs);
	return gs_shared_lock_plain(self, m, try, clock, abs);
}

int gs_shared_try(struct gs_mutex *m)
{
	return gs_shared_any(NULL, m, true, CLOCK_REALTIME, NULL);
}

int gs_shared_lock(struct gs_thread *self, struct gs_mutex *m, clockid_t clock,
		   const struct timespec *abs)
{
	return gs_shared_any(self, m, false, clock, abs);
}

static int gs_shared_unlock_plain(struct gs_mutex *m)
{
	int kind = m->kind, type = kind & GS_MUTEX_TYPE;

	if ((type == GS_MUTEX_RECURSIVE || type == GS_MUTEX_ERRORCHECK) &&
	    (gs_shared_owner(m) != gs_mutex_tid() || gs_shared_word(m) == 0))
		return -EPERM;
	if (type == GS_MUTEX_RECURSIVE && --m->count != 0)
		return 0;
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, 0, memory_order_relaxed);
	m->nusers--;
	/* release: pairs with the acquire in gs_shared_swap */
	if (atomic_exchange_explicit(&m->lock, 0, memory_order_release) > 1)
		gs_shared_wake(m, kind, 1);
	return 0;
}

int gs_shared_unlock(struct gs_mutex *m)
{
	if (m->kind & ~gs_shared_bits)
		return -EINVAL;
	if (m->kind & GS_MUTEX_INHERIT)
		return gs_inherit_unlock(m);
	if (m->kind & GS_MUTEX_ROBUST)
		return gs_robust_unlock(m);
	if (m->kind & GS_MUTEX_PROTECT)
		return gs_ceiling_unlock(m);
	return gs_shared_unlock_plain(m);
}
