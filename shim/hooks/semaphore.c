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
#include "runtime/guard.h"
#include "runtime/region.h"
#include "runtime/sem.h"
#include "runtime/signal.h"

static int gs_semaphore_fail(int err)
{
	errno = err;
	return -1;
}

/* A wait in libc. */
struct gs_semaphore_wait {
	struct gs_thread *self;
	sem_t *sem;
	clockid_t clock;
	const struct timespec *abs;
	int ret;
};

static void gs_semaphore_sleep(void *arg)
{
	struct gs_semaphore_wait *f = arg;

	if (f->self)
		gs_region_enter(f->self);
	f->ret = f->abs ? gs_real.sem_clockwait(f->sem, f->clock, f->abs) :
			  gs_real.sem_wait(f->sem);
	if (f->self)
		gs_region_leave(f->self);
}

/* libc has seen the request for a cancellation itself. */
static void gs_semaphore_cancelled(void *arg)
{
	struct gs_semaphore_wait *f = arg;

	if (f->self)
		gs_region_leave(f->self);
}

static int gs_semaphore_theirs(struct gs_thread *self, sem_t *sem, clockid_t clock,
			       const struct timespec *abs)
{
	struct gs_semaphore_wait f = { .self = self, .sem = sem, .clock = clock, .abs = abs };

	gs_guard_call(gs_semaphore_sleep, gs_semaphore_cancelled, &f);
	return f.ret;
}

static int gs_semaphore_wait(sem_t *sem, clockid_t clock, const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();
	struct gs_sem *s = (struct gs_sem *)sem;
	struct gs_deadline d;
	int err;

	if (!gs_sched_on)
		return abs ? gs_real.sem_clockwait(sem, clock, abs) : gs_real.sem_wait(sem);
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
