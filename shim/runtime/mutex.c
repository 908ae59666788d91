/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - waiting for a mutex, and letting go of one that is waited for.
 *
 * The protocol is glibc's (and Drepper's): whoever waits first makes the word 2;
 * whoever unlocks a 2 makes it 0 and wakes one waiter; whoever was woken takes it
 * by making it 2, for others may wait still. So a lock that is free may be taken
 * by a thread that comes along before the woken one runs. That keeps a busy lock
 * busy, but a thread that never leaves its processor would starve the others: a
 * waiter that waits for longer than GS_MUTEX_PATIENCE (some millisecond), or has
 * been woken in vain GS_MUTEX_TRIES times, is handed the lock without its ever
 * being free. Go's mutexes do the same. Hand-overs are GS_MUTEX_GAP apart: where a
 * thousand wait all of them have waited long, and every unlock would cost a switch.
 * Process-shared, robust and priority-protected mutexes are in shared.c.
 *
 * Rejected: handing over always (a convoy: every unlock costs a switch), and
 * waking under nobody's lock with the word already 0 (the hand-over could not be
 * decided atomically).
 *
 * Invariants: the word leaves 0 by compare-and-swap, or by exchange under the
 * queue's lock; it becomes 2 under the queue's lock; a word that is not 1 is let go
 * of under the queue's lock. The mutex is not touched once the word is 0 or
 * the lock was handed over: its next owner may destroy it.
 * Locks: the queue's (park.c).
 * Called from: hooks/pthread_sync.c, hooks/libc.c, cond.c.
 */
#include "mutex.h"

#include "host.h"
#include "lend.h"
#include "sched.h"
#include "sys.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>

enum {
	GS_MUTEX_SPINS = 40,
	GS_MUTEX_TRIES = 4,
	GS_MUTEX_PATIENCE = 3000000, /* cycles */
	GS_MUTEX_GAP = 50000,        /* cycles */
};

#define GS_MUTEX_SAME(field, theirs)                                                     \
	_Static_assert(offsetof(struct gs_mutex, field) ==                               \
			       offsetof(struct __pthread_mutex_s, theirs),               \
		       "struct gs_mutex is struct __pthread_mutex_s")
GS_MUTEX_SAME(lock, __lock);
GS_MUTEX_SAME(count, __count);
GS_MUTEX_SAME(owner, __owner);
GS_MUTEX_SAME(nusers, __nusers);
GS_MUTEX_SAME(kind, __kind);

bool gs_mutex_strays;

int gs_mutex_native_tid(void)
{
	/* The descriptor is {bits, count, offset}. */
	if (GS_UNLIKELY(!gs_host.db_tid))
		return gs_sys_gettid();
	return *(volatile int *)((char *)gs_arch_thread_pointer() + gs_host.db_tid[2]);
}

static bool gs_mutex_mine(const struct gs_mutex *m, int tid)
{
	/* relaxed: another thread's tid, old or new, is not ours either way */
	return atomic_load_explicit(&m->owner, memory_order_relaxed) == tid;
}

int gs_mutex_try(struct gs_mutex *m)
{
	int tid = gs_mutex_tid();

	if ((m->kind & GS_MUTEX_TYPE) == GS_MUTEX_RECURSIVE) {
		if (gs_mutex_mine(m, tid)) {
			if (m->count + 1 == 0)
				return -EAGAIN;
			m->count++;
			return 0;
		}
		if (!gs_mutex_grab(m))
			return -EBUSY;
		m->count = 1;
	} else if (!gs_mutex_grab(m)) {
		return -EBUSY;
	}
	gs_mutex_own(m, tid);
	gs_lend_claim(m);
	return 0;
}

