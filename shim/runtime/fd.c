/* SPDX-License-Identifier: MIT */
/*
 * fd.c - descriptor records: the table, what the netpoller's events do to them,
 * and waiting for readiness. How numbers come and go is in fd_life.c.
 *
 * The race every such scheme has to close is an event between the attempt that
 * found nothing and the waiter's arrival in the queue. Here:
 *
 *  1. The thread reads the direction's word (seen), tries, fails.
 *  2. It begins a wait and takes the record's lock.
 *  3. If the word counts another event by now, it tries again. If not, it queues.
 *  4. gs_fd_event counts and looks through the queue under the same lock, so it comes
 *     either before 3, and is seen there, or after, and finds the waiter.
 *
 * The first wait on a number registers it, at step 3. The kernel reports what is
 * ready at that moment as an event of its own, so nothing that came before is lost.
 *
 * One event wakes one exclusive waiter per direction and all others. An exclusive
 * one owes something for that: when it leaves the direction ready, it wakes the next
 * (gs_fd_pass); when it finds nothing it waits anew. Hang-ups and errors wake all.
 *
 * A waiter lives on its thread's stack and may vanish as soon as it is off the queue:
 * whoever wakes it takes it off first and touches it no more; the owner, when its
 * wait ended otherwise, takes it off under the lock.
 *
 * Descriptors of libc's own (the resolver's sockets, files it opens) are closed
 * without a hook being asked as long as gs_fd_closes_seen is false. A number that may
 * be one of those is never parked on untried, and its registration is renewed at each
 * park, so a stale record costs a system call and not a hang.
 *
 * Invariants: w->queued is true exactly while w is in its record's list; a record with
 * waiters is registered; gen, the list and queued change under the lock.
 * Locks: the record's (rank fd); the scheduler's are taken below it by wake-ups.
 * Called from: io*.c, mux.c, reap.c, fd_*.c; netpoll.c (events) and monitor.c (audit) through
 * gs_netpoll_ops.
 */
#include "fd.h"

#include "mem.h"
#include "netpoll.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

struct gs_fd *_Atomic gs_fd_table[GS_FD_CHUNKS];
_Atomic bool gs_fd_closes_seen;

_Atomic uint32_t gs_fd_top;

static void gs_fd_publish(unsigned at, struct gs_fd *chunk)
{
	struct gs_fd *none = NULL;
	uint32_t top = atomic_load_explicit(&gs_fd_top, memory_order_relaxed);

	/* relaxed: a walker that misses a chunk made just now misses nothing that waits */
	while (top <= at && !atomic_compare_exchange_weak_explicit(&gs_fd_top, &top, at + 1,
								   memory_order_relaxed,
								   memory_order_relaxed))
		;
	/* release: pairs with the acquire in gs_fd_find */
	if (!atomic_compare_exchange_strong_explicit(&gs_fd_table[at], &none, chunk,
						     memory_order_release, memory_order_relaxed))
		gs_mem_unmap(chunk, GS_FD_CHUNK * sizeof(*chunk));
}

struct gs_fd *gs_fd_make(int fd)
{
	unsigned at = (unsigned)fd >> GS_FD_CHUNK_BITS;
	struct gs_fd *chunk;

	if (at >= GS_FD_CHUNKS || gs_sys3(__NR_fcntl, fd, F_GETFD, 0) < 0)
		return NULL;
	chunk = gs_mem_map(GS_FD_CHUNK * sizeof(*chunk));
	if (!chunk)
		return NULL;
	for (int i = 0; i < GS_FD_CHUNK; i++) {
		gs_list_init(&chunk[i].waiters);
		atomic_init(&chunk[i].in, GS_FD_READY);
		atomic_init(&chunk[i].out, GS_FD_READY);
	}
	gs_fd_publish(at, chunk);
	return gs_fd_find(fd);
}

/* ---- the queue; all under the lock ---- */

