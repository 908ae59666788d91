/* SPDX-License-Identifier: MIT */
/*
 * loop.c - event loops: threads that sleep in epoll_wait again and again.
 *
 * A thread that parks in epoll_wait costs two system calls a round where natively there is
 * one: the poller's, which says that its epoll descriptor is readable, and the one that
 * fetches the events. An event loop with nothing else to run beside it is better off in its
 * own: it sleeps in the kernel's epoll_wait, in a blocking region whose processor goes to
 * others at once, and the event wakes its kernel thread with the answer in its hands.
 *
 * That is worth it for a thread
 *  - that has parked in epoll_wait often (a loop, not one wait of a thread's life),
 *  - beside which nothing is runnable on its processor,
 *  - while no more kernel threads than there are processors are away in system calls (a
 *    wired thread has one anyway),
 *  - whose events come from outside. One that another thread of the process causes, by
 *    writing to an eventfd, a pipe or a local socket, costs a parked loop no system call at
 *    all, and one that sleeps a kernel thread's wake-up. So whoever writes to such counts
 *    (gs_loop_tell), and a loop that was woken while that happened begins anew to park.
 *
 * A signal that comes between the last look at the attention word and the system call runs
 * its handler before the call, which then sleeps; natively that is the same. With a signal
 * mask (epoll_pwait) it must not be, so such calls park.
 *
 * Locks: none. Called from: mux_poll.c; io_rw.c (tell).
 */
#include "loop.h"

#include "cancel.h"
#include "globq.h"
#include "region.h"
#include "sched.h"
#include "signal.h"
#include "sys.h"

#include <errno.h>
#include <time.h>

enum {
	GS_LOOP_PARKS = 16,          /* who has parked so often is a loop */
	GS_LOOP_SLEPT_CYCLES = 8000, /* a shorter epoll_wait has found something at once */
};

_Atomic uint32_t gs_loop_told;

void gs_loop_parked(struct gs_thread *self)
{
	if (self->loop_parks < GS_LOOP_PARKS)
		self->loop_parks++;
}

bool gs_loop_may_sleep(const struct gs_thread *self)
{
	/* relaxed: a bound on the number of kernel threads, no protocol */
	return self->loop_parks >= GS_LOOP_PARKS && self->inrt == 1 &&
	       (self->wired ||
		atomic_load_explicit(&gs_worker_lost, memory_order_relaxed) < gs_nprocs) &&
	       gs_runq_length(&self->worker->p->runq) == 0 &&
	       atomic_load_explicit(&gs_globq_length, memory_order_relaxed) == 0;
}

static long gs_loop_wait(int epfd, struct epoll_event *events, int max, uint64_t deadline)
{
	struct timespec ts, *tsp = NULL;
	uint64_t left = 0;
	long r;

	if (deadline != GS_NEVER) {
		uint64_t now = gs_now();

		left = deadline > now ? deadline - now : 0;
		ts.tv_sec = (time_t)(left / GS_NSEC);
		ts.tv_nsec = (long)(left % GS_NSEC);
		tsp = &ts;
	}
	r = gs_sys_try5(__NR_epoll_pwait2, epfd, events, max, tsp, 0);
	if (GS_UNLIKELY(r == -ENOSYS || r == -EPERM)) /* before Linux 5.11, or filtered out */
		r = gs_arch_syscall(__NR_epoll_wait, epfd, (long)events, max,
				    tsp ? (long)GS_MIN(left / 1000000 + (left % 1000000 != 0),
						       (uint64_t)INT32_MAX) : -1, 0, 0);
	return r;
}

int gs_loop_sleep(struct gs_thread *self, int epfd, struct epoll_event *events, int max,
		  uint64_t deadline)
{
	/* relaxed: a hint */
	uint32_t told = atomic_load_explicit(&gs_loop_told, memory_order_relaxed);
	uint64_t begun;
	bool exposed;
	long r = -EINTR;

	gs_region_enter_asleep(self);
	if (GS_LIKELY(!gs_signal_ran(self))) {
		exposed = gs_cancel_expose(self);
		begun = gs_arch_cycles();
		r = gs_loop_wait(epfd, events, max, deadline);
		self->loop_slept = gs_arch_cycles() - begun > GS_LOOP_SLEPT_CYCLES;
		gs_cancel_cover(self, exposed);
	}
	gs_region_leave_asleep(self);
	if (self->loop_slept &&
	    atomic_load_explicit(&gs_loop_told, memory_order_relaxed) != told)
		self->loop_parks = 0;
	return (int)r;
}