/* Waits until the word is the caller's. */
static int gs_mutex_wait_plain(struct gs_thread *self, struct gs_mutex *m,
			       const struct gs_deadline *d, struct gs_lend *lend)
{
	struct gs_park_waiter w = { .reason = GS_REASON_MUTEX, .since = gs_arch_cycles() };
	enum gs_park_end end = GS_PARK_TAIL;
	enum gs_park_left left;
	struct gs_park_hold h;
	int err;

	if (GS_UNLIKELY(lend != NULL))
		w.bits = (uint32_t)lend->priority;

	for (;;) {
		gs_park_lock(&h, m);
		/* acquire: pairs with the releases in gs_mutex_drop and gs_mutex_pass */
		if (atomic_exchange_explicit(&m->lock, 2, memory_order_acquire) == 0) {
			gs_park_unlock(&h);
			return 0;
		}
		w.interruptible = self && gs_park_open(self);
		gs_park_queue(&w, self, m, end);
		gs_park_unlock(&h);
		if (GS_UNLIKELY(lend != NULL))
			gs_lend_begin(lend);
		end = GS_PARK_HEAD;
		err = gs_park_sleep(&w, d);
		if (err) {
			left = gs_park_leave(&h, &w);
			gs_park_unlock(&h);
			if (left == GS_PARK_WOKEN)
				err = 0;
		}
		if (!err) {
			if (w.result == GS_PARK_HANDED)
				return 0;
			w.tag++;
		} else if (err == -ETIMEDOUT) {
			return err;
		} else if (!lend) {
			gs_park_handlers(self);
		} else {
			gs_lend_end(lend);
			gs_park_handlers(self);
		}
	}
}

/* The same, where priorities are inherited. */
static GS_NOINLINE int gs_mutex_wait_lending(struct gs_thread *self, struct gs_mutex *m,
					     const struct gs_deadline *d)
{
	struct gs_lend lend;
	int err;

	gs_lend_prepare(&lend, self, m);
	err = gs_mutex_wait_plain(self, m, d, &lend);
	gs_lend_end(&lend);
	return err;
}

static int gs_mutex_wait(struct gs_thread *self, struct gs_mutex *m, const struct gs_deadline *d)
{
	if (GS_UNLIKELY(m->kind & GS_MUTEX_INHERIT) && self)
		return gs_mutex_wait_lending(self, m, d);
	return gs_mutex_wait_plain(self, m, d, NULL);
}

int gs_mutex_lock(struct gs_thread *self, struct gs_mutex *m, clockid_t clock,
		  const struct timespec *abs)
{
	int type = m->kind & GS_MUTEX_TYPE, tid = gs_mutex_tid(), err = 0;
	struct gs_deadline d;

	if (type == GS_MUTEX_ERRORCHECK && gs_mutex_mine(m, tid))
		return -EDEADLK;
	if (abs && gs_park_deadline(&d, clock, abs) != 0)
		return -EINVAL;
	/* For these the kernel is asked, which takes no time before 1970. */
	if (abs && (m->kind & GS_MUTEX_INHERIT) && abs->tv_sec < 0)
		return -EINVAL;
	for (int i = 0; i < GS_MUTEX_SPINS && gs_nprocs > 1; i++) {
		gs_arch_pause();
		/* relaxed: gs_mutex_grab acquires */
		if (atomic_load_explicit(&m->lock, memory_order_relaxed) == 0 && gs_mutex_grab(m))
			goto got;
	}
	if (self)
		gs_enter(self);
	err = gs_mutex_wait(self, m, abs ? &d : NULL);
	if (self)
		gs_leave(self);
	if (err)
		return err;
got:
	m->count = type == GS_MUTEX_RECURSIVE;
	gs_mutex_own(m, tid);
	gs_lend_claim(m);
	return 0;
}

/* Has w waited so long that it shall not compete with others for the lock any more? */
static bool gs_mutex_starves(const struct gs_park_waiter *w)
{
	return w->bits > 0 || w->tag >= GS_MUTEX_TRIES || gs_arch_cycles() - w->since > GS_MUTEX_PATIENCE;
}

/* Whose turn it is: the first one's, or the first of those with the highest priority. The
   queue is locked. */
static struct gs_park_waiter *gs_mutex_heir(const struct gs_mutex *m, bool inherit)
{
	struct gs_park_waiter *best = gs_park_first(m), *w = best;

