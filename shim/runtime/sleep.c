/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - nanosleep and its relatives: a wait that only its deadline ends.
 *
 * The scheduler's timers run on CLOCK_MONOTONIC. A sleep until a time of another
 * clock looks at that clock again whenever its timer fires, and at least every
 * ten seconds, because such a clock can be set, or goes on while the machine is
 * suspended: the sleep then ends up to ten seconds late, never early. A relative
 * sleep on CLOCK_REALTIME or CLOCK_TAI does not care what the clock is set to.
 *
 * Invariants: none kept between calls.
 * Locks: none.
 * Called from: hooks/time.c, poll.c, signal.c; mux.c.
 */
#include "sleep.h"

#include "host.h"
#include "sched.h"

#include <errno.h>

/* The end of the kernel's time, KTIME_MAX. */
static const uint64_t gs_sleep_max = INT64_MAX;
static const uint64_t gs_sleep_look_again = 10 * GS_NSEC;

bool gs_sleep_broken(struct gs_thread *self)
{
	/* relaxed: the bit was set before the wait was ended, which we acquired */
	uint32_t what = atomic_load_explicit(&self->attention, memory_order_relaxed);

	return (what & GS_ATT_SIGNAL) ||
	       ((what & GS_ATT_CANCEL) && gs_sched_ops.cancellable(self));
}

bool gs_sleep_knows(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_TAI;
}

uint64_t gs_sleep_ns(const struct timespec *ts)
{
	if ((uint64_t)ts->tv_sec >= gs_sleep_max / GS_NSEC)
		return gs_sleep_max;
	return (uint64_t)ts->tv_sec * GS_NSEC + (uint64_t)ts->tv_nsec;
}

static uint64_t gs_sleep_now(clockid_t clock)
{
	struct timespec ts;

	gs_host.clock_gettime(clock, &ts);
	/* Before 1970 every valid time is in the future, 1970 itself included. */
	return ts.tv_sec < 0 ? 0 : gs_sleep_ns(&ts);
}

int gs_sleep(struct gs_thread *self, clockid_t clock, bool absolute, const struct timespec *req,
	     struct timespec *left)
{
	uint64_t until, now;

	if (req->tv_sec < 0 || (uint64_t)req->tv_nsec >= GS_NSEC)
		return -EINVAL;
	if (!absolute && clock != CLOCK_BOOTTIME)
		clock = CLOCK_MONOTONIC;
	now = gs_sleep_now(clock);
	until = gs_sleep_ns(req);
	if (!absolute)
		until = GS_MIN(until, gs_sleep_max - now) + now;
	if (until <= now) {
		gs_sleep_yield(self); /* others run, as they would natively */
		return 0;
	}
	do {
		uint64_t rest = until - now, token;
		int err;

		if (clock != CLOCK_MONOTONIC)
			rest = GS_MIN(rest, gs_sleep_look_again);
		/* Woken by the deadline or a signal. */
		token = gs_wait_begin(self, GS_REASON_SLEEP, NULL, true);
		err = gs_wait_park(self, token,
				   clock == CLOCK_MONOTONIC ? until : gs_now() + rest);
		now = gs_sleep_now(clock);
		if (err == -EINTR && now < until && gs_sleep_broken(self)) {
			left->tv_sec = (time_t)((until - now) / GS_NSEC);
			left->tv_nsec = (long)((until - now) % GS_NSEC);
			return -EINTR;
		}
	} while (now < until);
	return 0;
}
