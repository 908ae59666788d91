/* SPDX-License-Identifier: MIT */
/*
 * park.c - the parking lot: a hash table of buckets, in each bucket a list of
 * queues, one per address that somebody waits on, each in order of arrival.
 *
 * Go's semaphores do the same with a tree per bucket; a million threads on a
 * million addresses make some fifteen queues per bucket here. What one address
 * costs does not depend on how many wait on another.
 *
 * Why nothing is lost. A waiter looks at the object, queues itself, and begins
 * its wait, all under the bucket's lock. A waker changes the object first and
 * takes the lock afterwards (or changes it under the lock). So either the waiter
 * sees the change, or the waker sees the waiter. From then on the wait word of
 * the thread (wait.c) decides between waker, deadline and signal; a waker that
 * loses there is told so by gs_park_rouse.
 *
 * Kernel threads that are not ours sleep on a word in their waiter. Its waker
 * sets the word and calls the kernel under the bucket's lock, and the waiter
 * takes that lock once more before its stack frame goes. They block all signals
 * while they hold a lock, for a handler may call sem_post, which takes one. (A
 * green thread's handlers are held off by gs_thread.inrt.)
 *
 * Invariants: w->queued says that w is on the queue of w->addr; both change under
 * the lock of the bucket of w->addr. The node of a queue's first waiter is on
 * the bucket's list, those of the others point at themselves.
 * Locks: a bucket's; two of them in address order. Below it: whatever waking needs.
 * Called from: mutex.c, cond.c, rwlock.c, sem.c, barrier.c, once.c, futex.c; lend.c, child.c
 * (naps); hooks and shared mutexes (deadlines).
 */
#include "park.h"

#include "host.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>

enum {
	GS_PARK_BITS = 16,
	GS_PARK_BUCKETS = 1 << GS_PARK_BITS,
	GS_PARK_YIELDS = 64,
	GS_PARK_NAP = 50000,
};

struct gs_park_bucket {
	struct gs_lock lock;
	struct gs_list queues; /* zero until first used */
	uint64_t handed;       /* when something was handed over here, in cycles */
} GS_ALIGNED(32);

/* Only pages with a bucket in use take memory. */
static struct gs_park_bucket gs_park_table[GS_PARK_BUCKETS] GS_ALIGNED(GS_PAGE);

static struct gs_park_bucket *gs_park_bucket(const void *addr)
{
	/* Objects are at least 4-aligned, and the queues of one (park.h) share a bucket;
	   Fibonacci hashing spreads the rest. */
	uint64_t hash = ((uintptr_t)addr >> 2) * 0x9e3779b97f4a7c15;

	return &gs_park_table[hash >> (64 - GS_PARK_BITS)];
}

bool gs_park_hand(struct gs_park_hold *h, uint64_t gap)
{
	uint64_t now = gs_arch_cycles();

	if (now - h->first->handed < gap)
		return false;
	h->first->handed = now;
	return true;
}

/* What the queue of addr stands for: an object may have several. */
static const void *gs_park_object(const void *addr)
{
	return (const void *)((uintptr_t)addr & ~(uintptr_t)3);
}

static void gs_park_lock_bucket(struct gs_park_bucket *b)
{
	gs_lock(&b->lock);
	if (GS_UNLIKELY(!b->queues.next))
		gs_list_init(&b->queues);
}

static void gs_park_mask(struct gs_park_hold *h)
{
	uint64_t all = ~0ULL;

	h->masked = gs_self == NULL;
	if (h->masked)
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &h->mask, sizeof(all));
}

void gs_park_lock(struct gs_park_hold *h, const void *addr)
{
	gs_park_mask(h);
	h->first = gs_park_bucket(addr);
	h->second = NULL;
	gs_park_lock_bucket(h->first);
}

void gs_park_lock2(struct gs_park_hold *h, const void *a, const void *b)
{
	struct gs_park_bucket *ba = gs_park_bucket(a), *bb = gs_park_bucket(b);

	gs_park_mask(h);
	h->first = GS_MIN(ba, bb);
	h->second = ba == bb ? NULL : GS_MAX(ba, bb);
	gs_park_lock_bucket(h->first);
	if (h->second)
		gs_park_lock_bucket(h->second);
}

void gs_park_unlock(struct gs_park_hold *h)
{
	if (h->second)
		gs_unlock(&h->second->lock);
	gs_unlock(&h->first->lock);
	if (h->masked)
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &h->mask, NULL, sizeof(h->mask));
}

struct gs_park_waiter *gs_park_first(const void *addr)
{
	struct gs_park_bucket *b = gs_park_bucket(addr);

