/* SPDX-License-Identifier: MIT */
/*
 * runq.c - the run queue's ring. After Go's runqput, runqget, runqgrab.
 *
 * Invariants: only the owner moves tail; head only grows, by compare-and-swap;
 * slots in [head, tail) hold runnable threads that are on no other queue.
 * Called from: sched.c, switch.h, worker.c, idle.c, wire.c, globq.c; the owner is the worker
 * that holds the processor.
 */
#include "runq.h"

#include "thread.h"

bool gs_runq_push(struct gs_runq *q, struct gs_thread *t)
{
	/* acquire: pairs with the thieves' release on head; the slots they took are free */
	uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

	if (tail - head >= GS_RUNQ_SIZE)
		return false;
	atomic_store_explicit(&q->ring[tail % GS_RUNQ_SIZE], t, memory_order_relaxed);
	/* release: pairs with the acquire of tail in gs_runq_steal */
	atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
	return true;
}

struct gs_thread *gs_runq_push_next(struct gs_runq *q, struct gs_thread *t)
{
	struct gs_thread *old = atomic_load_explicit(&q->next, memory_order_relaxed);

	/* Without a predecessor nobody else writes the slot. */
	if (!old) {
		/* release: pairs with the acquire in gs_runq_steal */
		atomic_store_explicit(&q->next, t, memory_order_release);
		return NULL;
	}
	/* acq_rel: a thief may empty the slot at the same time */
	return atomic_exchange_explicit(&q->next, t, memory_order_acq_rel);
}

/* Without thieves nobody else moves head or empties the next slot: no locked
   instruction is needed. */
static struct gs_thread *gs_runq_pop_alone(struct gs_runq *q)
{
	struct gs_thread *t = atomic_load_explicit(&q->next, memory_order_relaxed);
	uint32_t head;

	if (t) {
		atomic_store_explicit(&q->next, NULL, memory_order_relaxed);
		return t;
	}
	head = atomic_load_explicit(&q->head, memory_order_relaxed);
	if (atomic_load_explicit(&q->tail, memory_order_relaxed) == head)
		return NULL;
	t = atomic_load_explicit(&q->ring[head % GS_RUNQ_SIZE], memory_order_relaxed);
	atomic_store_explicit(&q->head, head + 1, memory_order_relaxed);
	return t;
}

struct gs_thread *gs_runq_pop(struct gs_runq *q, bool alone)
{
	struct gs_thread *t;
	uint32_t head;

	if (alone)
		return gs_runq_pop_alone(q);
	t = atomic_load_explicit(&q->next, memory_order_relaxed);
	/* acq_rel: against a thief that takes it first */
	if (t && atomic_compare_exchange_strong_explicit(&q->next, &t, NULL, memory_order_acq_rel,
							 memory_order_relaxed))
		return t;
	/* acquire: pairs with the thieves' release on head */
	head = atomic_load_explicit(&q->head, memory_order_acquire);
	for (;;) {
		uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

		if (tail == head)
			return NULL;
		t = atomic_load_explicit(&q->ring[head % GS_RUNQ_SIZE], memory_order_relaxed);
		/* release: the slot may be reused once head has moved */
		if (atomic_compare_exchange_weak_explicit(&q->head, &head, head + 1,
							  memory_order_acq_rel,
							  memory_order_acquire))
			return t;
	}
}

struct gs_thread *gs_runq_age(struct gs_runq *q)
{
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	/* acquire: pairs with the thieves' release on head */
	uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	struct gs_thread *t;

	if (tail == head)
		return NULL;
	/* acq_rel: a thief may empty the slot at the same time */
	t = atomic_exchange_explicit(&q->next, NULL, memory_order_acq_rel);
	return t && !gs_runq_push(q, t) ? t : NULL;
}

uint32_t gs_runq_shed(struct gs_runq *q, struct gs_thread **first, struct gs_thread **last)
{
	/* acquire: pairs with the thieves' release on head */
	uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	uint32_t n = (tail - head) / 2;
	struct gs_thread *batch[GS_RUNQ_SIZE / 2];

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		batch[i] = atomic_load_explicit(&q->ring[(head + i) % GS_RUNQ_SIZE],
						memory_order_relaxed);
	/* acq_rel: as in gs_runq_pop; on failure a thief was quicker */
	if (!atomic_compare_exchange_strong_explicit(&q->head, &head, head + n,
						     memory_order_acq_rel, memory_order_relaxed))
		return 0;
	for (uint32_t i = 0; i + 1 < n; i++)
		batch[i]->next = batch[i + 1];
	batch[n - 1]->next = NULL;
	*first = batch[0];
	*last = batch[n - 1];
	return n;
}

struct gs_thread *gs_runq_steal(struct gs_runq *to, struct gs_runq *from, bool take_next)
{
	uint32_t to_tail = atomic_load_explicit(&to->tail, memory_order_relaxed);

	for (;;) {
		/* acquire: pairs with the owner's and other thieves' releases */
		uint32_t head = atomic_load_explicit(&from->head, memory_order_acquire);
		uint32_t tail = atomic_load_explicit(&from->tail, memory_order_acquire);
		uint32_t n = tail - head;

		n -= n / 2;
		if (n == 0) {
			struct gs_thread *t;

			if (!take_next)
				return NULL;
			/* acquire: pairs with the release in gs_runq_push_next */
			t = atomic_load_explicit(&from->next, memory_order_acquire);
			if (t && atomic_compare_exchange_strong_explicit(&from->next, &t, NULL,
									 memory_order_acq_rel,
									 memory_order_relaxed))
				return t;
			return NULL;
		}
		if (n > GS_RUNQ_SIZE / 2)
			continue; /* head and tail were read inconsistently */
		for (uint32_t i = 0; i < n; i++)
			atomic_store_explicit(
				&to->ring[(to_tail + i) % GS_RUNQ_SIZE],
				atomic_load_explicit(&from->ring[(head + i) % GS_RUNQ_SIZE],
						     memory_order_relaxed),
				memory_order_relaxed);
		/* acq_rel: claims the slots; pairs with the owner's acquire of head */
		if (atomic_compare_exchange_strong_explicit(&from->head, &head, head + n,
							    memory_order_acq_rel,
							    memory_order_relaxed)) {
			n--;
			/* release: pairs with the next thief's acquire of tail */
			if (n > 0)
				atomic_store_explicit(&to->tail, to_tail + n, memory_order_release);
			return atomic_load_explicit(&to->ring[(to_tail + n) % GS_RUNQ_SIZE],
						    memory_order_relaxed);
		}
	}
}
