/* SPDX-License-Identifier: MIT */
/*
 * globq.c - the global run queue, a list under a lock.
 *
 * Invariants: a thread on it is on no ring; gs_globq_length counts the list.
 * Locks: gs_globq_lock. Called from: sched.c, switch.h, worker.c, idle.c, wire.c.
 */
#include "globq.h"

#include "thread.h"

_Atomic uint32_t gs_globq_length;

static struct gs_lock gs_globq_lock;
static struct gs_thread *gs_globq_head, *gs_globq_tail;

void gs_globq_push(struct gs_thread *first, struct gs_thread *last, uint32_t n)
{
	last->next = NULL;
	gs_lock(&gs_globq_lock);
	if (gs_globq_tail)
		gs_globq_tail->next = first;
	else
		gs_globq_head = first;
	gs_globq_tail = last;
	/* seq_cst: submitted before the submitter looks for idle processors; pairs with
	   the last look of a worker that goes to sleep (idle.c) */
	atomic_fetch_add_explicit(&gs_globq_length, n, memory_order_seq_cst);
	gs_unlock(&gs_globq_lock);
}

static struct gs_thread *gs_globq_pop(void)
{
	struct gs_thread *t = gs_globq_head;

	if (t) {
		gs_globq_head = t->next;
		if (!t->next)
			gs_globq_tail = NULL;
		atomic_fetch_sub_explicit(&gs_globq_length, 1, memory_order_relaxed);
	}
	return t;
}

struct gs_thread *gs_globq_take(struct gs_runq *to, uint32_t procs, uint32_t max)
{
	struct gs_thread *t;
	uint32_t n;

	/* relaxed: a miss is made good by the next look */
	if (atomic_load_explicit(&gs_globq_length, memory_order_relaxed) == 0)
		return NULL;
	gs_lock(&gs_globq_lock);
	n = atomic_load_explicit(&gs_globq_length, memory_order_relaxed) / procs + 1;
	n = GS_MIN(n, max);
	t = gs_globq_pop();
	while (t && !t->wired && n-- > 1) {
		struct gs_thread *more = gs_globq_head;

		if (!more || more->wired || !gs_runq_push(to, more))
			break;
		gs_globq_pop();
	}
	gs_unlock(&gs_globq_lock);
	return t;
}

void gs_globq_after_fork(void)
{
	gs_globq_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_globq_head = gs_globq_tail = NULL;
	gs_globq_length = 0;
}