	gs_list_for_each(n, &b->queues) {
		struct gs_park_waiter *w = GS_CONTAINER_OF(n, struct gs_park_waiter, node);

		/* relaxed: the bucket's lock is held */
		if (atomic_load_explicit(&w->addr, memory_order_relaxed) == addr)
			return w;
	}
	return NULL;
}

struct gs_park_waiter *gs_park_next(struct gs_park_waiter *w)
{
	struct gs_park_waiter *next = gs_list_first(&w->peers, struct gs_park_waiter, peers);

	return gs_list_on(&next->node) ? NULL : next; /* round the ring */
}

static void gs_park_insert(struct gs_park_waiter *w, const void *addr, enum gs_park_end end)
{
	struct gs_park_waiter *first = gs_park_first(addr);

	/* relaxed: the bucket's lock is held; gs_park_leave checks again under it */
	atomic_store_explicit(&w->addr, addr, memory_order_relaxed);
	w->queued = true;
	gs_list_init(&w->node);
	gs_list_init(&w->peers);
	if (!first) {
		gs_list_add_tail(&gs_park_bucket(addr)->queues, &w->node);
		return;
	}
	/* Before the first is behind the last: it is a ring. */
	gs_list_add_tail(&first->peers, &w->peers);
	if (end == GS_PARK_HEAD) {
		gs_list_add_tail(&first->node, &w->node);
		gs_list_del(&first->node);
	}
}

void gs_park_queue(struct gs_park_waiter *w, struct gs_thread *self, const void *addr,
		   enum gs_park_end end)
{
	w->t = self;
	w->moved = false;
	w->result = 0;
	/* relaxed: published by the bucket's lock */
	atomic_store_explicit(&w->word, 0, memory_order_relaxed);
	if (self)
		w->token = gs_wait_begin(self, w->reason, gs_park_object(addr),
					 w->interruptible);
	gs_park_insert(w, addr, end);
}

void gs_park_take(struct gs_park_waiter *w)
{
	if (gs_list_on(&w->node)) {
		if (gs_list_on(&w->peers)) {
			struct gs_park_waiter *next =
				gs_list_first(&w->peers, struct gs_park_waiter, peers);

			gs_list_add_tail(&w->node, &next->node);
		}
		gs_list_del(&w->node);
	}
	gs_list_del(&w->peers);
	w->queued = false;
}

void gs_park_move(struct gs_park_waiter *w, const void *to)
{
	w->moved = true;
	gs_park_insert(w, to, GS_PARK_TAIL);
}

bool gs_park_rouse(struct gs_park_waiter *w)
{
	if (w->t)
		return gs_wait_wake(w->t, w->token);
	/* release: pairs with the acquire in gs_park_sleep */
	atomic_store_explicit(&w->word, 1, memory_order_release);
	gs_sys_futex_wake(&w->word, 1);
	return true;
}

bool gs_park_unlock_rouse(struct gs_park_hold *h, struct gs_park_waiter *w)
{
	struct gs_thread *t = w->t;
	uint64_t token = w->token;

	gs_park_take(w);
	if (!t)
		gs_park_rouse(w);
	gs_park_unlock(h);
	/* A waiter whose wait ended otherwise may be gone; its thread's record never is. */
	return t ? gs_wait_wake(t, token) : true;
}

int gs_park_wake(const void *addr, int n)
{
	struct gs_park_waiter *w;
	struct gs_park_hold h;
	int woken = 0;

	gs_park_lock(&h, addr);
	while (woken < n && (w = gs_park_first(addr)) != NULL) {
		gs_park_take(w);
		woken += gs_park_rouse(w);
	}
	gs_park_unlock(&h);
	return woken;
}

int gs_park_deadline(struct gs_deadline *d, clockid_t clock, const struct timespec *abs)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	if (abs->tv_nsec < 0 || abs->tv_nsec >= (long)GS_NSEC)
		return -EINVAL;
	d->clock = clock;
	if (abs->tv_sec < 0)
		d->at = 0;
	else if ((uint64_t)abs->tv_sec >= GS_NEVER / GS_NSEC)
		d->at = GS_NEVER;
	else
		d->at = (uint64_t)abs->tv_sec * GS_NSEC + (uint64_t)abs->tv_nsec;
	return 0;
}

/* The deadline on CLOCK_MONOTONIC, 0 when it has passed. */
static uint64_t gs_park_when(const struct gs_deadline *d)
{
	struct timespec ts;
	uint64_t now;

	if (!d || d->at == GS_NEVER)
		return GS_NEVER;
	gs_host.clock_gettime(d->clock, &ts);
	now = (uint64_t)ts.tv_sec * GS_NSEC + (uint64_t)ts.tv_nsec;
	if (d->at <= now)
		return 0;
	return d->clock == CLOCK_MONOTONIC ? d->at : gs_now() + (d->at - now);
}

