/* SPDX-License-Identifier: MIT */
/*
 * sem.c - waiting for a token, and giving one.
 *
 * A post that finds somebody queued gives the token to the first of them, without
 * its ever showing in the value: waiters are served in order, and nobody who comes
 * later is quicker.
 *
 * Why no token is lost: a waiter counts itself in data, and then looks at the
 * value under the queue's lock before it queues itself. A post that sees no
 * waiter in data adds to the value by compare-and-swap on the same word, so the
 * waiter counts itself later and sees the value. A post that sees one takes
 * the queue's lock; it finds the waiter there, or leaves the token in the value for
 * one that has not got that far.
 *
 * Invariants: data is not touched after the wake-up: the woken thread may
 * destroy the semaphore. That is why the poster, not the waiter, takes the waiter
 * out of the count.
 * Locks: the queue's.
 * Called from: hooks/semaphore.c.
 */
#include "sem.h"

#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <semaphore.h>

_Static_assert(sizeof(struct gs_sem) <= sizeof(sem_t), "struct gs_sem fits sem_t");

/* Takes a token, and the caller out of the count of waiters. */
static bool gs_sem_take(struct gs_sem *s)
{
	/* relaxed: the compare-and-swap acquires */
	uint64_t d = atomic_load_explicit(&s->data, memory_order_relaxed);

	while (d & gs_sem_value)
		/* acquire: pairs with the release in gs_sem_post */
		if (atomic_compare_exchange_weak_explicit(&s->data, &d, d - 1 - gs_sem_waiter,
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

static int gs_sem_sleep(struct gs_thread *self, struct gs_sem *s, const struct gs_deadline *d)
{
	struct gs_park_waiter w = { .reason = GS_REASON_SEM, .interruptible = true };
	enum gs_park_end end = GS_PARK_TAIL;
	enum gs_park_left left;
	struct gs_park_hold h;
	int err;

	for (;;) {
		gs_park_lock(&h, s);
		if (gs_sem_take(s)) {
			gs_park_unlock(&h);
			return 0;
		}
		gs_park_queue(&w, self, s, end);
		gs_park_unlock(&h);
		end = GS_PARK_HEAD;
		err = gs_park_sleep(&w, d);
		if (err) {
			left = gs_park_leave(&h, &w);
			if (left != GS_PARK_WOKEN)
				/* relaxed: one who posts and sees it still finds no one */
				atomic_fetch_sub_explicit(&s->data, gs_sem_waiter,
							  memory_order_relaxed);
			gs_park_unlock(&h);
			if (left != GS_PARK_WOKEN)
				return err;
		}
		if (w.result == GS_PARK_HANDED)
			return 0;
	}
}

int gs_sem_wait(struct gs_thread *self, struct gs_sem *s, const struct gs_deadline *d)
{
	int err;

	if (self)
		gs_enter(self);
	/* relaxed: the order of changes to this one word is all that counts */
	atomic_fetch_add_explicit(&s->data, gs_sem_waiter, memory_order_relaxed);
	err = gs_sem_sleep(self, s, d);
	if (self)
		gs_leave(self);
	return err;
}

/* Gives a token to the first waiter. Queue locked. */
static bool gs_sem_hand(struct gs_sem *s)
{
	struct gs_park_waiter *w;

	while ((w = gs_park_first(s)) != NULL) {
		gs_park_take(w);
		w->result = GS_PARK_HANDED;
		/* relaxed: the wake-up releases */
		atomic_fetch_sub_explicit(&s->data, gs_sem_waiter, memory_order_relaxed);
		if (gs_park_rouse(w))
			return true;
		/* It counts itself out, once it gets the queue's lock. */
		atomic_fetch_add_explicit(&s->data, gs_sem_waiter, memory_order_relaxed);
		w->result = 0;
	}
	return false;
}

/* Adds to the value. With waiters allowed only while the queue is locked. */
static int gs_sem_add(struct gs_sem *s, bool waiters)
{
	/* relaxed: the compare-and-swap orders */
	uint64_t d = atomic_load_explicit(&s->data, memory_order_relaxed);

	do {
		if ((d & gs_sem_value) == SEM_VALUE_MAX)
			return -EOVERFLOW;
		if (d >= gs_sem_waiter && !waiters)
			return -EAGAIN;
		/* release: pairs with the acquires in gs_sem_try and gs_sem_take */
	} while (!atomic_compare_exchange_weak_explicit(&s->data, &d, d + 1, memory_order_release,
							memory_order_relaxed));
	return 0;
}

int gs_sem_post(struct gs_thread *self, struct gs_sem *s)
{
	struct gs_park_hold h;
	int err = gs_sem_add(s, false);

	if (GS_LIKELY(err != -EAGAIN))
		return err;
	if (self)
		gs_enter(self);
	gs_park_lock(&h, s);
	if (gs_sem_hand(s)) {
		gs_park_unlock(&h);
		err = 0;
	} else {
		err = gs_sem_add(s, true);
		gs_park_unlock(&h);
		/* One who waits in libc's own code, from before the library was on. */
		if (!err)
			gs_sys_futex_wake(&s->data, 1);
	}
	if (self)
		gs_leave(self);
	return err;
}
