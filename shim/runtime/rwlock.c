/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - waiting for a read-write lock, and handing it over.
 *
 * Who is next is what glibc has it be, and nobody starves but for the preference.
 * Whoever lets go of the lock last hands it, under the queue's lock, to all waiting
 * readers at once, who are its owners before they run: others may join them, so the lock
 * is not idle till then. But each of them costs a switch, and where a thousand threads want
 * the lock, each would have it once between two switches: so that happens no more often
 * than every GS_RWLOCK_GAP. In between the lock is made free and one reader woken, which
 * competes with whoever comes along, and once it has the lock wakes the next.
 * A lock that is handed to a writer would be idle, and everybody who came meanwhile would
 * queue up (a convoy: a switch for every lock). So when a writer is next, the lock is made
 * free and the writer woken, which competes, too; it is handed the lock once it has waited
 * for GS_RWLOCK_PATIENCE (some millisecond) or was woken in vain GS_RWLOCK_TRIES times, as
 * with mutexes. With a preference for writers it is handed over at once, to readers as well.
 *
 *	a writer lets go:	the readers that wait; the first writer if there are
 *				none. With a preference for writers the other way round.
 *	the last reader:	the first writer; the readers if there are none.
 *	a reader comes:		joins other readers, though writers wait; with
 *				PREFER_WRITER_NONRECURSIVE it waits behind them.
 *
 * A waiter may turn out to have timed out after the lock was made its own. For
 * a writer, the next is tried, with the lock still held. Of readers one more than
 * woke up holds the lock then, and that one is let go of like any other.
 *
 * Rejected: never handing the lock to readers. That was no faster with few threads, and
 * with a thousand some waited for a quarter of a second.
 *
 * Invariants: WAITED is set only while the lock is held. While somebody is queued it is
 * set, or somebody was woken that has not looked yet, and that sets it. With WAITED set, the
 * last holder lets go under the queue's lock. A lock is free while somebody is queued, or
 * held for reading while readers are, only if it has no preference and somebody was woken
 * that has not looked yet. writers changes under the queue's lock. The lock is not touched
 * once it was handed over, or made free.
 * Locks: the queue's.
 * Called from: hooks/pthread_rwlock.c.
 */
#include "rwlock.h"

#include "sched.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>

enum gs_rwlock_kind { GS_RWLOCK_TO_READ, GS_RWLOCK_TO_WRITE };

enum {
	GS_RWLOCK_SPINS = 40,
	GS_RWLOCK_TRIES = 4,
	GS_RWLOCK_PATIENCE = 3000000, /* cycles */
	GS_RWLOCK_GAP = 50000,        /* cycles */
};

#define GS_RWLOCK_SAME(field, theirs)                                                     \
	_Static_assert(offsetof(struct gs_rwlock, field) ==                               \
			       offsetof(struct __pthread_rwlock_arch_t, theirs),          \
		       "struct gs_rwlock fits struct __pthread_rwlock_arch_t")
GS_RWLOCK_SAME(state, __readers);
GS_RWLOCK_SAME(writers, __writers);
GS_RWLOCK_SAME(writer, __cur_writer);
GS_RWLOCK_SAME(shared, __shared);
GS_RWLOCK_SAME(flags, __flags);

/* What taking a lock for reading that looks like s answers; 0: it can be taken. */
static int gs_rwlock_may_read(const struct gs_rwlock *l, uint32_t s)
{
	if (s & GS_RWLOCK_WRITE)
		return -EBUSY;
	/* relaxed: a writer that comes at the same time may be overtaken */
	if (l->flags == GS_RWLOCK_PREFER_WRITER_NONRECURSIVE &&
	    atomic_load_explicit(&l->writers, memory_order_relaxed) > 0)
		return -EBUSY;
	return s >= 0U - 2 * GS_RWLOCK_READER ? -EAGAIN : 0;
}