/* Locks the bucket of the queue w is on; w may be moved while we look. */
static void gs_park_lock_mine(struct gs_park_hold *h, struct gs_park_waiter *w)
{
	for (;;) {
		/* relaxed: checked again under the lock, which a mover holds */
		const void *addr = atomic_load_explicit(&w->addr, memory_order_relaxed);

		gs_park_lock(h, addr);
		if (atomic_load_explicit(&w->addr, memory_order_relaxed) == addr)
			return;
		gs_park_unlock(h);
	}
}

static int gs_park_sleep_kernel(struct gs_park_waiter *w, const struct gs_deadline *d)
{
	struct timespec ts, *abs = NULL;
	int op = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG;
	struct gs_park_hold h;
	long err;

	if (d && d->at != GS_NEVER) {
		ts.tv_sec = (time_t)(d->at / GS_NSEC);
		ts.tv_nsec = (long)(d->at % GS_NSEC);
		abs = &ts;
		if (d->clock == CLOCK_REALTIME)
			op |= FUTEX_CLOCK_REALTIME;
	}
	/* acquire: pairs with the release in gs_park_rouse */
	while (atomic_load_explicit(&w->word, memory_order_acquire) == 0) {
		err = gs_sys6(__NR_futex, &w->word, op, 0, abs, NULL, FUTEX_BITSET_MATCH_ANY);
		if (err == -ETIMEDOUT || (err == -EINTR && w->interruptible))
			return (int)err;
	}
	/* Until the waker has let go of w. */
	gs_park_lock_mine(&h, w);
	gs_park_unlock(&h);
	return 0;
}

int gs_park_sleep(struct gs_park_waiter *w, const struct gs_deadline *d)
{
	struct gs_thread *self = w->t;
	struct gs_park_hold h;
	uint64_t when;
	int err;

	if (!self)
		return gs_park_sleep_kernel(w, d);
	for (;;) {
		when = gs_park_when(d);
		if (GS_UNLIKELY(when == 0))
			return gs_wait_cancel(self, w->token) ? -ETIMEDOUT : 0;
		err = gs_wait_park(self, w->token, when);
		if (GS_LIKELY(err != -ETIMEDOUT) || gs_park_when(d) == 0)
			return err;
		/* The wall clock was set back, or runs slower: the time has not come. */
		gs_park_lock_mine(&h, w);
		if (!w->queued) {
			gs_park_unlock(&h);
			return 0;
		}
		w->token = gs_wait_begin(self, w->reason, gs_park_object(w->addr),
					 w->interruptible);
		gs_park_unlock(&h);
	}
}

enum gs_park_left gs_park_leave(struct gs_park_hold *h, struct gs_park_waiter *w)
{
	gs_park_lock_mine(h, w);
	if (!w->queued)
		return w->t ? GS_PARK_MISSED : GS_PARK_WOKEN;
	gs_park_take(w);
	return w->moved ? GS_PARK_MOVED : GS_PARK_WAITING;
}

enum gs_park_left gs_park_abandon(struct gs_park_hold *h, struct gs_park_waiter *w)
{
	bool roused = w->t && !gs_wait_cancel(w->t, w->token);
	enum gs_park_left left = gs_park_leave(h, w);

	return roused ? GS_PARK_WOKEN : left;
}

bool gs_park_open(struct gs_thread *self)
{
	/* relaxed: a request that comes later ends the wait once */
	return !(atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_CANCEL) ||
	       !gs_sched_ops.cancellable(self);
}

void gs_park_handlers(struct gs_thread *self)
{
	gs_leave(self);
	gs_enter(self);
}

void gs_park_nap(struct gs_thread *self, enum gs_reason reason, const void *obj, uint64_t ns)
{
	if (self) {
		uint64_t token = gs_wait_begin(self, reason, obj, false);

		gs_wait_park(self, token, gs_now() + ns);
	} else {
		struct timespec ts = { .tv_nsec = (long)ns };

		gs_sys2(__NR_nanosleep, &ts, NULL);
	}
}

void gs_park_give_way(struct gs_thread *self, const void *obj, unsigned round)
{
	if (!self) {
		gs_sys0(__NR_sched_yield);
		return;
	}
	gs_enter(self);
	if (round % GS_PARK_YIELDS == GS_PARK_YIELDS - 1)
		gs_park_nap(self, GS_REASON_SPIN, obj, GS_PARK_NAP);
	else
		gs_sched_yield(self);
	gs_leave(self);
}

void gs_park_after_fork(void)
{
	/* Zero pages again; a locked mapping (mlockall) refuses. */
	if (gs_sys3(__NR_madvise, gs_park_table, sizeof(gs_park_table), MADV_DONTNEED) != 0)
		memset(gs_park_table, 0, sizeof(gs_park_table));
}
