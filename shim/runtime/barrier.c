/* SPDX-License-Identifier: MIT */
/*
 * barrier.c - rounds of threads that wait for each other.
 *
 * Everything happens under the queue's lock, so the last of a round wakes exactly
 * the others of that round, and the next may begin as soon as it lets go of the
 * lock. Who was woken does not look at the object again: it may be gone. Only a
 * thread that was in a signal handler meanwhile does, to learn whether its round
 * is over; gs_barrier_drain waits for such.
 *
 * Locks: the queue's.
 * Called from: hooks/pthread_sync.c.
 */
#include "barrier.h"

#include "guard.h"
#include "sched.h"

#include <pthread.h>

enum { GS_BARRIER_NAP = 50000, GS_BARRIER_WRAP = 1 << 30 };

_Static_assert(sizeof(struct gs_barrier) <= sizeof(pthread_barrier_t),
	       "struct gs_barrier fits pthread_barrier_t");

/* A wait, for the time its thread runs signal handlers. */
struct gs_barrier_absence {
	struct gs_thread *self;
	struct gs_barrier *b;
};

static void gs_barrier_away(void *arg)
{
	gs_park_handlers(((struct gs_barrier_absence *)arg)->self);
}

/* The thread ends in a handler. */
static void gs_barrier_undo(void *arg)
{
	struct gs_barrier_absence *a = arg;
	struct gs_park_hold h;

	gs_enter(a->self);
	gs_park_lock(&h, a->b);
	a->b->away--;
	gs_park_unlock(&h);
	gs_leave(a->self);
}

/* The round is full. Queue locked. */
static void gs_barrier_open(struct gs_barrier *b)
{
	struct gs_park_waiter *w;

	b->round++;
	b->out = b->in;
	if (b->in > GS_BARRIER_WRAP)
		b->in = b->out = 0;
	while ((w = gs_park_first(b)) != NULL) {
		gs_park_take(w);
		gs_park_rouse(w);
	}
}

/* Waits for the round to end; it has not, and w is queued. */
static void gs_barrier_sleep(struct gs_park_waiter *w, struct gs_barrier_absence *a,
			     uint32_t round)
{
	struct gs_park_hold h;

	while (gs_park_sleep(w, NULL) != 0) {
		if (gs_park_leave(&h, w) != GS_PARK_WAITING) {
			gs_park_unlock(&h);
			return;
		}
		a->b->away++;
		gs_park_unlock(&h);
		gs_guard_call(gs_barrier_away, gs_barrier_undo, a);
		gs_park_lock(&h, a->b);
		a->b->away--;
		if (a->b->round != round) {
			gs_park_unlock(&h);
			return;
		}
		w->interruptible = gs_park_open(a->self);
		gs_park_queue(w, a->self, a->b, GS_PARK_TAIL);
		gs_park_unlock(&h);
	}
}

bool gs_barrier_wait(struct gs_thread *self, struct gs_barrier *b)
{
	struct gs_park_waiter w = { .reason = GS_REASON_BARRIER };
	struct gs_barrier_absence a = { .self = self, .b = b };
	struct gs_park_hold h;
	uint32_t round;
	bool last;

	if (self)
		gs_enter(self);
	gs_park_lock(&h, b);
	round = b->round;
	last = ++b->in - b->out == b->count;
	if (last) {
		gs_barrier_open(b);
	} else {
		w.interruptible = self && gs_park_open(self);
		gs_park_queue(&w, self, b, GS_PARK_TAIL);
	}
	gs_park_unlock(&h);
	if (!last)
		gs_barrier_sleep(&w, &a, round);
	if (self)
		gs_leave(self);
	return last;
}

void gs_barrier_drain(struct gs_thread *self, struct gs_barrier *b)
{
	struct gs_park_hold h;
	bool busy;

	if (self)
		gs_enter(self);
	for (;;) {
		gs_park_lock(&h, b);
		busy = b->away > 0;
		gs_park_unlock(&h);
		if (!busy)
			break;
		gs_park_nap(self, GS_REASON_BARRIER, b, GS_BARRIER_NAP);
	}
	if (self)
		gs_leave(self);
}
