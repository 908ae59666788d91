/* SPDX-License-Identifier: MIT */
/*
 * timer.c - 4-ary min-heap of deadlines (four children share a cache line of
 * pointers, so it is shallower than a binary heap; Go's timers do the same).
 *
 * Invariants: heap[i]->index == i; t->on is the heap it is in, NULL otherwise;
 * ts->next mirrors heap[0]->when.
 * Locks: takes the heap's; calls fn without it.
 * Called from: the scheduler (run) and waiting threads (arm, disarm).
 */
#include "timer.h"

#include "host.h"
#include "mem.h"

#include <errno.h>
#include <string.h>
#include <time.h>

uint64_t gs_now(void)
{
	struct timespec ts;

	gs_host.clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * GS_NSEC + (uint64_t)ts.tv_nsec;
}

static void gs_timer_publish(struct gs_timers *ts)
{
	/* relaxed: a hint; whoever acts on it takes the lock */
	atomic_store_explicit(&ts->next, ts->n ? ts->heap[0]->when : GS_NEVER,
			      memory_order_relaxed);
}

static void gs_timer_place(struct gs_timers *ts, uint32_t i, struct gs_timer *t)
{
	ts->heap[i] = t;
	t->index = i;
}

static void gs_timer_up(struct gs_timers *ts, uint32_t i, struct gs_timer *t)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;

		if (ts->heap[parent]->when <= t->when)
			break;
		gs_timer_place(ts, i, ts->heap[parent]);
		i = parent;
	}
	gs_timer_place(ts, i, t);
}

static void gs_timer_down(struct gs_timers *ts, uint32_t i, struct gs_timer *t)
{
	for (;;) {
		uint32_t first = i * 4 + 1, best = first;

		if (first >= ts->n)
			break;
		for (uint32_t c = first + 1; c < first + 4 && c < ts->n; c++)
			if (ts->heap[c]->when < ts->heap[best]->when)
				best = c;
		if (ts->heap[best]->when >= t->when)
			break;
		gs_timer_place(ts, i, ts->heap[best]);
		i = best;
	}
	gs_timer_place(ts, i, t);
}

/* Takes t out of the heap; lock held. */
static void gs_timer_remove(struct gs_timers *ts, struct gs_timer *t)
{
	uint32_t i = t->index;
	struct gs_timer *last = ts->heap[--ts->n];

	if (last != t) {
		if (i > 0 && ts->heap[(i - 1) / 4]->when > last->when)
			gs_timer_up(ts, i, last);
		else
			gs_timer_down(ts, i, last);
	}
	/* release: pairs with the acquire in gs_timer_disarm */
	atomic_store_explicit(&t->on, NULL, memory_order_release);
	gs_timer_publish(ts);
}

static int gs_timer_grow(struct gs_timers *ts)
{
	uint32_t cap = ts->cap ? ts->cap * 2 : (uint32_t)(GS_PAGE / sizeof(void *));
	struct gs_timer **heap = gs_mem_map(cap * sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	if (ts->cap) {
		memcpy(heap, ts->heap, ts->n * sizeof(*heap));
		gs_mem_unmap(ts->heap, ts->cap * sizeof(*heap));
	}
	ts->heap = heap;
	ts->cap = cap;
	return 0;
}

void gs_timer_heap_init(struct gs_timers *ts)
{
	ts->n = 0;
	atomic_store_explicit(&ts->next, GS_NEVER, memory_order_relaxed);
}

int gs_timer_arm(struct gs_timers *ts, struct gs_timer *t, uint64_t when, gs_timer_fn *fn,
		 void *arg, uint64_t token)
{
	int first;

	gs_lock(&ts->lock);
	if (ts->n == ts->cap && gs_timer_grow(ts) != 0) {
		gs_unlock(&ts->lock);
		return -ENOMEM;
	}
	t->when = when;
	t->fn = fn;
	t->arg = arg;
	t->token = token;
	/* relaxed: only the owner, who is here, disarms it; a firing takes the lock */
	atomic_store_explicit(&t->on, ts, memory_order_relaxed);
	gs_timer_up(ts, ts->n++, t);
	first = t->index == 0;
	if (first)
		gs_timer_publish(ts);
	gs_unlock(&ts->lock);
	return first;
}

bool gs_timer_disarm(struct gs_timer *t)
{
	bool was;
	/* acquire: pairs with the release in gs_timer_remove */
	struct gs_timers *ts = atomic_load_explicit(&t->on, memory_order_acquire);

	if (!ts)
		return false;
	gs_lock(&ts->lock);
	was = atomic_load_explicit(&t->on, memory_order_relaxed) == ts;
	if (was)
		gs_timer_remove(ts, t);
	gs_unlock(&ts->lock);
	return was;
}

int gs_timer_run(struct gs_timers *ts, uint64_t now)
{
	int fired = 0;

	/* relaxed: a hint, checked again under the lock */
	while (atomic_load_explicit(&ts->next, memory_order_relaxed) <= now) {
		struct gs_timer *t;
		gs_timer_fn *fn;
		void *arg;
		uint64_t token;

		gs_lock(&ts->lock);
		if (ts->n == 0 || ts->heap[0]->when > now) {
			gs_unlock(&ts->lock);
			break;
		}
		t = ts->heap[0];
		fn = t->fn;
		arg = t->arg;
		token = t->token;
		gs_timer_remove(ts, t);
		gs_unlock(&ts->lock);
		fn(arg, token);
		fired++;
	}
	return fired;
}