int gs_rwlock_tryread(struct gs_rwlock *l)
{
	/* relaxed: the compare-and-swap acquires */
	uint32_t s = atomic_load_explicit(&l->state, memory_order_relaxed);
	int err;

	do {
		err = gs_rwlock_may_read(l, s);
		if (err)
			return err;
		/* acquire: pairs with the release of the writer that let go */
	} while (!atomic_compare_exchange_weak_explicit(
		&l->state, &s, (s & ~(uint32_t)GS_RWLOCK_PHASE) + GS_RWLOCK_READER,
		memory_order_acquire, memory_order_relaxed));
	return 0;
}

int gs_rwlock_trywrite(struct gs_rwlock *l, int tid)
{
	/* relaxed: the compare-and-swap acquires */
	uint32_t s = atomic_load_explicit(&l->state, memory_order_relaxed);

	do {
		if (s & ~(uint32_t)GS_RWLOCK_PHASE)
			return -EBUSY;
		/* acquire: pairs with the releases of whoever let go */
	} while (!atomic_compare_exchange_weak_explicit(&l->state, &s, GS_RWLOCK_WRITE,
							memory_order_acquire,
							memory_order_relaxed));
	/* relaxed: only this thread can find its own tid here */
	atomic_store_explicit(&l->writer, tid, memory_order_relaxed);
	return 0;
}

static int gs_rwlock_try(struct gs_rwlock *l, enum gs_rwlock_kind kind, int tid)
{
	return kind == GS_RWLOCK_TO_READ ? gs_rwlock_tryread(l) : gs_rwlock_trywrite(l, tid);
}