static void gs_fd_queue(struct gs_fd *f, struct gs_fd_waiter *w)
{
	w->gone = false;
	gs_list_add_tail(&f->waiters, &w->node);
	atomic_store_explicit(&w->queued, true, memory_order_relaxed);
	/* relaxed: readers without the lock only skip work they would do for nothing */
	atomic_store_explicit(&f->queued,
			      atomic_load_explicit(&f->queued, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	if (GS_UNLIKELY(gs_fd_flags(f) & (GS_FD_WAITED | GS_FD_REARMED)))
		gs_fd_unmark(f, GS_FD_WAITED | GS_FD_REARMED);
}

static void gs_fd_unqueue(struct gs_fd *f, struct gs_fd_waiter *w)
{
	gs_list_del(&w->node);
	atomic_store_explicit(&f->queued,
			      atomic_load_explicit(&f->queued, memory_order_relaxed) - 1,
			      memory_order_relaxed);
	/* release: pairs with the acquire of an owner who then forgets w */
	atomic_store_explicit(&w->queued, false, memory_order_release);
}

/* Takes w off and wakes its thread; false when its wait was over already. */
static bool gs_fd_wake_one(struct gs_fd *f, struct gs_fd_waiter *w)
{
	struct gs_thread *t = w->t;
	uint64_t token = w->token;

	gs_fd_unqueue(f, w);
	return gs_wait_wake(t, token);
}

/* Wakes whom bits concern; exclusive waiters one per direction. polls: all that are
   not exclusive, whatever they wait for. */
static void gs_fd_wake(struct gs_fd *f, uint32_t bits)
{
	uint32_t left = bits & (GS_FD_IN | GS_FD_OUT | GS_FD_PRI);

	gs_list_for_each_safe(node, &f->waiters) {
		struct gs_fd_waiter *w = GS_CONTAINER_OF(node, struct gs_fd_waiter, node);
		uint32_t events = w->events;

		if (bits & GS_FD_HUP)
			gs_fd_wake_one(f, w);
		else if (!w->exclusive && (events & bits))
			gs_fd_wake_one(f, w);
		else if (w->exclusive && (events & left) && gs_fd_wake_one(f, w))
			left &= ~events;
	}
}

void gs_fd_wake_gone(struct gs_fd *f)
{
	gs_list_for_each_safe(node, &f->waiters) {
		struct gs_fd_waiter *w = GS_CONTAINER_OF(node, struct gs_fd_waiter, node);

		w->gone = true;
		gs_fd_wake_one(f, w);
	}
}

/* ---- events ---- */

void gs_fd_count(_Atomic uint64_t *side, bool sticky)
{
	uint64_t word = atomic_load_explicit(side, memory_order_relaxed), next;

	do
		next = ((word & ~(uint64_t)GS_FD_READY) + GS_FD_COUNT) | GS_FD_READY |
		       (sticky ? GS_FD_STICKY : 0);
	/* release: pairs with the acquire before an attempt, which then meets in the
	   kernel what the event told of */
	while (!atomic_compare_exchange_weak_explicit(side, &word, next, memory_order_release,
						      memory_order_relaxed));
}

static void gs_fd_event(int fd, uint32_t gen, uint32_t events, bool slept)
{
	struct gs_fd *f = gs_fd_find(fd);
	uint32_t bits = 0;

	if (!f)
		return;
	if (events & (EPOLLERR | EPOLLHUP))
		bits |= GS_FD_IN | GS_FD_OUT | GS_FD_HUP;
	if (events & (EPOLLIN | EPOLLRDHUP))
		bits |= GS_FD_IN;
	if (events & EPOLLOUT)
		bits |= GS_FD_OUT;
	if (events & EPOLLPRI) /* the mark ends a read, too */
		bits |= GS_FD_PRI | GS_FD_IN;
	gs_lock(&f->lock);
	if (GS_LIKELY(atomic_load_explicit(&f->gen, memory_order_relaxed) == gen)) {
		if (GS_UNLIKELY((events & EPOLLPRI) && !(gs_fd_flags(f) & GS_FD_URGENT)))
			gs_fd_mark(f, GS_FD_URGENT);
		bool wanted = atomic_load_explicit(&f->queued, memory_order_relaxed) != 0;

		if (GS_UNLIKELY(gs_fd_flags(f) & GS_FD_ONCE))
			gs_fd_doze_off(f);
		if (bits & GS_FD_IN)
			gs_fd_count(&f->in, events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP));
		if (bits & GS_FD_OUT)
			gs_fd_count(&f->out, events & (EPOLLERR | EPOLLHUP));
		if (wanted)
			gs_fd_wake(f, bits);
		gs_fd_doze(f, fd, wanted, slept);
	}
	gs_unlock(&f->lock);
}

void gs_fd_init(void)
{
	gs_netpoll_ops.event = gs_fd_event;
	gs_netpoll_ops.audit = gs_fd_audit;
	gs_fd_settle_in();
}

/* ---- waiting ---- */

/* Under the lock: has the netpoller watch fd for what somebody waits for. Output is
   added when that is first waited for, which most connections never do: a registration
   with it makes every arrival of data ask for room to send as well. *armed: it was not
   before, or not so. */
static int gs_fd_register(struct gs_fd *f, int fd, uint32_t events, bool *armed)
{
	uint32_t flags = gs_fd_flags(f), out = events & GS_FD_OUT ? GS_FD_REPORTS_OUT : 0;
	int err;

	*armed = false;
	if (GS_LIKELY(flags & GS_FD_REGISTERED)) {
		if (GS_LIKELY((flags & (GS_FD_TRUSTED | GS_FD_DORMANT)) == GS_FD_TRUSTED &&
			      (flags & out) == out))
			return 0;
		out |= flags & GS_FD_REPORTS_OUT;
		err = gs_fd_arm(f, fd, out);
		*armed = err == 0;
		if (err != -ENOENT)
			return err;
	}
	gs_fd_unmark(f, GS_FD_ONCE | GS_FD_DORMANT);
	err = gs_netpoll_add(fd, atomic_load_explicit(&f->gen, memory_order_relaxed), out);
	*armed = err == 0;
	if (err == 0)
		gs_fd_mark(f, GS_FD_REGISTERED | out);
	else
		gs_fd_unmark(f, GS_FD_REGISTERED | GS_FD_REPORTS_OUT);
	return err;
}

int gs_fd_watch(int fd, struct gs_fd_waiter *w)
{
	struct gs_fd *f = gs_fd_get(fd);
	int err;

	w->fd = NULL;
	if (!f)
		return -EBADF;
	gs_lock(&f->lock);
	err = gs_fd_register(f, fd, w->events, &w->armed);
	if (err == 0) {
		w->fd = f;
		gs_fd_queue(f, w);
	}
	gs_unlock(&f->lock);
	return err;
}

static void gs_fd_wake_next(struct gs_fd *f, uint32_t dir)
{
	gs_lock(&f->lock);
	gs_list_for_each_safe(node, &f->waiters) {
		struct gs_fd_waiter *w = GS_CONTAINER_OF(node, struct gs_fd_waiter, node);

		if (w->exclusive && (w->events & dir) && gs_fd_wake_one(f, w))
			break;
	}
	gs_unlock(&f->lock);
}

/* Takes w off unless whoever woke it has done so. */
static void gs_fd_dequeue(struct gs_fd *f, struct gs_fd_waiter *w)
{
	/* acquire: pairs with the release in gs_fd_unqueue */
	if (!atomic_load_explicit(&w->queued, memory_order_acquire))
		return;
	gs_lock(&f->lock);
	if (atomic_load_explicit(&w->queued, memory_order_relaxed))
		gs_fd_unqueue(f, w);
	gs_unlock(&f->lock);
}

void gs_fd_unwatch(struct gs_fd_waiter *w, bool used)
{
	struct gs_fd *f = w->fd;

	if (!f)
		return;
	gs_fd_dequeue(f, w);
	w->fd = NULL;
	/* relaxed: who queues later asks the kernel before it parks */
	if (w->exclusive && !used && !w->gone &&
	    atomic_load_explicit(&f->queued, memory_order_relaxed))
		gs_fd_wake_next(f, w->events);
}

int gs_fd_wait(struct gs_thread *self, struct gs_fd *f, int fd, uint32_t gen, uint32_t dir,
	       uint64_t seen, enum gs_reason reason, uint64_t deadline)
{
	struct gs_fd_waiter w = { .t = self, .events = dir, .exclusive = true };
	_Atomic uint64_t *side = gs_fd_side(f, dir);
	bool again = false;
	int err = 0;

	gs_enter(self);
	w.token = gs_wait_begin(self, reason, (const void *)(intptr_t)fd, true);
	gs_lock(&f->lock);
	/* relaxed: events and closes hold the lock */
	if (atomic_load_explicit(&f->gen, memory_order_relaxed) != gen)
		err = -EBADF;
	else if ((atomic_load_explicit(side, memory_order_relaxed) ^ seen) >= GS_FD_COUNT)
		again = true;
	else
		err = gs_fd_register(f, fd, dir, &w.armed);
	if (GS_UNLIKELY(err != 0 || again)) {
		gs_unlock(&f->lock);
		gs_wait_cancel(self, w.token);
		gs_leave(self);
		return err;
	}
	gs_fd_queue(f, &w);
	gs_unlock(&f->lock);
	/* Woken by gs_fd_event, gs_fd_pass or a close. */
	err = gs_wait_park(self, w.token, deadline);
	gs_fd_dequeue(f, &w);
	gs_leave(self);
	return err ? err : w.gone ? -EBADF : 0;
}

void gs_fd_pass(struct gs_thread *self, struct gs_fd *f, uint32_t dir)
{
	gs_enter(self);
	gs_fd_wake_next(f, dir);
	gs_leave(self);
}

/* ---- audit ---- */

static bool gs_fd_audit_one(struct gs_fd *f, int fd)
{
	uint32_t flags = gs_fd_flags(f);
	int err;

	if (!atomic_load_explicit(&f->queued, memory_order_relaxed) || (flags & GS_FD_REARMED))
		return false;
	if (!(flags & GS_FD_WAITED)) {
		gs_fd_mark(f, GS_FD_WAITED);
		return true;
	}
	gs_lock(&f->lock);
	if (atomic_load_explicit(&f->queued, memory_order_relaxed)) {
		bool out = gs_fd_flags(f) & GS_FD_REPORTS_OUT;

		gs_fd_mark(f, GS_FD_REARMED);
		err = gs_fd_arm(f, fd, out);
		if (err == -ENOENT)
			err = gs_netpoll_add(fd, atomic_load_explicit(&f->gen, memory_order_relaxed),
					     out);
		if (err == -EBADF)
			gs_fd_wake_gone(f);
		else if (err != 0)
			gs_fd_wake(f, GS_FD_IN | GS_FD_OUT | GS_FD_PRI | GS_FD_HUP);
	}
	gs_unlock(&f->lock);
	return false;
}

bool gs_fd_audit(void)
{
	uint32_t top = atomic_load_explicit(&gs_fd_top, memory_order_relaxed);
	bool more = false;

	for (uint32_t at = 0; at < top; at++) {
		int first = (int)(at << GS_FD_CHUNK_BITS);
		struct gs_fd *chunk = gs_fd_find(first);

		for (int i = 0; chunk && i < GS_FD_CHUNK; i++)
			more |= gs_fd_audit_one(&chunk[i], first + i);
	}
	return more;
}
