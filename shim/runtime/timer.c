/* SPDX-License-Identifier: MIT */
/*
 * timer.c - 4-ary min-heap of deadlines (shallower than a binary heap; Go's timers do the
 * same).
 *
 * The deadlines are in the heap itself, not only in the timers, which lie scattered in
 * their threads' records: with 10,000 sleepers nearly every look at one of those misses the
 * cache. Four children share a cache line.
 *
 * Invariants: heap[i].t->index == i and heap[i].when is its deadline; t->on is the heap it
 * is in, NULL otherwise; ts->next mirrors heap[0].when. heap[1] begins a cache line.
 * Locks: takes the heap's; calls fn without it.
 * Called from: poller.c and monitor.c (run), wait.c (arm, disarm); gs_now: everywhere.
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

enum { GS_TIMER_PAD = 3 }; /* unused, before heap[0] */

static void gs_timer_publish(struct gs_timers *ts)
{
	/* relaxed: a hint; whoever acts on it takes the lock */
	atomic_store_explicit(&ts->next, ts->n ? ts->heap[0].when : GS_NEVER,
			      memory_order_relaxed);
}

static void gs_timer_place(struct gs_timers *ts, uint32_t i, struct gs_timer_entry e)
{
	ts->heap[i] = e;
	e.t->index = i;
}

static void gs_timer_up(struct gs_timers *ts, uint32_t i, struct gs_timer_entry e)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;

		if (ts->heap[parent].when <= e.when)
			break;
		gs_timer_place(ts, i, ts->heap[parent]);
		i = parent;
	}
	gs_timer_place(ts, i, e);
}

static void gs_timer_down(struct gs_timers *ts, uint32_t i, struct gs_timer_entry e)
{
	for (;;) {
		uint32_t first = i * 4 + 1, best = first;

		if (first >= ts->n)
			break;
		for (uint32_t c = first + 1; c < first + 4 && c < ts->n; c++)
			if (ts->heap[c].when < ts->heap[best].when)
				best = c;
		if (ts->heap[best].when >= e.when)
			break;
		gs_timer_place(ts, i, ts->heap[best]);
		i = best;
	}
	gs_timer_place(ts, i, e);
}

/* Takes t out of the heap; lock held. */
static void gs_timer_remove(struct gs_timers *ts, struct gs_timer *t)
{
	uint32_t i = t->index;
	struct gs_timer_entry last = ts->heap[--ts->n];

	if (last.t != t) {
		if (i > 0 && ts->heap[(i - 1) / 4].when > last.when)
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
	uint32_t size = ts->cap ? (ts->cap + GS_TIMER_PAD) * 2 :
				  (uint32_t)(GS_PAGE / sizeof(struct gs_timer_entry));
	struct gs_timer_entry *heap = gs_mem_map(size * sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	heap += GS_TIMER_PAD;
	if (ts->cap) {
		memcpy(heap, ts->heap, ts->n * sizeof(*heap));
		gs_mem_unmap(ts->heap - GS_TIMER_PAD, (ts->cap + GS_TIMER_PAD) * sizeof(*heap));
	}
	ts->heap = heap;
	ts->cap = size - GS_TIMER_PAD;
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
	t->fn = fn;
	t->arg = arg;
	t->token = token;
	/* relaxed: only the owner, who is here, disarms it; a firing takes the lock */
	atomic_store_explicit(&t->on, ts, memory_order_relaxed);
	gs_timer_up(ts, ts->n++, (struct gs_timer_entry){ when, t });
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
		if (ts->n == 0 || ts->heap[0].when > now) {
			gs_unlock(&ts->lock);
			break;
		}
		t = ts->heap[0].t;
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
