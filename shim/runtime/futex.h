/* SPDX-License-Identifier: MIT */
/*
 * futex.h - process-private futexes of the program, on the parking lot.
 *
 * A waiter may also sit in the kernel (it called it without libc, or before the
 * library was on): wakers ask the kernel for what the parking lot did not give.
 */
#ifndef GS_FUTEX_H
#define GS_FUTEX_H

#include "park.h"

/* Waits while *addr is val. Returns 0, -EAGAIN, -ETIMEDOUT, -EINTR (a signal's handler
   has run; it is no cancellation point). self may be NULL. */
int gs_futex_wait(struct gs_thread *self, uint32_t *addr, uint32_t val, uint32_t bits,
		  const struct gs_deadline *d);

/* Wakes up to n of those whose bits meet; returns how many. */
int gs_futex_wake(struct gs_thread *self, uint32_t *addr, int n, uint32_t bits);

/* Wakes n, moves up to moves others to the queue of to; returns how many in all.
   With compare: -EAGAIN if *addr is not *compare. */
int gs_futex_requeue(struct gs_thread *self, uint32_t *addr, uint32_t *to, int n, int moves,
		     const uint32_t *compare);

/* FUTEX_WAKE_OP: changes *to as op says, wakes n on addr and, if the old value of *to
   meets the comparison, m on to. Returns how many, or -ENOSYS for an unknown op. */
int gs_futex_wake_op(struct gs_thread *self, uint32_t *addr, uint32_t *to, int n, int m,
		     uint32_t op);

#endif