	while (GS_UNLIKELY(inherit) && w && (w = gs_park_next(w)) != NULL)
		if (w->bits > best->bits)
			best = w;
	return best;
}

/* Lets go of a word that is not 1. Inside the runtime. */
static void gs_mutex_pass(struct gs_mutex *m)
{
	bool inherit = m->kind & GS_MUTEX_INHERIT;
	struct gs_park_waiter *w;
	struct gs_park_hold h;

	gs_park_lock(&h, m);
	while ((w = gs_mutex_heir(m, inherit)) != NULL && gs_mutex_starves(w) &&
	       (w->bits > 0 || gs_park_hand(&h, GS_MUTEX_GAP))) {
		gs_park_take(w);
		w->result = GS_PARK_HANDED;
		/* relaxed: handed over by the wake-up, which releases. 2 while others wait. */
		atomic_store_explicit(&m->lock, gs_park_first(m) ? 2 : 1, memory_order_relaxed);
		if (gs_park_rouse(w)) {
			gs_park_unlock(&h);
			return;
		}
		w->result = 0;
	}
	/* release: pairs with the acquires in gs_mutex_grab and gs_mutex_wait */
	atomic_store_explicit(&m->lock, 0, memory_order_release);
	if (!w)
		gs_park_unlock(&h);
	else if (gs_park_unlock_rouse(&h, w) || gs_park_wake(m, 1))
		return;
	if (GS_UNLIKELY(gs_mutex_strays))
		gs_sys_futex_wake(&m->lock, 1);
}

void gs_mutex_let_go(struct gs_thread *self, struct gs_mutex *m)
{
	if (GS_LIKELY(gs_mutex_drop(m)))
		return;
	if (GS_UNLIKELY(!gs_sched_on)) {
		/* release: as above; whoever waits does so in libc's own code */
		atomic_store_explicit(&m->lock, 0, memory_order_release);
		gs_sys_futex_wake(&m->lock, 1);
		return;
	}
	if (self)
		gs_enter(self);
	gs_mutex_pass(m);
	if (self)
		gs_leave(self);
}

int gs_mutex_cond_check(const struct gs_mutex *m)
{
	int type = m->kind & GS_MUTEX_TYPE;

	/* With priority inheritance the owner is known whatever the type. */
	if (type != GS_MUTEX_RECURSIVE && type != GS_MUTEX_ERRORCHECK &&
	    !(m->kind & GS_MUTEX_INHERIT))
		return 0;
	if (!gs_mutex_mine(m, gs_mutex_tid()))
		return -EPERM;
	/* relaxed: the owner is the caller, so the word is what it made it */
	return atomic_load_explicit(&m->lock, memory_order_relaxed) == 0 ? -EPERM : 0;
}

/* Lets go of the word, and of what was lent to the caller for the sake of it. */
static void gs_mutex_give_up(struct gs_thread *self, struct gs_mutex *m)
{
	struct gs_priority *lent = gs_lend_drop(m);

	gs_mutex_let_go(self, m);
	if (GS_UNLIKELY(lent != NULL))
		gs_lend_repay(lent);
}

int gs_mutex_unlock(struct gs_thread *self, struct gs_mutex *m)
{
	int err = gs_mutex_cond_check(m);

	if (err)
		return err;
	if ((m->kind & GS_MUTEX_TYPE) == GS_MUTEX_RECURSIVE && --m->count != 0)
		return 0;
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, 0, memory_order_relaxed);
	m->nusers--;
	gs_mutex_give_up(self, m);
	return 0;
}

/* Like glibc, a recursive mutex held more than once is not let go of. */
void gs_mutex_cond_unlock(struct gs_thread *self, struct gs_mutex *m)
{
	if ((m->kind & GS_MUTEX_TYPE) == GS_MUTEX_RECURSIVE && --m->count != 0)
		return;
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, 0, memory_order_relaxed);
	gs_mutex_give_up(self, m);
}

