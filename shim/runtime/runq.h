/* SPDX-License-Identifier: MIT */
/*
 * runq.h - a processor's run queue: a ring its owner pushes to and everybody
 * takes from, and a slot for the thread just woken. The algorithm is the Go
 * runtime's (runqput, runqget, runqgrab in proc.go).
 */
#ifndef GS_RUNQ_H
#define GS_RUNQ_H

#include "base.h"

struct gs_thread;

enum { GS_RUNQ_SIZE = 256 };

struct gs_runq {
	struct gs_thread *_Atomic next; /* runs before the ring; inherits the time slice */
	_Atomic uint32_t head GS_ALIGNED(64);
	_Atomic uint32_t tail;
	struct gs_thread *_Atomic ring[GS_RUNQ_SIZE];
};

/* Owner only. Appends t; false when the ring is full. */
bool gs_runq_push(struct gs_runq *q, struct gs_thread *t);

/* Owner only. Puts t into the next slot and returns whom it displaced, or NULL. */
struct gs_thread *gs_runq_push_next(struct gs_runq *q, struct gs_thread *t);

/* Owner only. Whoever is in the next slot goes behind those in the ring, if there are
   any: two threads that wake each other for ever do not keep the others out for ever.
   Returns it when the ring is full, and then it is on no queue. */
struct gs_thread *gs_runq_age(struct gs_runq *q);

/* Owner only. The next thread to run, or NULL. alone: there are no thieves. */
struct gs_thread *gs_runq_pop(struct gs_runq *q, bool alone);

/* Owner only. Takes n threads from the head into a list linked by ->next for the
   global queue; returns how many. */
uint32_t gs_runq_shed(struct gs_runq *q, struct gs_thread **head, struct gs_thread **tail);

/* Thief, owner of to: moves half of from's ring (and, if take_next and the ring
   is empty, the next slot) into to; returns one to run at once, or NULL. */
struct gs_thread *gs_runq_steal(struct gs_runq *to, struct gs_runq *from, bool take_next);

/* Owner only, where there are no thieves. The first of the ring; NULL when there is none
   or somebody in the next slot. */
static inline struct gs_thread *gs_runq_first(struct gs_runq *q)
{
	/* relaxed, all: without thieves nobody else reads or writes them; see gs_runq_pop */
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&q->tail, memory_order_relaxed) ||
	    atomic_load_explicit(&q->next, memory_order_relaxed))
		return NULL;
	return atomic_load_explicit(&q->ring[head % GS_RUNQ_SIZE], memory_order_relaxed);
}

/* The same: takes the first of the ring, which has one, and puts t behind the others. */
static inline void gs_runq_turn(struct gs_runq *q, struct gs_thread *t)
{
	/* relaxed, all: see gs_runq_first */
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

	atomic_store_explicit(&q->ring[tail % GS_RUNQ_SIZE], t, memory_order_relaxed);
	atomic_store_explicit(&q->head, head + 1, memory_order_relaxed);
	atomic_store_explicit(&q->tail, tail + 1, memory_order_relaxed);
}

/* Any kernel thread. The first two of the ring, or NULL: what will probably run next. */
static inline void gs_runq_peek(struct gs_runq *q, struct gs_thread *first[2])
{
	/* relaxed: a hint, and records are never unmapped */
	uint32_t n = atomic_load_explicit(&q->tail, memory_order_relaxed);
	uint32_t at = atomic_load_explicit(&q->head, memory_order_relaxed);

	for (int i = 0; i < 2; i++, at++)
		first[i] = n - at - 1 < GS_RUNQ_SIZE ?
				   atomic_load_explicit(&q->ring[at % GS_RUNQ_SIZE],
							memory_order_relaxed) : NULL;
}

/* The owner, where there are no thieves: more than n in the ring. */
static inline bool gs_runq_crowded(struct gs_runq *q, uint32_t n)
{
	/* relaxed: see gs_runq_first */
	return atomic_load_explicit(&q->tail, memory_order_relaxed) -
		       atomic_load_explicit(&q->head, memory_order_relaxed) > n;
}

static inline uint32_t gs_runq_length(struct gs_runq *q)
{
	/* acquire: a reader that is not the owner wants a consistent pair, roughly */
	uint32_t h = atomic_load_explicit(&q->head, memory_order_acquire);
	uint32_t t = atomic_load_explicit(&q->tail, memory_order_acquire);

	return (t - h) + (atomic_load_explicit(&q->next, memory_order_relaxed) != NULL);
}

#endif
