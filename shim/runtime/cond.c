/* SPDX-License-Identifier: MIT */
/*
 * cond.c - waiting on a condition and waking.
 *
 * With a parking lot a condition variable is little more than an address. A waiter
 * queues itself on it before it lets go of the mutex; a signal takes the first off
 * the queue and makes it runnable; it locks the mutex and returns.
 *
 * A broadcast wakes one and moves the others to the mutex's queue: they would
 * only wait there. That needs nobody to set the mutex's word to 2, because the one
 * that was woken locks it that way, whenever it gets it, and from then on every
 * unlock wakes the next.
 *
 * A signal handler that comes while a thread waits runs with the thread on no
 * queue (it may jump away and never come back), counted in the high half of
 * users; a wake-up meanwhile advances round, and the thread finds that out.
 *
 * The object is not touched after the wake-up, neither by the waker (it holds
 * the bucket's lock, not the object) nor by the woken thread, so it may be destroyed
 * and freed right after a broadcast; only threads that were in a handler look at it
 * once more, and gs_cond_drain waits for those.
 *
 * Invariants: users' low half is the length of the queue; both halves, and round,
 * change under the queue's lock.
 * Locks: the queue's; the mutex's queue with it.
 * Called from: hooks/pthread_cond.c.
 */
#include "cond.h"

#include "guard.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <pthread.h>

enum { GS_COND_NAP = 50000 };

/* A waiter's result: others were moved to the mutex's queue behind it, perhaps. */
enum { GS_COND_LEADS = GS_PARK_HANDED + 1 };

static const uint64_t gs_cond_queued = 1, gs_cond_away = 1ULL << 32;

#define GS_COND_SAME(field, theirs)                                                     \
	_Static_assert(offsetof(struct gs_cond, field) ==                               \
			       offsetof(struct __pthread_cond_s, theirs),               \
		       "struct gs_cond fits struct __pthread_cond_s")
GS_COND_SAME(users, __g_refs);
GS_COND_SAME(flags, __wrefs);

/* Adds to users. The queue's lock is held, but gs_cond_idle reads without it: who goes
   from one half to the other does so in one step. */
