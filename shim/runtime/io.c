/* SPDX-License-Identifier: MIT */
/*
 * io.c - try, park, try again: the engine of every call on a descriptor. Bytes,
 * messages, connections and copies between descriptors are in io_rw.c, io_msg.c,
 * io_conn.c and io_splice.c.
 *
 * How a call is made without blocking, by kind, and without touching O_NONBLOCK
 * (which belongs to the open file and so to other processes too):
 *
 *	sockets         recvfrom and its like with MSG_DONTWAIT
 *	pipes, anon     preadv2, pwritev2 at offset -1 with RWF_NOWAIT
 *	anon, write     in a region: only an eventfd about to overflow ever blocks
 *	devices, and    poll with no time-out, then the plain call in a region in case
 *	what refuses    somebody else was quicker
 *	terminals       in a region: their read depends on VMIN, VTIME and the
 *	                foreground process group, which poll does not tell
 *	files           in a region: 20 ns, less than RWF_NOWAIT costs a call that finds
 *	                its pages in memory (tests/bench/block.c), and many file systems
 *	                refuse the flag for writing
 *
 * The path of a request on a registered connection: the direction's word says "not
 * ready", so the thread parks without trying; woken, it makes one call; the transfer is
 * short, so the word is cleared without another attempt being made to see EAGAIN.
 *
 * A descriptor the program made non-blocking gets the plain call, always: the program
 * may know from elsewhere that there is data of which no event has reached us.
 *
 * Closed by another thread while parked: the call returns EBADF, or the count so far.
 * (Natively it would stay with the open file. To try again on the number could read
 * from a file that has taken its place.)
 *
 * Locks: none; the record's within fd.c. Called from: io_*.c, hooks.
 */
#include "io.h"

#include "cancel.h"
#include "region.h"
#include "sched.h"
#include "signal.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

void gs_io_attend_slow(struct gs_thread *self)
{
	gs_enter(self);
	gs_leave(self);
	gs_cancel_point(self);
}

long gs_io_block_once(struct gs_thread *self, long nr, long a, long b, long c, long d, long e,
		      long f)
{
	bool exposed;
	long r;

	gs_region_enter(self);
	exposed = gs_cancel_expose(self);
	r = gs_arch_syscall(nr, a, b, c, d, e, f);
	gs_cancel_cover(self, exposed);
	gs_region_leave(self);
	return r;
}

long gs_io_block(struct gs_thread *self, long nr, long a, long b, long c, long d, long e, long f)
{
	long r;

	for (;;) {
		gs_io_attend(self);
		r = gs_io_block_once(self, nr, a, b, c, d, e, f);
		if (GS_LIKELY(r != -EINTR))
			return r;
		gs_cancel_point(self);
		if (!gs_signal_restarts(self))
			return r;
	}
}

long gs_io_block_fragile(struct gs_thread *self, long nr, long a, long b, long c, long d, long e)
{
	long r;

	do {
		gs_io_attend(self);
		r = gs_io_block_once(self, nr, a, b, c, d, e, 0);
		if (GS_LIKELY(r != -EINTR))
			break;
		gs_cancel_point(self);
		/* A signal the kernel gave this worker for another thread ends nothing. */
	} while (!gs_signal_ran(self));
	return r;
}

long gs_io_block_plain(struct gs_thread *self, bool fragile, long nr, long a, long b, long c,
		       long d, long e)
{
	long r;

	do {
		gs_region_enter(self);
		r = gs_arch_syscall(nr, a, b, c, d, e, 0);
		gs_region_leave(self);
	} while (GS_UNLIKELY(r == -EINTR) &&
		 (fragile ? !gs_signal_ran(self) : gs_signal_restarts(self)));
	return r;
}

short gs_io_poll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	long r;

	/* A signal that the kernel gave this worker for somebody else may break it. */
	do
		r = gs_sys3(__NR_poll, &p, 1, 0);
	while (r == -EINTR);
	return r > 0 ? p.revents : 0;
}

int gs_io_begin_socket(struct gs_io *io, struct gs_thread *self, int fd, uint32_t dir,
		       enum gs_reason reason)
{
	int kind = gs_io_begin(io, self, fd, dir, reason);

	if (GS_LIKELY(kind < 0 || gs_fd_is_socket((unsigned)kind)))
		return kind;
	if (!io->f)
		return gs_sys3(__NR_fcntl, fd, F_GETFD, 0) < 0 ? -EBADF : -ENOMEM;
	gs_fd_closing(fd);
	kind = gs_io_begin(io, self, fd, dir, reason);
	if (kind < 0 || gs_fd_is_socket((unsigned)kind))
		return kind;
	/* A filter may keep us from finding out what it is: the call will tell. relaxed: it
	   was seen when the kind was asked for */
	return atomic_load_explicit(&gs_filter_on, memory_order_relaxed) ? GS_FD_STREAM : -ENOTSOCK;
}