void gs_mutex_cond_lock(struct gs_thread *self, struct gs_mutex *m, enum gs_mutex_back back)
{
	int type = m->kind & GS_MUTEX_TYPE;

	if (type == GS_MUTEX_RECURSIVE && gs_mutex_mine(m, gs_mutex_tid())) {
		m->count++;
		return;
	}
	/* As one that is waited for, unless the thread knows better: gs_mutex_wait does. */
	if (back == GS_MUTEX_BACK_WAITED || (back == GS_MUTEX_BACK_ALONE && !gs_mutex_grab(m)))
		gs_mutex_wait(self, m, NULL);
	m->count = type == GS_MUTEX_RECURSIVE;
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, gs_mutex_tid(), memory_order_relaxed);
	gs_lend_claim(m);
}

/* Kernel threads that are no workers, or are at work inside the runtime, and wait for libc's
   locks. */
static _Atomic uint32_t gs_mutex_libc_kernels;

void gs_mutex_libc_wait(struct gs_thread *self, _Atomic uint32_t *word)
{
	struct gs_park_waiter w = { .reason = GS_REASON_LIBC_LOCK, .since = gs_arch_cycles() };
	enum gs_park_end end = GS_PARK_TAIL;
	struct gs_park_hold h;

	if (self)
		gs_enter(self);
	else
		/* seq_cst: before the word says that somebody waits; pairs with the load in
		   gs_mutex_libc_wake */
		atomic_fetch_add_explicit(&gs_mutex_libc_kernels, 1, memory_order_seq_cst);
	for (;;) {
		gs_park_lock(&h, word);
		/* acquire: pairs with the release in libc's unlock */
		if (atomic_exchange_explicit(word, 2, memory_order_acquire) == 0)
			break;
		gs_park_queue(&w, self, word, end);
		gs_park_unlock(&h);
		gs_park_sleep(&w, NULL);
		end = GS_PARK_HEAD;
		w.tag++;
	}
	gs_park_unlock(&h);
	if (self)
		gs_leave(self);
	else
		/* relaxed: one too many does no harm */
		atomic_fetch_sub_explicit(&gs_mutex_libc_kernels, 1, memory_order_relaxed);
}

/* Wakes a kernel thread, if one waits. */
static bool gs_mutex_libc_wake_kernel(_Atomic uint32_t *word)
{
	struct gs_park_waiter *w;
	struct gs_park_hold h;

	gs_park_lock(&h, word);
	w = gs_park_first(word);
	while (w && w->t)
		w = gs_park_next(w);
	if (w)
		return gs_park_unlock_rouse(&h, w);
	gs_park_unlock(&h);
	return false;
}

/* The word is free already, so it cannot be handed over; whom it was taken from too
   often gets the processor instead. A kernel thread comes before all green ones, and before
   the waker has a processor again: it may be the monitor, in malloc for a new worker, and
   with the processor that they wait for. It wakes the next when it lets go. */
void gs_mutex_libc_wake(struct gs_thread *self, _Atomic uint32_t *word)
{
	struct gs_park_waiter *w;
	struct gs_park_hold h;
	bool starves, woken = false;

	if (self)
		gs_enter_hold(self);
	/* seq_cst: as above */
	if (GS_UNLIKELY(atomic_load_explicit(&gs_mutex_libc_kernels, memory_order_seq_cst) > 0))
		woken = gs_mutex_libc_wake_kernel(word);
	if (self)
		gs_enter_rejoin(self);
	if (woken) {
		if (self)
			gs_leave(self);
		return;
	}
	gs_park_lock(&h, word);
	w = gs_park_first(word);
	starves = w && gs_mutex_starves(w);
	if (w)
		woken = gs_park_unlock_rouse(&h, w);
	else
		gs_park_unlock(&h);
	/* None: a thread of libc's own, or one from before the redirection. */
	if (!woken)
		gs_sys_futex_wake(word, 1);
	if (self) {
		if (starves)
			gs_sched_yield(self);
		gs_leave(self);
	}
}
