/* SPDX-License-Identifier: MIT */
/*
 * poll.c - poll, select and epoll_wait, with their variants.
 *
 * What a variant adds to runtime/mux.c is how the time-out is written and whether a
 * signal mask comes with the call. A mask is the green thread's own for as long as
 * the call waits; a handler that ends the wait runs under it, and when the wait ends
 * otherwise the old mask is back before any handler can run, as in the kernel.
 *
 * Called from: the program, and libc's own functions through the second door.
 */
#include "gate.h"
#include "runtime/access.h"
#include "runtime/cancel.h"
#include "runtime/mux.h"
#include "runtime/signal.h"
#include "runtime/sleep.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

void __chk_fail(void) GS_NORETURN; /* libc's "buffer overflow detected" */

/* What the kernel is told of a signal set. */
enum { GS_POLL_SIGSET = 8 };

/* One call on a green thread, from the first look at its arguments to its result. */
struct gs_poll_call {
	struct gs_thread *self;
	uint64_t deadline;
	uint64_t old; /* the thread's signal mask, if masked */
	bool masked;
};

static uint64_t gs_poll_deadline_ms(int ms)
{
	if (ms <= 0)
		return ms < 0 ? GS_NEVER : GS_MUX_NOW;
	return gs_now() + (uint64_t)ms * 1000000;
}

/* GS_NEVER without a time-out; false, and errno, when it is not valid. */
static bool gs_poll_deadline(const struct timespec *ts, uint64_t *deadline)
{
	*deadline = GS_NEVER;
	if (!ts)
		return true;
	if (ts->tv_sec < 0 || (uint64_t)ts->tv_nsec >= GS_NSEC) {
		errno = EINVAL;
		return false;
	}
	*deadline = gs_sleep_ns(ts);
	if (*deadline != 0)
		*deadline += gs_now(); /* both fit in 63 bits */
	return true;
}

/* Enters the runtime, under the call's mask if there is one; false, and errno, when
   that cannot be read. */
static bool gs_poll_begin(struct gs_poll_call *c, const sigset_t *mask)
{
	c->masked = mask != NULL;
	if (c->masked && !gs_access_readable(c->self, mask, GS_POLL_SIGSET)) {
		errno = EFAULT;
		return false;
	}
	gs_enter(c->self);
	if (c->masked) {
		uint64_t set;

		memcpy(&set, mask, sizeof(set));
		gs_signal_swap_mask(c->self, set, &c->old);
	}
	return true;
}

/* After a wait that gave ret: does it go on? It was to be interrupted, but no handler
   ran (another thread took the signal). Handlers run here, under the call's mask. */
static bool gs_poll_again(struct gs_poll_call *c, int ret)
{
	if (ret != -EINTR)
		return false;
	gs_leave(c->self);
	gs_enter(c->self);
	return !gs_signal_ran(c->self) && !gs_cancel_due(c->self);
}

/* Leaves it; the call's result for the program. */
static int gs_poll_end(struct gs_poll_call *c, int ret)
{
	uint64_t unused;

	if (c->masked)
		gs_signal_swap_mask(c->self, c->old, &unused);
	gs_leave(c->self);
	if (ret == -EINTR)
		gs_cancel_point(c->self);
	return (int)gs_gate_result(ret);
}

/* ---- poll ---- */

static int gs_poll_poll(struct gs_poll_call *c, struct pollfd *fds, nfds_t nfds,
			const sigset_t *mask)
{
	int ret;

	if (!gs_poll_begin(c, mask))
		return -1;
	do
		ret = gs_mux_poll(c->self, fds, nfds, c->deadline);
	while (gs_poll_again(c, ret));
	return gs_poll_end(c, ret);
}

GS_EXPORT int poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
	struct gs_poll_call c = { .self = gs_gate() };

	if (!c.self)
		return (int)gs_gate_result(gs_gate_sys3(__NR_poll, fds, nfds, timeout));
	gs_cancel_point(c.self);
	c.deadline = gs_poll_deadline_ms(timeout);
	return gs_poll_poll(&c, fds, nfds, NULL);
}

GS_EXPORT int __poll(struct pollfd *fds, nfds_t nfds, int timeout)
	__attribute__((alias("poll")));

GS_EXPORT int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout,
		    const sigset_t *mask)
{
	struct gs_poll_call c = { .self = gs_gate() };
	struct timespec copy; /* the kernel would write the rest to it */

	if (!c.self) {
		if (timeout)
			copy = *timeout;
		return (int)gs_gate_result(gs_gate_sys5(__NR_ppoll, fds, nfds,
							timeout ? &copy : NULL, mask,
							GS_POLL_SIGSET));
	}
	gs_cancel_point(c.self);
	if (!gs_poll_deadline(timeout, &c.deadline))
		return -1;
	return gs_poll_poll(&c, fds, nfds, mask);
}

GS_EXPORT int __poll_chk(struct pollfd *fds, nfds_t nfds, int timeout, size_t size)
{
	if (size / sizeof(*fds) < nfds)
		__chk_fail();
	return poll(fds, nfds, timeout);
}

GS_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout,
			  const sigset_t *mask, size_t size)
{
	if (size / sizeof(*fds) < nfds)
		__chk_fail();
	return ppoll(fds, nfds, timeout, mask);
}

/* ---- select ---- */

static int gs_poll_select(struct gs_poll_call *c, int nfds, fd_set *in, fd_set *out, fd_set *ex,
			  const sigset_t *mask)
{
	int ret;

	if (!gs_poll_begin(c, mask))
		return -1;
	do
		ret = gs_mux_select(c->self, nfds, (unsigned long *)in, (unsigned long *)out,
				    (unsigned long *)ex, c->deadline);
	while (gs_poll_again(c, ret));
	return gs_poll_end(c, ret);
}

