/* SPDX-License-Identifier: MIT */
/*
 * sleep.h - sleeping until a clock says so, without a kernel thread.
 */
#ifndef GS_SLEEP_H
#define GS_SLEEP_H

#include "sched.h"
#include "sys.h"

#include <time.h>

/* A wait ended with -EINTR: must the thread leave the runtime? Not when it was cancelled
   but has cancellation disabled; then it goes on waiting. */
bool gs_sleep_broken(struct gs_thread *self);

/* Can gs_sleep serve this clock? The others count processor time, or are none. */
bool gs_sleep_knows(clockid_t clock);

/* Nanoseconds of a valid timespec, no more than the kernel's clocks can hold. */
uint64_t gs_sleep_ns(const struct timespec *ts);

/* Sleeps for *req, or until clock shows *req if absolute. Returns 0, -EINVAL (*req is
   no time), or -EINTR: a signal or a cancellation wants the thread; then *left is the
   rest of a relative sleep. Inside the runtime. */
int gs_sleep(struct gs_thread *self, clockid_t clock, bool absolute, const struct timespec *req,
	     struct timespec *left);

/* sched_yield: others run first, here or, when there are none, on the CPU. Inside the
   runtime. */
static inline void gs_sleep_yield(struct gs_thread *self)
{
	if (!gs_sched_yield(self))
		gs_sys0(__NR_sched_yield);
}

#endif