static void gs_rwlock_count_writers(struct gs_rwlock *l, uint32_t by)
{
	/* relaxed: the queue's lock is held; without it, it is a hint */
	atomic_store_explicit(&l->writers,
			      atomic_load_explicit(&l->writers, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

/* Where those wait who want it for that: two queues under one lock (park.h). */
static const void *gs_rwlock_queue(const struct gs_rwlock *l, enum gs_rwlock_kind kind)
{
	return (const void *)(((uintptr_t)l & ~(uintptr_t)3) + kind);
}

static struct gs_park_waiter *gs_rwlock_first(const struct gs_rwlock *l, enum gs_rwlock_kind kind)
{
	return gs_park_first(gs_rwlock_queue(l, kind));
}

static bool gs_rwlock_waited(const struct gs_rwlock *l)
{
	return gs_rwlock_first(l, GS_RWLOCK_TO_READ) || gs_rwlock_first(l, GS_RWLOCK_TO_WRITE);
}

/* Shall w not compete with others for the lock any more? It never does for one with a
   preference for writers. */
static bool gs_rwlock_starves(const struct gs_rwlock *l, const struct gs_park_waiter *w)
{
	return l->flags != 0 || w->tag >= GS_RWLOCK_TRIES ||
	       gs_arch_cycles() - w->since > GS_RWLOCK_PATIENCE;
}

/* Makes the first writer the owner, or the lock free and wakes it; the caller holds the
   lock for writing and the queue. False: no writer waits. */
static bool gs_rwlock_hand_write(struct gs_rwlock *l)
{
	struct gs_park_waiter *w;

	while ((w = gs_rwlock_first(l, GS_RWLOCK_TO_WRITE)) != NULL) {
		gs_park_take(w);
		gs_rwlock_count_writers(l, -1U);
		if (!gs_rwlock_starves(l, w)) {
			if (!gs_park_rouse(w))
				continue;
			/* Only now: had nobody woken up, the next is tried with the lock held.
			   release: pairs with the acquires of whoever takes it */
			atomic_store_explicit(&l->state, 0, memory_order_release);
			return true;
		}
		w->result = GS_PARK_HANDED;
		/* relaxed: nobody else changes the state, and the wake-up releases */
		atomic_store_explicit(&l->state,
				      GS_RWLOCK_WRITE |
					      (gs_rwlock_waited(l) ? GS_RWLOCK_WAITED : 0),
				      memory_order_relaxed);
		if (gs_park_rouse(w))
			return true;
		w->result = 0;
	}
	return false;
}

/* Wakes the n readers at the front of those that wait; the state counts them
   already. Returns how many of them did not wake up. */
static uint32_t gs_rwlock_wake_readers(struct gs_rwlock *l, uint32_t n)
{
	struct gs_park_waiter *w;
	uint32_t missed = 0;

	for (; n > 0; n--) {
		w = gs_rwlock_first(l, GS_RWLOCK_TO_READ);
		gs_park_take(w);
		w->result = GS_PARK_HANDED;
		if (!gs_park_rouse(w)) {
			w->result = 0;
			missed++;
		}
	}
	return missed;
}

/* Shall all readers that wait be let in at once? */
static bool gs_rwlock_hands(const struct gs_rwlock *l, struct gs_park_hold *h)
{
	return l->flags != 0 || gs_park_hand(h, GS_RWLOCK_GAP);
}

/* Wakes the first reader there is to wake, which wakes the next when it has the lock. False:
   no reader waits. */
static bool gs_rwlock_rouse_reader(struct gs_rwlock *l)
{
	struct gs_park_waiter *w;

	while ((w = gs_rwlock_first(l, GS_RWLOCK_TO_READ)) != NULL) {
		gs_park_take(w);
		if (gs_park_rouse(w))
			return true;
	}
	return false;
}

static uint32_t gs_rwlock_count_readers(struct gs_rwlock *l)
{
	uint32_t n = 0;

	for (struct gs_park_waiter *w = gs_rwlock_first(l, GS_RWLOCK_TO_READ); w;
	     w = gs_park_next(w))
		n++;
	return n;
}

/* Lets go of a lock the caller holds for writing, or of one that it alone holds for
   reading and has made its own for writing. Returns how many holds are still to
   be let go of, as a reader's. Queue locked. */
static uint32_t gs_rwlock_pass(struct gs_rwlock *l, struct gs_park_hold *h, bool writer_next)
{
	uint32_t readers, s;
	bool waited;

	if (writer_next && gs_rwlock_hand_write(l))
		return 0;
	readers = gs_rwlock_count_readers(l);
	if (readers == 0 || !gs_rwlock_hands(l, h)) {
		if (gs_rwlock_rouse_reader(l) || writer_next || !gs_rwlock_hand_write(l))
			/* release: pairs with the acquires of whoever takes it */
			atomic_store_explicit(&l->state, 0, memory_order_release);
		return 0;
	}
	/* relaxed: the queue's lock is held */
	waited = atomic_load_explicit(&l->writers, memory_order_relaxed) > 0;
	s = readers * GS_RWLOCK_READER | (waited ? GS_RWLOCK_WAITED : 0);
	/* release: pairs with the acquire of a reader that joins them */
	atomic_store_explicit(&l->state, s, memory_order_release);
	return gs_rwlock_wake_readers(l, readers);
}

/* Lets go of n of the readers' holds. Queue locked. */
static void gs_rwlock_unread(struct gs_rwlock *l, struct gs_park_hold *h, uint32_t n)
{
	while (n > 0) {
		/* relaxed: the compare-and-swaps order */
		uint32_t s = atomic_load_explicit(&l->state, memory_order_relaxed);

		if (s / GS_RWLOCK_READER > 1) {
			/* release: pairs with the acquire of the next writer */
			if (atomic_compare_exchange_weak_explicit(
				    &l->state, &s, s - GS_RWLOCK_READER, memory_order_release,
				    memory_order_relaxed))
				n--;
			/* acq_rel: acquires what the other readers released, for the next
			   writer; holds off everybody until it is passed on */
		} else if (atomic_compare_exchange_weak_explicit(
				   &l->state, &s, GS_RWLOCK_WRITE | GS_RWLOCK_WAITED,
				   memory_order_acq_rel, memory_order_relaxed)) {
			n = n - 1 + gs_rwlock_pass(l, h, true);
		}
	}
}

/* Says that somebody waits; false: the lock is free by now. Queue locked. */
static bool gs_rwlock_say_waited(struct gs_rwlock *l)
{
	uint32_t s = atomic_load_explicit(&l->state, memory_order_relaxed);

	do {
		if (s & GS_RWLOCK_WAITED)
			return true;
		if (!(s & ~(uint32_t)GS_RWLOCK_PHASE))
			return false;
		/* relaxed: whoever lets go of it sees the bit, or the swap fails */
	} while (!atomic_compare_exchange_weak_explicit(&l->state, &s, s | GS_RWLOCK_WAITED,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

/* A writer has left the queue without the lock. Readers that waited behind it, and
   for nothing else, join the readers that hold it. Queue locked. */
static void gs_rwlock_writer_gone(struct gs_rwlock *l, struct gs_park_hold *h)
{
	uint32_t n, s;

	gs_rwlock_count_writers(l, -1U);
	/* relaxed, both: with WAITED set and the queue locked, a lock that is held for reading
	   stays so, and one held for writing is passed on later; without, somebody was woken
	   that has not looked yet */
	s = atomic_load_explicit(&l->state, memory_order_relaxed);
	if (atomic_load_explicit(&l->writers, memory_order_relaxed) > 0 ||
	    !(s & GS_RWLOCK_WAITED) || (s & GS_RWLOCK_WRITE))
		return;
	n = gs_rwlock_count_readers(l);
	/* acquire: as any reader */
	atomic_fetch_add_explicit(&l->state, n * GS_RWLOCK_READER, memory_order_acquire);
	gs_rwlock_unread(l, h, gs_rwlock_wake_readers(l, n));
}

/* Takes the lock if it can be had, and sees to it that readers that wait do not wait for
   another; says who waits if not, or if others still do. Queue locked. */
static int gs_rwlock_look(struct gs_rwlock *l, enum gs_rwlock_kind kind, int tid,
			  struct gs_park_hold *h)
{
	int err;

	do {
		err = gs_rwlock_try(l, kind, tid);
		if (err == 0 && kind == GS_RWLOCK_TO_READ)
			gs_rwlock_rouse_reader(l);
		if (err == 0 && gs_rwlock_waited(l))
			gs_rwlock_say_waited(l); /* it is held: by the caller */
		/* Free by now: look again. */
	} while (err != 0 && (err == -EBUSY || gs_rwlock_waited(l)) && !gs_rwlock_say_waited(l));
	return err;
}


static int gs_rwlock_wait(struct gs_thread *self, struct gs_rwlock *l, enum gs_rwlock_kind kind,
			  int tid, const struct gs_deadline *d)
{
	struct gs_park_waiter w = { .since = gs_arch_cycles() };
	enum gs_park_end end = GS_PARK_TAIL;
	enum gs_park_left left;
	struct gs_park_hold h;
	int err;

	w.reason = kind == GS_RWLOCK_TO_READ ? GS_REASON_RDLOCK : GS_REASON_WRLOCK;
	for (;;) {
		gs_park_lock(&h, gs_rwlock_queue(l, GS_RWLOCK_TO_READ));
		err = gs_rwlock_look(l, kind, tid, &h);
		if (err != -EBUSY) {
			gs_park_unlock(&h);
			return err;
		}
		w.interruptible = self && gs_park_open(self);
		if (kind == GS_RWLOCK_TO_WRITE)
			gs_rwlock_count_writers(l, 1);
		gs_park_queue(&w, self, gs_rwlock_queue(l, kind), end);
		gs_park_unlock(&h);
		end = GS_PARK_HEAD;
		err = gs_park_sleep(&w, d);
		if (err) {
			left = gs_park_leave(&h, &w);
			if (left == GS_PARK_WAITING && kind == GS_RWLOCK_TO_WRITE)
				gs_rwlock_writer_gone(l, &h);
			gs_park_unlock(&h);
			if (left == GS_PARK_WOKEN)
				err = 0;
		}
		if (!err && w.result == GS_PARK_HANDED) {
			if (kind == GS_RWLOCK_TO_WRITE)
				/* relaxed: as in gs_rwlock_trywrite */
				atomic_store_explicit(&l->writer, tid, memory_order_relaxed);
			return 0;
		}
		if (!err)
			w.tag++;
		if (err == -ETIMEDOUT)
			return err;
		if (err == -EINTR)
			gs_park_handlers(self);
	}
}

/* Looks a while whether another processor's thread lets go of the lock; not while
   somebody waits for it. */
static int gs_rwlock_spin(struct gs_rwlock *l, enum gs_rwlock_kind kind, int tid)
{
	int err = -EBUSY;

	for (int i = 0; i < GS_RWLOCK_SPINS && gs_nprocs > 1 && err == -EBUSY; i++) {
		/* relaxed: the tries acquire */
		if (atomic_load_explicit(&l->state, memory_order_relaxed) & GS_RWLOCK_WAITED)
			break;
		gs_arch_pause();
		err = gs_rwlock_try(l, kind, tid);
	}
	return err;
}

static int gs_rwlock_acquire(struct gs_thread *self, struct gs_rwlock *l,
			     enum gs_rwlock_kind kind, int tid, const struct gs_deadline *d)
{
	int err;

	/* relaxed: another thread's tid, old or new, is not ours either way */
	if (atomic_load_explicit(&l->writer, memory_order_relaxed) == tid)
		return -EDEADLK;
	err = gs_rwlock_spin(l, kind, tid);
	if (err != -EBUSY)
		return err;
	if (self)
		gs_enter(self);
	err = gs_rwlock_wait(self, l, kind, tid, d);
	if (self)
		gs_leave(self);
	return err;
}

int gs_rwlock_read(struct gs_thread *self, struct gs_rwlock *l, int tid,
		   const struct gs_deadline *d)
{
	return gs_rwlock_acquire(self, l, GS_RWLOCK_TO_READ, tid, d);
}

int gs_rwlock_write(struct gs_thread *self, struct gs_rwlock *l, int tid,
		    const struct gs_deadline *d)
{
	return gs_rwlock_acquire(self, l, GS_RWLOCK_TO_WRITE, tid, d);
}

void gs_rwlock_unlock(struct gs_thread *self, struct gs_rwlock *l, int tid)
{
	struct gs_park_hold h;
	uint32_t s;

	/* relaxed: as in gs_rwlock_acquire */
	if (atomic_load_explicit(&l->writer, memory_order_relaxed) == tid) {
		atomic_store_explicit(&l->writer, 0, memory_order_relaxed);
		s = atomic_load_explicit(&l->state, memory_order_relaxed);
		/* release: pairs with the acquires of whoever takes it next */
		if (!(s & GS_RWLOCK_WAITED) &&
		    atomic_compare_exchange_strong_explicit(&l->state, &s, 0, memory_order_release,
							    memory_order_relaxed))
			return;
	} else {
		s = atomic_load_explicit(&l->state, memory_order_relaxed);
		do {
			if (s < GS_RWLOCK_READER)
				return; /* nobody's */
			if ((s & GS_RWLOCK_WAITED) && s / GS_RWLOCK_READER == 1)
				break;
			/* release: pairs with the acquire of the next writer */
			if (atomic_compare_exchange_weak_explicit(
				    &l->state, &s, s - GS_RWLOCK_READER, memory_order_release,
				    memory_order_relaxed))
				return;
		} while (true);
	}
	if (self)
		gs_enter(self);
	gs_park_lock(&h, gs_rwlock_queue(l, GS_RWLOCK_TO_READ));
	if (s & GS_RWLOCK_WRITE)
		gs_rwlock_unread(l, &h, gs_rwlock_pass(l, &h, l->flags != 0));
	else
		gs_rwlock_unread(l, &h, 1);
	gs_park_unlock(&h);
	if (self)
		gs_leave(self);
}
