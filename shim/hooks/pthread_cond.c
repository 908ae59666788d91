/* SPDX-License-Identifier: MIT */
/*
 * pthread_cond.c - condition variables. See pthread_sync.c for who does the work.
 *
 * A process-shared condition variable waits in libc, which lets go of the mutex its own
 * way: by waking those who wait for it in the kernel.
 *	- One that is process-shared itself libc may let go of, if the caller goes by the
 *	  number for it that is in the word (robust.h).
 *	- One of this process is waited for elsewhere, so libc is given another one in its
 *	  place, which those who signal in this process hold meanwhile.
 *	- One that is process-shared and has a ceiling libc must not touch, for it would
 *	  count ceilings as well; and whoever signals in another process holds no stand-in.
 *	  A wake-up may be missed between letting go and waiting, so such a wait ends for
 *	  no reason now and then, which it may.
 */
#include "gate.h"
#include "hooks/sync.h"
#include "real.h"
#include "runtime/cancel.h"
#include "runtime/cond.h"
#include "runtime/guard.h"
#include "runtime/region.h"
#include "runtime/robust.h"
#include "runtime/shared.h"

enum { GS_SYNC_STAND_INS = 64, GS_SYNC_SLICE = 10000000 /* ns */ };

static pthread_mutex_t gs_sync_stand_ins[GS_SYNC_STAND_INS];

static inline struct gs_cond *gs_sync_cond(pthread_cond_t *c)
{
	return (struct gs_cond *)c;
}

static pthread_mutex_t *gs_sync_stand_in(pthread_cond_t *c)
{
	return &gs_sync_stand_ins[((uintptr_t)c >> 4) % GS_SYNC_STAND_INS];
}

/* Of a mutex that is waited for in the kernel. Called by cond.c, inside the runtime. */
static int gs_sync_foreign_unlock(void *m)
{
	return -gs_shared_unlock(m);
}

static int gs_sync_foreign_lock(struct gs_thread *self, void *m)
{
	int err;

	if (self)
		gs_leave(self);
	err = gs_sync_lock(m, CLOCK_REALTIME, NULL);
	if (self)
		gs_enter(self);
	return err;
}

static const struct gs_cond_foreign gs_sync_foreign = {
	.unlock = gs_sync_foreign_unlock,
	.lock = gs_sync_foreign_lock,
};

static int gs_sync_cond_wait_theirs(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
				    const struct timespec *abs)
{
	if (!abs)
		return gs_real.pthread_cond_wait(c, m);
	if (clock == GS_SYNC_OWN)
		return gs_real.pthread_cond_timedwait(c, m, abs);
	return gs_real.pthread_cond_clockwait(c, m, clock, abs);
}

/* A wait in libc. */
struct gs_sync_shared_wait {
	struct gs_thread *self;
	pthread_cond_t *cond;
	pthread_mutex_t *mutex, *stand_in;
	clockid_t clock;
	const struct timespec *abs;
	int err;
};

/* Now and a little, on the clock of the wait. */
static void gs_sync_shared_slice(struct gs_sync_shared_wait *f, struct timespec *ts)
{
	clock_gettime(f->clock, ts);
	ts->tv_nsec += GS_SYNC_SLICE;
	ts->tv_sec += ts->tv_nsec / (long)GS_NSEC;
	ts->tv_nsec %= (long)GS_NSEC;
}

static bool gs_sync_shared_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void gs_sync_shared_sleep(void *arg)
{
	struct gs_sync_shared_wait *f = arg;

	if (!f->stand_in)
		gs_robust_lend((struct gs_mutex *)f->mutex);
	if (f->self)
		gs_region_enter(f->self);
	f->err = gs_sync_cond_wait_theirs(f->cond, f->stand_in ? f->stand_in : f->mutex, f->clock,
					  f->abs);
	if (f->self)
		gs_region_leave(f->self);
}

/* What is left to do, also if libc has seen the request for a cancellation. */
static void gs_sync_shared_end(void *arg)
{
	struct gs_sync_shared_wait *f = arg;
	int err;

	if (f->self)
		gs_region_leave(f->self); /* unless it has been left */
	if (!f->stand_in) {
		gs_robust_reclaim();
		return;
	}
	gs_shared_unlock((struct gs_mutex *)f->stand_in);
	err = gs_sync_lock(f->mutex, CLOCK_REALTIME, NULL);
	if (err)
		f->err = err;
}

static int gs_sync_cond_wait_shared(struct gs_thread *self, pthread_cond_t *c,
				    pthread_mutex_t *m, clockid_t clock,
				    const struct timespec *abs)
{
	struct gs_sync_shared_wait f = {
		.self = self, .cond = c, .mutex = m, .clock = clock, .abs = abs
	};
	int kind = ((struct gs_mutex *)m)->kind, err;
	struct timespec slice;
	bool sliced = false;

	if (!gs_mutex_foreign((struct gs_mutex *)m) || (kind & GS_MUTEX_PROTECT)) {
		f.stand_in = gs_sync_stand_in(c);
		gs_shared_lock(self, (struct gs_mutex *)f.stand_in, CLOCK_REALTIME, NULL);
		err = gs_sync_unlock(m);
		if (err) {
			gs_shared_unlock((struct gs_mutex *)f.stand_in);
			return err;
		}
	}
	if (f.stand_in && (kind & GS_MUTEX_SHARED)) {
		if (clock == GS_SYNC_OWN)
			f.clock = gs_cond_flags(gs_sync_cond(c)) & GS_COND_MONOTONIC ?
					  CLOCK_MONOTONIC : CLOCK_REALTIME;
		gs_sync_shared_slice(&f, &slice);
		sliced = !abs || gs_sync_shared_before(&slice, abs);
		if (sliced)
			f.abs = &slice;
	}
	gs_guard_call(gs_sync_shared_sleep, gs_sync_shared_end, &f);
	gs_sync_shared_end(&f);
	return sliced && f.err == ETIMEDOUT ? 0 : f.err;
}

