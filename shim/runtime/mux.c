/* SPDX-License-Identifier: MIT */
/*
 * mux.c - waiting for several descriptors: the round every such call makes. (The calls
 * are in mux_poll.c and select.c.)
 *
 * The kernel's own call with a zero time-out is the only judge of what is ready;
 * the netpoller's events merely say when to ask it again. One round:
 *
 *	begin the wait, watch every member, ask, park, ask, watch no more
 *
 * The question after watching closes the race with an event that came before; the
 * one after parking fetches the answer. There is one more before the first round:
 * what is ready at once never gets registered, and a busy server's descriptors cost
 * one system call, as natively.
 *
 * Questions whose answer is known are left out. fd.c remembers of a registered
 * descriptor whether anything happened since it was found empty, and all its members
 * being known as idle, a call parks without a question (an event not yet harvested
 * wakes it), so what is left is the one that fetches the answer. "Nothing" as an answer
 * is remembered in turn: a member that was asked about for input has none. Nor is there
 * a second question when no event at all was told of since the first.
 *
 * A member that cannot be watched:
 * - EPERM, it has no readiness (a regular file): it is ready for ever, or, asked for
 *   something else, never. Either way no event is missed.
 * - anything else (the user's limit of watches is reached, epolls are nested too
 *   deep, it was closed just now): the round parks for 1 to 10 ms, twice as long
 *   each time, so the answer comes late but it comes.
 *
 * A member closed by another thread: the kernel's poll and select notice when the close
 * happens to wake them, its epoll_wait goes on with the open file it holds. Here the
 * waiter is always woken and the number is asked about anew: POLLNVAL from poll, ready
 * from select, as in the kernel, but EBADF from epoll_wait.
 *
 * An exclusive waiter (epoll_wait's): one event wakes one of them; what it leaves (another
 * descriptor, a level-triggered one still ready) it passes on, as the kernel's epoll does.
 *
 * Invariants: no member is queued and no wait is begun when a function here returns.
 * Locks: none held; gs_fd_watch and gs_fd_unwatch take the descriptor's.
 * Called from: mux_poll.c, select.c.
 */
#include "mux.h"

#include "access.h"
#include "netpoll.h"
#include "sched.h"
#include "sleep.h"
#include "sys.h"

#include <errno.h>
#include <poll.h>

/* ns between questions about what cannot be watched */
static const uint64_t gs_mux_pause_min = 1000000, gs_mux_pause_max = 10000000;

bool gs_mux_signalled(const struct gs_thread *self)
{
	/* relaxed: set by this kernel thread, or by a sender for whom "just too late" is true */
	return atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_SIGNAL;
}

/* ---- what is known without asking ---- */

/* The member's record, if what it remembers can be believed. */
static struct gs_fd *gs_mux_record(const struct gs_mux_member *member)
{
	const uint32_t care = GS_FD_REGISTERED | GS_FD_TRUSTED | GS_FD_URGENT | GS_FD_LOWAT |
			      GS_FD_DORMANT;
	struct gs_fd *f = gs_fd_find(member->fd);

	if (!f || (gs_fd_flags(f) & care) != (GS_FD_REGISTERED | GS_FD_TRUSTED) ||
	    (member->waiter.events & GS_FD_PRI))
		return NULL;
	return f;
}

/* Nothing that the member waits for has happened since it was found not to be so.
   A member that is being watched: nor will it without a wake-up. */
static bool gs_mux_idle(const struct gs_mux_member *member)
{
	struct gs_fd *f = gs_mux_record(member);
	uint64_t in, out;

	if (!f)
		return false;
	/* relaxed: an event holds the record's lock, as watching did: its count is seen
	   here, or it sees the waiter */
	in = atomic_load_explicit(&f->in, memory_order_relaxed);
	out = atomic_load_explicit(&f->out, memory_order_relaxed);
	return !((in | out) & GS_FD_STICKY) &&
	       !((member->waiter.events & GS_FD_IN) && (in & GS_FD_READY)) &&
	       !((member->waiter.events & GS_FD_OUT) && (out & GS_FD_READY));
}

static bool gs_mux_all_idle(const struct gs_mux *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (!gs_mux_idle(&m->members[i]))
			return false;
	return true;
}

/* All are being watched. Nothing they wait for comes, or came since the last question,
   without a wake-up: a member is idle; or was armed for this wait; or no event was told of,
   of which its record's lock, held to watch it, would have shown the round. */
static bool gs_mux_covered(const struct gs_mux *m)
{
	/* relaxed: see gs_netpoll_dispatch */
	bool still = m->nothing &&
		     atomic_load_explicit(&gs_netpoll_rounds, memory_order_relaxed) == m->rounds;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct gs_mux_member *member = &m->members[i];
		const struct gs_fd_waiter *w = &member->waiter;

		if (!(w->fd && w->armed && !(w->events & GS_FD_PRI)) &&
		    !(w->fd && still && gs_mux_record(member)) && !gs_mux_idle(member))
			return false;
	}
	return true;
}

