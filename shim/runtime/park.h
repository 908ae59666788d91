/* SPDX-License-Identifier: MIT */
/*
 * park.h - the parking lot: waiting on an address. The one primitive under all
 * pthread synchronisation.
 *
 * A waiter lives on the waiter's stack, in the queue of one address. It is a
 * green thread, or a kernel thread that is not ours, which then sleeps on a
 * futex word of its own: every wake-up serves both kinds.
 *
 * The recipe of a wait:
 *
 *	gs_park_lock(&hold, addr);
 *	look at the object; nothing to wait for: gs_park_unlock, done;
 *	gs_park_queue(&w, self, addr, GS_PARK_TAIL);
 *	gs_park_unlock(&hold);
 *	err = gs_park_sleep(&w, deadline);
 *	if (err) {
 *		left = gs_park_leave(&hold, &w);
 *		put the object right;
 *		gs_park_unlock(&hold);
 *	}
 *
 * and of a wake-up: gs_park_lock, change the object, gs_park_take the waiter, fill
 * in its result, gs_park_rouse it, gs_park_unlock. A rouse that returns false came
 * too late (a time-out or a signal was quicker): pick the next waiter. A waiter
 * that was roused is off the queue, and its waker touches neither it nor the
 * object again, so the woken thread may free both.
 */
#ifndef GS_PARK_H
#define GS_PARK_H

#include "list.h"
#include "lock.h"
#include "thread.h"

#include <time.h>

struct gs_park_bucket;

/* An address is a queue's name. Those that differ in their two lowest bits alone are under
   one lock: an object (which is 4-aligned) may have up to four queues, told apart so. */

/* A locked queue, or two. */
struct gs_park_hold {
	struct gs_park_bucket *first, *second;
	uint64_t mask; /* the signal mask of a kernel thread that is not ours */
	bool masked;
};

struct gs_park_waiter {
	struct gs_list node;      /* among the queues of the bucket: only a queue's first */
	struct gs_list peers;     /* the queue: all who wait on addr, in order, a ring */
	const void *_Atomic addr; /* changes under the locks of both queues */
	struct gs_thread *t;      /* NULL: a kernel thread, asleep on word */
	uint64_t token;
	_Atomic uint32_t word;    /* 1: woken */
	bool queued;
	bool moved;               /* from the queue it was put on to another one */
	/* The waiter's, set before gs_park_queue. */
	uint8_t reason;           /* enum gs_reason */
	bool interruptible;       /* gs_park_sleep may return -EINTR */
	uint32_t bits;            /* futexes: which wake-ups it answers to */
	uint32_t tag;             /* the object's business */
	uint64_t since;           /* cycle counter, the object's business */
	const void *move_to;      /* a wake-up may put it on this queue instead; or NULL */
	/* The waker's. */
	uint32_t result;
};

/* What a waker may put into result: the object is the waiter's already. */
enum { GS_PARK_HANDED = 1 };

enum gs_park_end { GS_PARK_TAIL, GS_PARK_HEAD };

/* Locks the queue of addr; of both, in the order of their buckets. */
void gs_park_lock(struct gs_park_hold *h, const void *addr);
void gs_park_lock2(struct gs_park_hold *h, const void *a, const void *b);
void gs_park_unlock(struct gs_park_hold *h);

/* May something be handed over in the locked queue? Not sooner than gap cycles after the last
   yes. */
bool gs_park_hand(struct gs_park_hold *h, uint64_t gap);

/* Begins a wait and joins the queue of addr, which is locked. self is NULL for a
   kernel thread. After this only gs_park_sleep or gs_park_abandon. */
void gs_park_queue(struct gs_park_waiter *w, struct gs_thread *self, const void *addr,
		   enum gs_park_end end);

/* An absolute time on CLOCK_REALTIME or CLOCK_MONOTONIC. */
struct gs_deadline {
	clockid_t clock;
	uint64_t at; /* nanoseconds; GS_NEVER: no bound */
};

/* Returns 0, or -EINVAL when the clock or the nanoseconds are out of range. */
int gs_park_deadline(struct gs_deadline *d, clockid_t clock, const struct timespec *abs);

/* Waits to be roused. Returns 0 when a waker took w off its queue (or, rarely, for
   no reason; w is off its queue then too); -ETIMEDOUT or -EINTR otherwise, and then
   gs_park_leave must follow. d may be NULL. No queue locked; inside the runtime. */
int gs_park_sleep(struct gs_park_waiter *w, const struct gs_deadline *d);

enum gs_park_left {
	GS_PARK_WAITING, /* nobody had come for it; it is off the queue now */
	GS_PARK_MOVED,   /* so, but from the queue it had been moved to */
	GS_PARK_MISSED,  /* a waker took it, came too late, and went on to the next */
	GS_PARK_WOKEN,   /* a waker was in time after all: as if gs_park_sleep had returned 0 */
};

/* Locks the queue w is or was on, takes it off, and tells what had become of it. */
enum gs_park_left gs_park_leave(struct gs_park_hold *h, struct gs_park_waiter *w);

/* The same for a wait that was begun and shall not be slept through. */
enum gs_park_left gs_park_abandon(struct gs_park_hold *h, struct gs_park_waiter *w);

/* The first waiter on addr, the one after w, or NULL. Queue locked. */
struct gs_park_waiter *gs_park_first(const void *addr);
struct gs_park_waiter *gs_park_next(struct gs_park_waiter *w);

/* Takes w off its queue. Queue locked; a gs_park_rouse must follow. */
void gs_park_take(struct gs_park_waiter *w);

/* Wakes w, which was taken and is gone if this returns true. Queue locked. */
bool gs_park_rouse(struct gs_park_waiter *w);

/* Takes w, unlocks, and wakes it: the same with the lock held for less long. */
bool gs_park_unlock_rouse(struct gs_park_hold *h, struct gs_park_waiter *w);

/* Puts w, which was taken, at the end of another queue. Both locked. */
void gs_park_move(struct gs_park_waiter *w, const void *to);

/* Wakes up to n waiters on addr; returns how many. Inside the runtime (or a kernel
   thread that is not ours), no queue locked. */
int gs_park_wake(const void *addr, int n);

/* May a wait that is not a cancellation point begin interruptible? Not while a
   cancellation is due, which would end every such wait at once. */
bool gs_park_open(struct gs_thread *self);

/* Runs the signal handlers that ended a wait with -EINTR: leaves the runtime and
   enters it again. No queue locked, no waiter queued: a handler may jump away. */
void gs_park_handlers(struct gs_thread *self);

/* Sleeps about ns, whatever happens. Inside the runtime; self may be NULL. */
void gs_park_nap(struct gs_thread *self, enum gs_reason reason, const void *obj, uint64_t ns);

/* For those who wait by looking again and again: lets others run, and every so many
   rounds sleeps a little. self may be NULL. */
void gs_park_give_way(struct gs_thread *self, const void *obj, unsigned round);

/* fork, child side: nobody waits. Called before anything else of floor 3. */
void gs_park_after_fork(void);

#endif