int gs_sync_cond_wait(pthread_cond_t *pc, pthread_mutex_t *pm, clockid_t clock,
		      const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();
	struct gs_cond *c = gs_sync_cond(pc);
	struct gs_mutex *m = (struct gs_mutex *)pm;
	struct gs_deadline d;
	int err;

	if (!gs_sched_on) {
		gs_mutex_strays = true;
		return gs_sync_cond_wait_theirs(pc, pm, clock, abs);
	}
	if (gs_cond_flags(c) & GS_COND_SHARED)
		return gs_sync_cond_wait_shared(self, pc, pm, clock, abs);
	if (clock == GS_SYNC_OWN)
		clock = gs_cond_flags(c) & GS_COND_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	if (abs && gs_park_deadline(&d, clock, abs) != 0)
		return EINVAL;
	if (self)
		gs_cancel_point(self);
	err = gs_cond_wait(self, c, m, gs_mutex_foreign(m) ? &gs_sync_foreign : NULL,
			   abs ? &d : NULL);
	if (err == -EINTR) {
		/* The mutex is ours again, as the cleanup handlers expect. */
		gs_cancel_point(self);
		err = 0;
	}
	return -err;
}

/* Either kind of wake-up, in libc. */
static void gs_sync_cond_wake_theirs(pthread_cond_t *c, bool all)
{
	if (all)
		gs_real.pthread_cond_broadcast(c);
	else
		gs_real.pthread_cond_signal(c);
}

static GS_NOINLINE void gs_sync_cond_wake_slow(pthread_cond_t *pc, bool all)
{
	struct gs_thread *self = gs_gate();
	struct gs_cond *c = gs_sync_cond(pc);

	if (!gs_sched_on) {
		gs_sync_cond_wake_theirs(pc, all);
		return;
	}
	if (gs_cond_flags(c) & GS_COND_SHARED) {
		pthread_mutex_t *stand_in = gs_sync_stand_in(pc);

		gs_shared_lock(self, (struct gs_mutex *)stand_in, CLOCK_REALTIME, NULL);
		gs_sync_cond_wake_theirs(pc, all);
		gs_shared_unlock((struct gs_mutex *)stand_in);
		return;
	}
	/* First theirs: after ours the object may be gone. */
	if (gs_cond_flags(c) >= GS_COND_STRAY)
		gs_sync_cond_wake_theirs(pc, all);
	if (gs_cond_idle(c))
		return;
	if (all)
		gs_cond_broadcast(self, c);
	else
		gs_cond_signal(self, c);
}

int gs_sync_cond_wake(pthread_cond_t *pc, bool all)
{
	struct gs_cond *c = gs_sync_cond(pc);

	if (!gs_cond_idle(c) || (gs_cond_flags(c) & ~(uint32_t)GS_COND_MONOTONIC) ||
	    GS_UNLIKELY(gs_sched_never))
		gs_sync_cond_wake_slow(pc, all);
	return 0;
}

int gs_sync_cond_destroy(pthread_cond_t *pc)
{
	struct gs_thread *self = gs_gate();
	struct gs_cond *c = gs_sync_cond(pc);
	int err;

	if (gs_sched_on && !(gs_cond_flags(c) & GS_COND_SHARED) && !gs_cond_idle(c))
		gs_cond_drain(self, c);
	/* libc waits for those who have not left yet. */
	if (self && (gs_cond_flags(c) & ~(uint32_t)GS_COND_MONOTONIC)) {
		gs_region_enter(self);
		err = gs_real.pthread_cond_destroy(pc);
		gs_region_leave(self);
		return err;
	}
	return gs_real.pthread_cond_destroy(pc);
}

GS_EXPORT int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	return gs_sync_cond_wait(c, m, GS_SYNC_OWN, NULL);
}

GS_EXPORT int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m,
				     const struct timespec *abs)
{
	return gs_sync_cond_wait(c, m, GS_SYNC_OWN, abs);
}

GS_EXPORT int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
				     const struct timespec *abs)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return gs_sync_cond_wait(c, m, clock, abs);
}

GS_EXPORT int pthread_cond_signal(pthread_cond_t *c)
{
	return gs_sync_cond_wake(c, false);
}

GS_EXPORT int pthread_cond_broadcast(pthread_cond_t *c)
{
	return gs_sync_cond_wake(c, true);
}

GS_EXPORT int pthread_cond_destroy(pthread_cond_t *c)
{
	return gs_sync_cond_destroy(c);
}
