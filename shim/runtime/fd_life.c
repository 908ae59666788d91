/* SPDX-License-Identifier: MIT */
/*
 * fd_life.c - how descriptor records come and go with the open files behind the
 * numbers: open, accept, dup, close, fork. What is remembered of an open file is in
 * fd_mode.c.
 *
 * A sole number (see there) is not taken out of the epoll set before its close: the
 * kernel does that. (If a forked child holds the file open the registration lives on
 * under the old generation, and its events are ignored.)
 *
 * Invariants: a record with flags 0, kind UNKNOWN and no waiters is pristine: nothing
 * of an earlier use is left in it, and it may be filled in without the lock, because
 * only the owner of a number fresh from the kernel does.
 * Locks: the record's. Called from: hooks, in any context; child.c.
 */
#include "fd.h"

#include "netpoll.h"
#include "sched.h"
#include "sys.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* The process whose descriptors the records are about. */
static int gs_fd_pid;

bool gs_fd_begin(struct gs_thread **self)
{
	struct gs_thread *me = gs_self;

	*self = me;
	if (!gs_sched_on || (me && (me->kind != GS_KIND_GREEN || me->inrt != 0)))
		return false;
	if (me)
		gs_enter(me);
	return true;
}

void gs_fd_end(struct gs_thread *self)
{
	if (self)
		gs_leave(self);
}

static bool gs_fd_pristine(struct gs_fd *f)
{
	/* relaxed: what others write here races with the program's own close */
	return gs_fd_flags(f) == 0 &&
	       atomic_load_explicit(&f->kind, memory_order_relaxed) == GS_FD_UNKNOWN &&
	       atomic_load_explicit(&f->queued, memory_order_relaxed) == 0;
}

void gs_fd_restart(_Atomic uint64_t *side)
{
	uint64_t word = atomic_load_explicit(side, memory_order_relaxed);

	/* relaxed: the count moves on, so no attempt on the old file clears the new bit */
	word &= ~(uint64_t)(GS_FD_READY | GS_FD_STICKY);
	atomic_store_explicit(side, word + GS_FD_COUNT + GS_FD_READY, memory_order_relaxed);
}