/* Of these "not readable" and "a read would block" are the same. (Not so "not
   writable": a socket calls itself that while there is still some room.) */
static bool gs_mux_plain(const struct gs_fd *f)
{
	/* relaxed: a kind stands for itself */
	unsigned kind = atomic_load_explicit(&f->kind, memory_order_relaxed);

	return kind == GS_FD_ANON || kind == GS_FD_PIPE || gs_fd_is_socket(kind);
}

/* Asks, and has fd.c remember an empty answer. */
static int gs_mux_ask(struct gs_mux *m)
{
	int ret;

	if (m->n == 0)
		return 0;
	/* acquire: the question comes after it */
	m->rounds = atomic_load_explicit(&gs_netpoll_rounds, memory_order_acquire);
	for (uint32_t i = 0; i < m->n; i++) {
		struct gs_mux_member *member = &m->members[i];
		struct gs_fd *f = gs_mux_record(member);

		/* acquire: pairs with the release of an event's count; the question comes
		   after what the event told of */
		member->seen = f ? atomic_load_explicit(&f->in, memory_order_acquire) : 0;
	}
	ret = m->ask(m);
	m->nothing = ret == 0;
	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < m->n; i++) {
		struct gs_mux_member *member = &m->members[i];
		struct gs_fd *f;

		if (!member->input || !(member->seen & GS_FD_READY))
			continue;
		f = gs_mux_record(member);
		if (f && gs_mux_plain(f))
			gs_fd_drained(f, GS_FD_IN, member->seen);
	}
	return 0;
}

/* ---- the round ---- */

/* Queues every member under token; true when some event may be missed. */
static bool gs_mux_watch(struct gs_thread *self, struct gs_mux *m, uint64_t token)
{
	bool blind = false;

	for (uint32_t i = 0; i < m->n; i++) {
		struct gs_fd_waiter *w = &m->members[i].waiter;
		int err;

		w->t = self;
		w->token = token;
		w->fd = NULL;
		w->gone = false;
		err = gs_fd_watch(m->members[i].fd, w);
		if (err != 0 && err != -EPERM)
			blind = true;
	}
	return blind;
}

/* Has ret, the answer an exclusive waiter got, left something for another one? */
static bool gs_mux_leaves(const struct gs_fd_waiter *w, int fd, int ret)
{
	struct pollfd rest = { .fd = fd, .events = POLLIN };

	if (ret == 0 || !w->fd)
		return false;
	/* relaxed: who queues from now on asks after that. Its own waiter does not count. */
	if (atomic_load_explicit(&w->fd->queued, memory_order_relaxed) ==
	    atomic_load_explicit(&w->queued, memory_order_relaxed))
		return false;
	return ret < 0 || gs_sys3(__NR_poll, &rest, 1, 0) > 0;
}

static void gs_mux_unwatch(struct gs_mux *m, int ret)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct gs_fd_waiter *w = &m->members[i].waiter;

		gs_fd_unwatch(w, !(w->exclusive && gs_mux_leaves(w, m->members[i].fd, ret)));
	}
}

int gs_mux_wait(struct gs_thread *self, struct gs_mux *m, uint64_t deadline,
		enum gs_mux_first first)
{
	uint64_t pause = 0;
	int ret;

	if (deadline != GS_MUX_NOW && first == GS_MUX_ASK_UNLESS_IDLE && gs_mux_all_idle(m))
		first = GS_MUX_ASKED;
	if (first != GS_MUX_ASKED) {
		ret = gs_mux_ask(m);
		if (ret != 0 || deadline == GS_MUX_NOW)
			return ret;
	}
	for (;;) {
		uint64_t until = deadline;
		uint64_t token = gs_wait_begin(self, m->reason, m->obj, true);
		bool blind = gs_mux_watch(self, m, token);
		int err = 0;

		ret = gs_mux_covered(m) ? 0 : gs_mux_ask(m);
		if (ret == 0) {
			if (GS_UNLIKELY(blind)) {
				pause = pause ? GS_MIN(pause * 2, gs_mux_pause_max)
					      : gs_mux_pause_min;
				until = GS_MIN(deadline, gs_now() + pause);
			}
			/* Woken by the netpoller (an event), a close, the deadline, a signal. */
			m->parked = true;
			err = gs_wait_park(self, token, until);
			ret = gs_mux_ask(m);
		} else {
			/* A wake-up that came with the answer means the same as it. */
			gs_wait_cancel(self, token);
		}
		gs_mux_unwatch(m, ret);
		if (ret != 0)
			return ret;
		if (err == -EINTR && gs_sleep_broken(self))
			return -EINTR;
		if (err == -ETIMEDOUT && until == deadline)
			return 0;
	}
}
