/* SPDX-License-Identifier: MIT */
/*
 * timer.h - deadlines, on a 4-ary heap per processor.
 *
 * A timer belongs to its owner, who arms and disarms it; when it fires, fn is
 * called once with copies of arg and token taken under the heap's lock, so a
 * firing that races with the owner re-arming the timer still carries the old
 * token and is recognised as stale (see wait.h, gs_wait_wake).
 */
#ifndef GS_TIMER_H
#define GS_TIMER_H

#include "lock.h"

struct gs_timer;
typedef void gs_timer_fn(void *arg, uint64_t token);

struct gs_timer_entry {
	uint64_t when;
	struct gs_timer *t;
};

struct gs_timers {
	struct gs_lock lock;
	struct gs_timer_entry *heap;
	uint32_t n, cap;
	_Atomic uint64_t next; /* deadline of the first, GS_NEVER when empty; read without the lock */
};

struct gs_timer {
	gs_timer_fn *fn;
	void *arg;
	uint64_t token;
	struct gs_timers *_Atomic on; /* the heap it is in; NULL when not armed */
	uint32_t index;
};

void gs_timer_heap_init(struct gs_timers *ts);

/* Arms t on ts. Returns 1 when it became the earliest there, 0 when not,
   -ENOMEM when the heap cannot grow. Inside the runtime only. */
int gs_timer_arm(struct gs_timers *ts, struct gs_timer *t, uint64_t when, gs_timer_fn *fn,
		 void *arg, uint64_t token);

/* Takes t off its heap; true when it had not fired. */
bool gs_timer_disarm(struct gs_timer *t);

/* Fires everything due at now; returns how many. Any worker may run any heap. */
int gs_timer_run(struct gs_timers *ts, uint64_t now);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t gs_now(void);

#endif
