/* SPDX-License-Identifier: MIT */
/*
 * semaphore.c - waiting for and posting semaphores. sem_init, sem_destroy,
 * sem_trywait, sem_getvalue and what has to do with names stay libc's.
 *
 * Process-shared (and so all named) semaphores wait in libc, in a blocking region.
 * While the library is off, libc does it all.
 */
#include "gate.h"
#include "real.h"
#include "runtime/cancel.h"
#include "runtime/region.h"
#include "runtime/sem.h"
#include "runtime/signal.h"

static int gs_semaphore_fail(int err)
{
	errno = err;
	return -1;
}

/* In libc. A cancellation leaves the region by itself (cancel.c). */
static int gs_semaphore_theirs(struct gs_thread *self, sem_t *sem, clockid_t clock,
			       const struct timespec *abs)
{
	int ret;

	if (self)
		gs_region_enter(self);
	ret = abs ? gs_real.sem_clockwait(sem, clock, abs) : gs_real.sem_wait(sem);
	if (self)
		gs_region_leave(self);
	return ret;
}

static int gs_semaphore_wait(sem_t *sem, clockid_t clock, const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();
	struct gs_sem *s = (struct gs_sem *)sem;
	struct gs_deadline d;
	int err;

	if (!gs_sched_on)
		return gs_semaphore_theirs(NULL, sem, clock, abs);
	if (abs && gs_park_deadline(&d, clock, abs) != 0)
		return gs_semaphore_fail(EINVAL);
	/* A cancellation point even if there is a token. */
	if (self)
		gs_cancel_point(self);
	if (gs_sem_try(s))
		return 0;
	if (s->shared)
		return gs_semaphore_theirs(self, sem, clock, abs);
	for (;;) {
		if (self)
			gs_cancel_point(self);
		err = gs_sem_wait(self, s, abs ? &d : NULL);
		if (!err)
			return 0;
		if (self)
			gs_cancel_point(self);
		/* With a deadline, Linux restarts for no handler. */
		if (err == -EINTR && self &&
		    (abs ? !gs_signal_ran(self) : gs_signal_restarts(self)))
			continue;
		return gs_semaphore_fail(-err);
	}
}

GS_EXPORT int sem_wait(sem_t *sem)
{
	return gs_semaphore_wait(sem, CLOCK_REALTIME, NULL);
}

GS_EXPORT int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict abs)
{
	return gs_semaphore_wait(sem, CLOCK_REALTIME, abs);
}

GS_EXPORT int sem_clockwait(sem_t *restrict sem, clockid_t clock,
			    const struct timespec *restrict abs)
{
	return gs_semaphore_wait(sem, clock, abs);
}

GS_EXPORT int sem_post(sem_t *sem)
{
	struct gs_sem *s = (struct gs_sem *)sem;
	int err;

	if (!gs_sched_on || s->shared)
		return gs_real.sem_post(sem);
	err = gs_sem_post(gs_gate(), s);
	return err ? gs_semaphore_fail(-err) : 0;
}