static void gs_cond_count(struct gs_cond *c, uint64_t by)
{
	/* relaxed: see gs_cond_idle */
	atomic_store_explicit(&c->users,
			      atomic_load_explicit(&c->users, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static uint64_t gs_cond_users(const struct gs_cond *c)
{
	/* relaxed: the queue's lock is held */
	return atomic_load_explicit(&((struct gs_cond *)c)->users, memory_order_relaxed);
}

/* A wait, for the time its thread runs signal handlers. */
struct gs_cond_absence {
	struct gs_thread *self;
	struct gs_cond *c;
	struct gs_mutex *m;
	const struct gs_cond_foreign *foreign;
};

static int gs_cond_relock(const struct gs_cond_absence *a, enum gs_mutex_back back)
{
	if (a->foreign)
		return -a->foreign->lock(a->self, a->m);
	gs_mutex_cond_lock(a->self, a->m, back);
	return 0;
}

/* How w, whose wait ended with err, comes by the mutex. */
static enum gs_mutex_back gs_cond_back(const struct gs_park_waiter *w, int err)
{
	if (w->moved && w->result == GS_PARK_HANDED)
		return GS_MUTEX_BACK_HANDED;
	if (err == 0 && !w->moved && w->result == 0)
		return GS_MUTEX_BACK_ALONE;
	return GS_MUTEX_BACK_WAITED;
}

static void gs_cond_away_begin(void *arg)
{
	gs_park_handlers(((struct gs_cond_absence *)arg)->self);
}

/* The thread ends in a handler. Its clean-up handlers expect the mutex locked. */
static void gs_cond_away_undo(void *arg)
{
	struct gs_cond_absence *a = arg;
	struct gs_park_hold h;

	gs_enter(a->self);
	gs_park_lock(&h, a->c);
	gs_cond_count(a->c, -gs_cond_away);
	gs_park_unlock(&h);
	gs_cond_relock(a, GS_MUTEX_BACK_WAITED);
	gs_leave(a->self);
}

/* The wait was interrupted, and w taken off the queue, which is locked, but is counted
   there still. Runs the handlers. True when a wake-up came meanwhile; false: w is queued
   again, first. */
static bool gs_cond_handlers(struct gs_park_hold *h, struct gs_park_waiter *w,
			     struct gs_cond_absence *a)
{
	uint32_t round = a->c->round;

	gs_cond_count(a->c, gs_cond_away - gs_cond_queued);
	gs_park_unlock(h);
	gs_guard_call(gs_cond_away_begin, gs_cond_away_undo, a);
	gs_park_lock(h, a->c);
	if (a->c->round != round) {
		gs_cond_count(a->c, -gs_cond_away);
		return true;
	}
	gs_cond_count(a->c, gs_cond_queued - gs_cond_away);
	gs_park_queue(w, a->self, a->c, GS_PARK_HEAD);
	return false;
}

/* Sleeps until the wait is over; returns 0, -ETIMEDOUT or -EINTR. */
static int gs_cond_sleep(struct gs_park_waiter *w, const struct gs_deadline *d,
			 struct gs_cond_absence *a)
{
	enum gs_park_left left;
	struct gs_park_hold h;
	int err;

	while ((err = gs_park_sleep(w, d)) != 0) {
		left = gs_park_leave(&h, w);
		/* Whoever moved it had woken it. One who missed it went on to the next; but a
		   thread that only ran a handler was to be woken all the same. */
		if (w->moved || left == GS_PARK_WOKEN ||
		    (left == GS_PARK_MISSED && err == -EINTR && gs_park_open(a->self))) {
			gs_park_unlock(&h);
			return 0;
		}
		if (err == -ETIMEDOUT || !gs_park_open(a->self)) {
			if (left == GS_PARK_WAITING)
				gs_cond_count(a->c, -gs_cond_queued);
			gs_park_unlock(&h);
			return err;
		}
		if (gs_cond_handlers(&h, w, a)) {
			gs_park_unlock(&h);
			return 0;
		}
		gs_park_unlock(&h);
	}
	return 0;
}

int gs_cond_wait(struct gs_thread *self, struct gs_cond *c, struct gs_mutex *m,
		 const struct gs_cond_foreign *foreign, const struct gs_deadline *d)
{
	struct gs_park_waiter w = { .reason = GS_REASON_COND, .interruptible = self != NULL };
	struct gs_cond_absence a = { .self = self, .c = c, .m = m, .foreign = foreign };
	enum gs_park_left left;
	struct gs_park_hold h;
	int err = foreign ? 0 : gs_mutex_cond_check(m);

	if (err)
		return err;
	/* Who waits for one with priority inheritance is to say so (lend.c). */
	if (!foreign && !(m->kind & GS_MUTEX_INHERIT))
		w.move_to = m;
	if (self)
		gs_enter(self);
	gs_park_lock(&h, c);
	gs_cond_count(c, gs_cond_queued);
	gs_park_queue(&w, self, c, GS_PARK_TAIL);
	gs_park_unlock(&h);
	if (!foreign)
		gs_mutex_cond_unlock(self, m);
	else
		err = -foreign->unlock(m);
	if (GS_UNLIKELY(err)) {
		left = gs_park_abandon(&h, &w);
		if (left == GS_PARK_WAITING)
			gs_cond_count(c, -gs_cond_queued);
		gs_park_unlock(&h);
		if (left == GS_PARK_WOKEN)
			gs_cond_signal(self, c); /* it was for somebody else */
	} else {
		int locked;

		err = gs_cond_sleep(&w, d, &a);
		locked = gs_cond_relock(&a, gs_cond_back(&w, err));
		if (locked)
			err = locked; /* EOWNERDEAD of a robust one */
	}
	if (self)
		gs_leave(self);
	return err;
}

void gs_cond_signal(struct gs_thread *self, struct gs_cond *c)
{
	struct gs_park_waiter *w;
	struct gs_park_hold h;

	if (self)
		gs_enter(self);
	for (;;) {
		gs_park_lock(&h, c);
		w = gs_park_first(c);
		if (!w)
			break;
		gs_cond_count(c, -gs_cond_queued);
		if (gs_park_unlock_rouse(&h, w))
			goto out;
	}
	if (gs_cond_users(c) >= gs_cond_away)
		c->round++;
	gs_park_unlock(&h);
out:
	if (self)
		gs_leave(self);
}

void gs_cond_broadcast(struct gs_thread *self, struct gs_cond *c)
{
	const void *to = NULL, *mine;
	struct gs_park_waiter *w;
	struct gs_park_hold h;
	bool woken = false;
	uint32_t n;

	if (self)
		gs_enter(self);
	gs_park_lock(&h, c);
	w = gs_park_first(c);
	if (w)
		to = w->move_to;
	gs_park_unlock(&h);

	gs_park_lock2(&h, c, to ? to : c);
	if (gs_cond_users(c) >= gs_cond_away)
		c->round++;
	for (n = (uint32_t)gs_cond_users(c); n > 0 && (w = gs_park_first(c)) != NULL; n--) {
		gs_park_take(w);
		gs_cond_count(c, -gs_cond_queued);
		mine = w->move_to;
		if (woken && to && mine == to) {
			w->since = gs_arch_cycles();
			w->tag = 0;
			gs_park_move(w, to);
			continue;
		}
		w->result = GS_COND_LEADS;
		if (gs_park_rouse(w) && mine == to)
			woken = true;
	}
	gs_park_unlock(&h);
	if (self)
		gs_leave(self);
}

void gs_cond_drain(struct gs_thread *self, struct gs_cond *c)
{
	struct gs_park_hold h;
	bool busy;

	if (self)
		gs_enter(self);
	for (;;) {
		gs_park_lock(&h, c);
		busy = gs_cond_users(c) >= gs_cond_away;
		gs_park_unlock(&h);
		if (!busy)
			break;
		gs_park_nap(self, GS_REASON_COND, c, GS_COND_NAP);
	}
	if (self)
		gs_leave(self);
}
