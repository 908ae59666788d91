/* SPDX-License-Identifier: MIT */
/*
 * clock.c - processor time of threads, and timers that belong to a thread.
 *
 * The clock id of a thread is made of its number as the kernel does it, with the
 * number that gettid gives: (~tid << 3) | 4 | which. All three (user, user and system,
 * scheduler) are answered by the scheduler's.
 *
 * Called from: the program; gs_sched_syscall. clock_gettime is asked all the time: every
 * other clock goes straight on to the C library's.
 */
#include "gate.h"
#include "real.h"
#include "runtime/cputime.h"
#include "runtime/life.h"
#include "runtime/sigaim.h"
#include "runtime/wired.h"
#include "sched.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	GS_CLOCK_SHIFT = 3,
	GS_CLOCK_THREAD = 4, /* a thread's, not a process's */
	GS_CLOCK_WHICH = 7,
	GS_CLOCK_SCHED = 6,  /* a thread's, the scheduler's */
	GS_CLOCK_FD = 3,     /* not of a process or a thread at all */
};

/* The green thread whose clock this is, or NULL. */
static struct gs_thread *gs_clock_thread(clockid_t clock)
{
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return gs_gate();
	if (clock >= 0 || !(clock & GS_CLOCK_THREAD) || (clock & GS_CLOCK_FD) == GS_CLOCK_FD)
		return NULL;
	return gs_sched_thread(gs_gate(), ~(clock >> GS_CLOCK_SHIFT));
}

long gs_clock_get(clockid_t clock, struct timespec *ts)
{
	struct gs_thread *t = gs_clock_thread(clock);
	uint64_t ns;
	long ret;

	ret = gs_sys2(SYS_clock_gettime, t ? CLOCK_THREAD_CPUTIME_ID : clock, ts);
	if (ret == 0 && t) { /* ts can be written */
		ns = gs_cputime(t);
		ts->tv_sec = (time_t)(ns / GS_NSEC);
		ts->tv_nsec = (long)(ns % GS_NSEC);
	}
	return ret;
}

GS_EXPORT int clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (GS_LIKELY(clock >= 0 && clock != CLOCK_THREAD_CPUTIME_ID && gs_real.clock_gettime))
		return gs_real.clock_gettime(clock, ts);
	return (int)gs_gate_result(gs_clock_get(clock, ts));
}

/* Of all threads' clocks it is the same. */
long gs_clock_resolution(clockid_t clock, struct timespec *res)
{
	return gs_sys2(SYS_clock_getres, gs_clock_thread(clock) ? CLOCK_THREAD_CPUTIME_ID : clock,
		       res);
}

GS_EXPORT int clock_getres(clockid_t clock, struct timespec *res)
{
	return (int)gs_gate_result(gs_clock_resolution(clock, res));
}

GS_EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	if (!t)
		return gs_real.pthread_getcpuclockid(thread, clock);
	if (gs_life_is_over(t))
		return ESRCH;
	*clock = (clockid_t)((unsigned)~t->tid << GS_CLOCK_SHIFT | GS_CLOCK_SCHED);
	return 0;
}

long gs_clock_usage(int who, void *usage)
{
	struct gs_thread *self = gs_gate();
	struct rusage *ru = usage;
	uint64_t ns;
	long ret;

	if (who != RUSAGE_THREAD || !self)
		return gs_sys2(SYS_getrusage, who, usage);
	/* The size of memory is the process's; what else the kernel counts, it counts
	   for kernel threads. */
	ret = gs_sys2(SYS_getrusage, RUSAGE_SELF, usage);
	if (ret == 0) {
		long maxrss = ru->ru_maxrss;

		ns = gs_cputime(self);
		memset(ru, 0, sizeof(*ru));
		ru->ru_maxrss = maxrss;
		ru->ru_utime.tv_sec = (time_t)(ns / GS_NSEC);
		ru->ru_utime.tv_usec = (long)(ns % GS_NSEC / 1000);
	}
	return ret;
}

GS_EXPORT int getrusage(__rusage_who_t who, struct rusage *usage)
{
	return (int)gs_gate_result(gs_clock_usage((int)who, usage));
}

int gs_clock_translate(struct gs_thread *self, clockid_t *clock, struct sigevent *ev)
{
	struct gs_thread *t = gs_clock_thread(*clock);
	int ktid;

	if (t) {
		ktid = gs_wired_ktid(self, t);
		if (ktid < 0)
			return ktid;
		/* The kernel's clock of that kernel thread: it must be the kernel that
		   finds out when it has come. */
		*clock = (clockid_t)((unsigned)~ktid << GS_CLOCK_SHIFT | GS_CLOCK_SCHED);
	}
	if (ev && ev->sigev_notify == SIGEV_THREAD_ID) {
		t = gs_sched_thread(self, ev->_sigev_un._tid);
		if (t && ev->_sigev_un._tid != 0) {
			ktid = gs_wired_ktid(self, t);
			if (ktid < 0)
				return ktid;
			ev->_sigev_un._tid = ktid;
			if (gs_sig_valid(ev->sigev_signo))
				gs_sigaim(t, ktid, ev->sigev_signo);
		}
	}
	return 0;
}

GS_EXPORT int timer_create(clockid_t clock, struct sigevent *restrict ev, timer_t *restrict timer)
{
	struct gs_thread *self = gs_gate();
	struct sigevent copy;
	int err;

	if (!self)
		return gs_real.timer_create(clock, ev, timer);
	if (ev)
		copy = *ev;
	err = gs_clock_translate(self, &clock, ev ? &copy : NULL);
	if (err != 0) {
		errno = -err;
		return -1;
	}
	return gs_real.timer_create(clock, ev ? &copy : NULL, timer);
}