/* A timeval as glibc 2.36 understands it: only the low half of tv_usec, which may
   exceed a second. False when it is not valid. */
static bool gs_poll_timeval(const struct timeval *tv, struct timespec *ts)
{
	int32_t us = (int32_t)tv->tv_usec;

	if (tv->tv_sec < 0 || us < 0)
		return false;
	if (us / 1000000 > INT64_MAX - tv->tv_sec) {
		ts->tv_sec = INT64_MAX;
		ts->tv_nsec = GS_NSEC - 1;
	} else {
		ts->tv_sec = tv->tv_sec + us / 1000000;
		ts->tv_nsec = us % 1000000 * 1000L;
	}
	return true;
}

/* What is left of ts, of which spent nanoseconds are gone. */
static void gs_poll_spend(struct timespec *ts, uint64_t spent)
{
	ts->tv_sec -= (time_t)(spent / GS_NSEC);
	ts->tv_nsec -= (long)(spent % GS_NSEC);
	if (ts->tv_nsec < 0) {
		ts->tv_nsec += GS_NSEC;
		ts->tv_sec--;
	}
	if (ts->tv_sec < 0)
		ts->tv_sec = ts->tv_nsec = 0;
}

/* Unlike POSIX's, Linux's select says in *timeout how much time was left. */
GS_EXPORT int select(int nfds, fd_set *in, fd_set *out, fd_set *ex, struct timeval *timeout)
{
	struct gs_poll_call c = { .self = gs_gate() };
	struct timespec ts = { 0, 0 };
	int ret;

	if (timeout && !gs_poll_timeval(timeout, &ts)) {
		errno = EINVAL;
		return -1;
	}
	if (!c.self) {
		ret = (int)gs_gate_result(gs_gate_sys6(__NR_pselect6, nfds, in, out, ex,
						  timeout ? &ts : NULL, NULL));
	} else {
		uint64_t start = gs_now();

		gs_cancel_point(c.self);
		c.deadline = timeout ? gs_sleep_ns(&ts) : GS_NEVER;
		if (timeout && c.deadline != GS_MUX_NOW)
			c.deadline += start;
		ret = gs_poll_select(&c, nfds, in, out, ex, NULL);
		if (timeout && c.deadline != GS_MUX_NOW)
			gs_poll_spend(&ts, gs_now() - start);
	}
	if (timeout) {
		timeout->tv_sec = ts.tv_sec;
		timeout->tv_usec = ts.tv_nsec / 1000;
	}
	return ret;
}

GS_EXPORT int __select(int nfds, fd_set *in, fd_set *out, fd_set *ex, struct timeval *timeout)
	__attribute__((alias("select")));

GS_EXPORT int pselect(int nfds, fd_set *in, fd_set *out, fd_set *ex,
		      const struct timespec *timeout, const sigset_t *mask)
{
	struct gs_poll_call c = { .self = gs_gate() };
	struct timespec copy;

	if (!c.self) {
		uint64_t set[2] = { (uint64_t)(uintptr_t)mask, GS_POLL_SIGSET };

		if (timeout)
			copy = *timeout;
		return (int)gs_gate_result(gs_gate_sys6(__NR_pselect6, nfds, in, out, ex,
						   timeout ? &copy : NULL, set));
	}
	gs_cancel_point(c.self);
	if (!gs_poll_deadline(timeout, &c.deadline))
		return -1;
	return gs_poll_select(&c, nfds, in, out, ex, mask);
}

/* ---- epoll ---- */

static int gs_poll_epoll(struct gs_poll_call *c, int epfd, struct epoll_event *events, int max,
			 const sigset_t *mask)
{
	int ret;

	if (!gs_poll_begin(c, mask))
		return -1;
	do
		ret = gs_mux_epoll(c->self, epfd, events, max, c->deadline, !c->masked);
	while (gs_poll_again(c, ret));
	return gs_poll_end(c, ret);
}

GS_EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	struct gs_poll_call c = { .self = gs_gate() };

	if (!c.self)
		return (int)gs_gate_result(gs_gate_sys4(__NR_epoll_wait, epfd, events, max,
							timeout));
	gs_cancel_point(c.self);
	c.deadline = gs_poll_deadline_ms(timeout);
	return gs_poll_epoll(&c, epfd, events, max, NULL);
}

GS_EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
			  const sigset_t *mask)
{
	struct gs_poll_call c = { .self = gs_gate() };

	if (!c.self)
		return (int)gs_gate_result(gs_gate_sys6(__NR_epoll_pwait, epfd, events, max,
							timeout, mask, GS_POLL_SIGSET));
	gs_cancel_point(c.self);
	c.deadline = gs_poll_deadline_ms(timeout);
	return gs_poll_epoll(&c, epfd, events, max, mask);
}

GS_EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int max,
			   const struct timespec *timeout, const sigset_t *mask)
{
	struct gs_poll_call c = { .self = gs_gate() };

	if (!c.self)
		return (int)gs_gate_result(gs_gate_sys6(__NR_epoll_pwait2, epfd, events, max,
							timeout, mask, GS_POLL_SIGSET));
	gs_cancel_point(c.self);
	if (timeout && !gs_access_readable(c.self, timeout, sizeof(*timeout))) {
		errno = EFAULT;
		return -1;
	}
	if (!gs_poll_deadline(timeout, &c.deadline))
		return -1;
	return gs_poll_epoll(&c, epfd, events, max, mask);
}