long gs_io_wait(struct gs_io *io)
{
	int err;

	if (gs_fd_nonblock(io->f, io->fd))
		return -EAGAIN;
	if (io->deadline == 0)
		io->deadline = gs_fd_deadline(io->f, io->fd, io->dir);
	err = gs_fd_wait(io->self, io->f, io->fd, io->gen, io->dir, io->seen, io->reason,
			 io->deadline);
	switch (err) {
	case 0:
		return 0;
	case -EBADF:
		return err;
	case -ETIMEDOUT:
		return -EAGAIN;
	case -EINTR:
		gs_cancel_point(io->self);
		/* Linux: nor is a socket call with a time-out ever restarted. */
		if (io->deadline == GS_NEVER && !io->begun ? gs_signal_restarts(io->self)
							   : !gs_signal_ran(io->self))
			return 0;
		return -EINTR;
	default:
		return GS_IO_BLOCK;
	}
}

/* A datagram socket that has been shut down for reading, and has nothing left, tells only
   those who are willing to wait that there will be nothing; it does so at once. */
static bool gs_io_over(struct gs_io *io)
{
	/* relaxed: an event that comes later wakes */
	uint64_t word = atomic_load_explicit(gs_fd_side(io->f, io->dir), memory_order_relaxed);

	return GS_UNLIKELY(word & GS_FD_STICKY) && io->dir == GS_FD_IN &&
	       (gs_io_poll(io->fd, POLLRDHUP) & POLLRDHUP);
}

bool gs_io_at_mark(const struct gs_io *io)
{
	int at = 0;

	return gs_fd_kind(io->f, io->fd) == GS_FD_TCP &&
	       gs_sys3(__NR_ioctl, io->fd, SIOCATMARK, &at) == 0 && at;
}

/* What the program did not call itself its filter may trap. */
static long gs_io_try(const struct gs_io_call *c)
{
	if (c->flag == RWF_NOWAIT)
		return gs_sys_try(c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
	return gs_arch_syscall(c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
}

long gs_io_repeat(struct gs_io *io, struct gs_io_call *c)
{
	long r;

	for (;;) {
		if (GS_LIKELY(gs_io_ready(io))) {
			r = gs_io_try(c);
			if (GS_LIKELY(r != -EAGAIN))
				return r;
			gs_io_drained(io);
			if (gs_io_over(io)) {
				r = GS_IO_BLOCK;
				break;
			}
		}
		r = gs_io_wait(io);
		if (GS_UNLIKELY(r != 0))
			break;
		if (GS_UNLIKELY(io->begun) && io->dir == GS_FD_IN && gs_io_at_mark(io))
			return -EAGAIN;
	}
	if (r != GS_IO_BLOCK)
		return r;
	c->a[c->at] &= ~c->flag;
	return gs_io_block(io->self, c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
}

long gs_io_ask(struct gs_io *io, const struct gs_io_call *c)
{
	short events = io->dir == GS_FD_IN ? POLLIN : POLLOUT;
	long r;

	for (;;) {
		if (gs_io_ready(io)) {
			if (gs_io_poll(io->fd, events))
				break;
			gs_io_drained(io);
		}
		r = gs_io_wait(io);
		if (r == GS_IO_BLOCK)
			break;
		if (r != 0)
			return r;
	}
	r = gs_io_block(io->self, c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
	if (r >= 0)
		gs_io_settle(io, GS_FD_ANON, r, 0, false);
	return r;
}

void gs_io_settle_slow(struct gs_io *io)
{
	uint64_t word = atomic_load_explicit(gs_fd_side(io->f, io->dir), memory_order_relaxed);

	if (word & (GS_FD_READY | GS_FD_STICKY))
		gs_fd_pass(io->self, io->f, io->dir);
}

long gs_io_partial(struct gs_io *io, size_t done, long r)
{
	if (done == 0)
		return r;
	switch (-r) {
	case ECONNRESET:
	case ECONNABORTED:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EPROTO:
		gs_fd_put_error(io->f, (int)-r);
	}
	return (long)done;
}

bool gs_io_broken(struct gs_io *io)
{
	uint64_t word = atomic_load_explicit(gs_fd_side(io->f, io->dir), memory_order_relaxed);

	/* Not POLLERR: that may be a message in the error queue (time stamps, zero copy). */
	return GS_UNLIKELY(word & GS_FD_STICKY) && (gs_io_poll(io->fd, 0) & POLLHUP);
}

/* ---- vectors ---- */

size_t gs_io_vec_length(const struct iovec *iov, size_t cnt)
{
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++)
		n += iov[i].iov_len;
	return GS_MIN(n, (size_t)GS_IO_MOST);
}

bool gs_io_vec_advance(struct gs_io_vec *v, size_t n)
{
	while (v->cnt > 0) {
		struct iovec first = v->head.iov_base ? v->head : v->iov[0];

		if (n < first.iov_len) {
			v->head.iov_base = (char *)first.iov_base + n;
			v->head.iov_len = first.iov_len - n;
			return true;
		}
		n -= first.iov_len;
		v->head.iov_base = NULL;
		v->iov++;
		v->cnt--;
	}
	return false;
}

const struct iovec *gs_io_vec_piece(const struct gs_io_vec *v, size_t *cnt)
{
	*cnt = v->head.iov_base ? 1 : v->cnt;
	return v->head.iov_base ? &v->head : v->iov;
}
