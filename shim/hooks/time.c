/* SPDX-License-Identifier: MIT */
/*
 * time.c - sleeping and yielding.
 *
 * glibc makes every sleep of one system call, clock_nanosleep, and so does this
 * file of one function. nanosleep and sleep mean CLOCK_REALTIME, relative, which
 * the kernel takes for CLOCK_MONOTONIC.
 *
 * Called from: the program, and libc's own functions through the second door.
 */
#include "gate.h"
#include "runtime/access.h"
#include "runtime/cancel.h"
#include "runtime/region.h"
#include "runtime/signal.h"
#include "runtime/sleep.h"

#include <sched.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* The kernel's clock_nanosleep: 0 or -errno. */
static int gs_time_sleep(clockid_t clock, int flags, const struct timespec *req,
			 struct timespec *rem)
{
	struct gs_thread *self = gs_gate();
	bool absolute = flags & TIMER_ABSTIME;
	struct timespec left;
	int ret;

	if (!self)
		return (int)gs_gate_sys4(__NR_clock_nanosleep, clock, flags, req, rem);
	gs_cancel_point(self);
	if (!gs_sleep_knows(clock)) {
		bool exposed;

		gs_region_enter(self);
		exposed = gs_cancel_expose(self);
		ret = (int)gs_sys4(__NR_clock_nanosleep, clock, flags, req, rem);
		gs_cancel_cover(self, exposed);
		gs_region_leave(self);
		return ret;
	}
	if (!gs_access_readable(self, req, sizeof(*req)))
		return -EFAULT;
	left = *req;
	do {
		struct timespec now = left;

		gs_enter(self);
		ret = gs_sleep(self, clock, absolute, &now, absolute ? &now : &left);
		gs_leave(self); /* handlers run */
		/* If none did (another thread took the signal), the sleep goes on. */
	} while (ret == -EINTR && !gs_signal_ran(self) && !gs_cancel_due(self));
	if (ret != -EINTR)
		return ret;
	gs_cancel_point(self);
	/* Writing the time there finds out whether the rest can be written. */
	if (!absolute && rem) {
		if (gs_sys2(__NR_clock_gettime, CLOCK_MONOTONIC, rem) != 0)
			return -EFAULT;
		*rem = left;
	}
	return ret;
}

GS_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *req,
			      struct timespec *rem)
{
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return EINVAL;
	return -gs_time_sleep(clock, flags, req, rem);
}

GS_EXPORT int nanosleep(const struct timespec *req, struct timespec *rem)
{
	return (int)gs_gate_result(gs_time_sleep(CLOCK_REALTIME, 0, req, rem));
}

GS_EXPORT int __nanosleep(const struct timespec *req, struct timespec *rem)
	__attribute__((alias("nanosleep")));

GS_EXPORT int usleep(useconds_t us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000L };

	return (int)gs_gate_result(gs_time_sleep(CLOCK_REALTIME, 0, &ts, NULL));
}

/* Interrupted, it returns the whole seconds that were left (and leaves errno EINTR,
   as glibc's does). */
GS_EXPORT unsigned int sleep(unsigned int seconds)
{
	struct timespec ts = { seconds, 0 };

	return gs_gate_result(gs_time_sleep(CLOCK_REALTIME, 0, &ts, &ts)) < 0
		       ? (unsigned int)ts.tv_sec
		       : 0;
}

GS_EXPORT int thrd_sleep(const struct timespec *req, struct timespec *rem)
{
	switch (gs_time_sleep(CLOCK_REALTIME, 0, req, rem)) {
	case 0:
		return 0;
	case -EINTR:
		return -1;
	default:
		return -2;
	}
}

GS_EXPORT int sched_yield(void)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return (int)gs_gate_result(gs_sys0(__NR_sched_yield));
	gs_enter(self);
	gs_sleep_yield(self);
	gs_leave(self);
	return 0;
}

/* pthread.h makes this name mean sched_yield; programs built before that still ask for it. */
GS_EXPORT int gs_time_pthread_yield(void) __asm__("pthread_yield");
GS_EXPORT int gs_time_pthread_yield(void)
{
	return sched_yield();
}

GS_EXPORT void thrd_yield(void)
{
	sched_yield();
}