/* Under the lock: makes f pristine under a new generation. */
static void gs_fd_reset(struct gs_fd *f, int fd)
{
	uint32_t flags = gs_fd_flags(f);

	if ((flags & GS_FD_REGISTERED) && ((flags & GS_FD_SOLE) || gs_netpoll_del(fd) != 0))
		atomic_fetch_sub_explicit(&gs_netpoll_count, 1, memory_order_relaxed);
	/* relaxed: whoever compares generations holds the lock */
	atomic_store_explicit(&f->gen, atomic_load_explicit(&f->gen, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	gs_fd_wake_gone(f);
	gs_fd_restart(&f->in);
	gs_fd_restart(&f->out);
	atomic_store_explicit(&f->timeout_in, 0, memory_order_relaxed);
	atomic_store_explicit(&f->timeout_out, 0, memory_order_relaxed);
	atomic_store_explicit(&f->error, 0, memory_order_relaxed);
	atomic_store_explicit(&f->kind, GS_FD_UNKNOWN, memory_order_relaxed);
	atomic_store_explicit(&f->flags, 0, memory_order_relaxed);
	f->waste = 0;
}

bool gs_fd_at_home(void)
{
	return gs_sched_on && gs_sys_getpid() == gs_fd_pid;
}

void gs_fd_settle_in(void)
{
	gs_fd_pid = gs_sys_getpid();
}

static void gs_fd_retire(struct gs_fd *f, int fd)
{
	gs_lock(&f->lock);
	gs_fd_reset(f, fd);
	gs_unlock(&f->lock);
}

void gs_fd_closing(int fd)
{
	struct gs_fd *f = gs_fd_find(fd);
	struct gs_thread *self;

	if (!f || gs_fd_pristine(f) || !gs_fd_begin(&self))
		return;
	gs_fd_retire(f, fd);
	gs_fd_end(self);
}

void gs_fd_closing_range(unsigned first, unsigned last)
{
	unsigned long end = (unsigned long)atomic_load_explicit(&gs_fd_top, memory_order_relaxed)
			    << GS_FD_CHUNK_BITS;

	for (unsigned long fd = first; fd <= last && fd < end; fd++) {
		if (gs_fd_find((int)fd))
			gs_fd_closing((int)fd);
		else
			fd |= GS_FD_CHUNK - 1;
	}
}

/* ---- new numbers ---- */

enum gs_fd_kind gs_fd_socket_kind(int domain, int type, int protocol)
{
	bool inet = domain == AF_INET || domain == AF_INET6;

	switch (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) {
	case SOCK_STREAM:
		if (domain == AF_UNIX)
			return GS_FD_UNIX;
		return inet && (protocol == 0 || protocol == IPPROTO_TCP) ? GS_FD_TCP
									  : GS_FD_STREAM;
	case SOCK_SEQPACKET:
		return GS_FD_SEQPACKET;
	default:
		return domain == AF_UNIX ? GS_FD_UNIX_DGRAM : GS_FD_DGRAM;
	}
}

/* A pristine record for a number fresh from the kernel, or NULL. */
static struct gs_fd *gs_fd_fresh(int fd)
{
	struct gs_fd *f;
	struct gs_thread *self;

	if (!gs_sched_on || fd < 0 || !gs_fd_begin(&self))
		return NULL;
	f = gs_fd_get(fd);
	/* Not pristine: its last close escaped us. */
	if (f && GS_UNLIKELY(!gs_fd_pristine(f)))
		gs_fd_retire(f, fd);
	gs_fd_end(self);
	return f;
}

static void gs_fd_fill(struct gs_fd *f, unsigned kind, uint32_t flags, uint32_t in, uint32_t out)
{
	/* relaxed: the number reaches other threads by the program's own means */
	atomic_store_explicit(&f->epoch, atomic_load_explicit(&gs_fd_epoch, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&f->timeout_in, in, memory_order_relaxed);
	atomic_store_explicit(&f->timeout_out, out, memory_order_relaxed);
	atomic_store_explicit(&f->kind, (uint8_t)kind, memory_order_relaxed);
	atomic_store_explicit(&f->flags, flags, memory_order_relaxed);
}

void gs_fd_opened(int fd, enum gs_fd_kind kind, int mode)
{
	struct gs_fd *f = gs_fd_fresh(fd);

	if (f)
		gs_fd_fill(f, kind,
			   GS_FD_TRUSTED | GS_FD_SOLE | GS_FD_MODE |
				   (mode & O_NONBLOCK ? GS_FD_NONBLOCK : 0),
			   UINT32_MAX, UINT32_MAX);
}

/* Linux: a TCP connection inherits its listener's time-outs, a local one does not. */
static uint32_t gs_fd_inherit(struct gs_fd *listener, _Atomic uint32_t *timeout)
{
	bool sure = (gs_fd_flags(listener) & GS_FD_SOLE) ||
		    atomic_load_explicit(&listener->epoch, memory_order_relaxed) ==
			    atomic_load_explicit(&gs_fd_epoch, memory_order_relaxed);

	if (!sure || atomic_load_explicit(timeout, memory_order_relaxed) != UINT32_MAX)
		return 0;
	return UINT32_MAX;
}

void gs_fd_accepted(int fd, struct gs_fd *listener, bool nonblock)
{
	struct gs_fd *f = gs_fd_fresh(fd);

	if (f)
		gs_fd_fill(f, atomic_load_explicit(&listener->kind, memory_order_relaxed),
			   GS_FD_TRUSTED | GS_FD_SOLE | GS_FD_MODE |
				   (nonblock ? GS_FD_NONBLOCK : 0) |
				   (gs_fd_flags(listener) & (GS_FD_LINGERS | GS_FD_LOWAT)),
			   gs_fd_inherit(listener, &listener->timeout_in),
			   gs_fd_inherit(listener, &listener->timeout_out));
}

void gs_fd_shared(int fd)
{
	struct gs_fd *f = gs_fd_find(fd);

	if (!gs_sched_on || !f || !(gs_fd_flags(f) & GS_FD_SOLE))
		return;
	/* What a sole record remembers is right now; from here on the epoch says. */
	atomic_store_explicit(&f->epoch, atomic_load_explicit(&gs_fd_epoch, memory_order_relaxed),
			      memory_order_relaxed);
	gs_fd_unmark(f, GS_FD_SOLE);
}

void gs_fd_dupped(int from, int to)
{
	const uint32_t kept = GS_FD_MODE | GS_FD_NONBLOCK | GS_FD_ASK_IN | GS_FD_ASK_OUT |
			      GS_FD_URGENT | GS_FD_LISTENS | GS_FD_LINGERS | GS_FD_LOWAT |
			      GS_FD_PACKETS | GS_FD_INSTANT;
	struct gs_fd *f = gs_fd_fresh(to), *old = gs_fd_find(from);

	gs_fd_shared(from);
	if (!f)
		return;
	if (!old) {
		gs_fd_fill(f, GS_FD_UNKNOWN, GS_FD_TRUSTED, 0, 0);
		return;
	}
	gs_fd_refresh(old);
	gs_fd_fill(f, atomic_load_explicit(&old->kind, memory_order_relaxed),
		   GS_FD_TRUSTED | (gs_fd_flags(old) & kept),
		   atomic_load_explicit(&old->timeout_in, memory_order_relaxed),
		   atomic_load_explicit(&old->timeout_out, memory_order_relaxed));
}

/* ---- fork ---- */

void gs_fd_after_fork(void)
{
	const uint32_t lost = GS_FD_REGISTERED | GS_FD_SOLE | GS_FD_CONNECTING | GS_FD_WAITED |
			      GS_FD_REARMED | GS_FD_REPORTS_OUT | GS_FD_ONCE | GS_FD_DORMANT;
	uint32_t top = atomic_load_explicit(&gs_fd_top, memory_order_relaxed);

	gs_fd_settle_in();
	for (uint32_t at = 0; at < top; at++) {
		struct gs_fd *chunk = gs_fd_find((int)(at << GS_FD_CHUNK_BITS));

		for (int i = 0; chunk && i < GS_FD_CHUNK; i++) {
			struct gs_fd *f = &chunk[i];

			/* A lock held in the parent at that moment is nobody's here. */
			if (atomic_load_explicit(&f->lock.word, memory_order_relaxed) != 0)
				atomic_store_explicit(&f->lock.word, 0, memory_order_relaxed);
			if (gs_fd_pristine(f))
				continue;
			gs_list_init(&f->waiters);
			atomic_store_explicit(&f->queued, 0, memory_order_relaxed);
			gs_fd_restart(&f->in);
			gs_fd_restart(&f->out);
			gs_fd_unmark(f, lost);
			atomic_store_explicit(&f->epoch,
					      atomic_load_explicit(&gs_fd_epoch,
								   memory_order_relaxed),
					      memory_order_relaxed);
			atomic_fetch_add_explicit(&f->gen, 1, memory_order_relaxed);
		}
	}
}
