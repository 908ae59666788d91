/* SPDX-License-Identifier: MIT */
/*
 * io_splice.c - sendfile, splice, tee and vmsplice: both ends are waited for as far as
 * poll can tell, and then the call is made in a blocking region, because none of them
 * can be kept from waiting (SPLICE_F_NONBLOCK is for the pipe's end only).
 *
 * A sendfile to a socket or pipe goes in pieces, with a wait for room before each, so
 * that a slow receiver holds a green thread and not a kernel thread.
 *
 * Locks: none. Called from: hooks/uio.c.
 */
#include "io.h"

#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

static const size_t gs_io_sendfile_piece = 65536;

/* Waits until io's end is ready. 0; GS_IO_BLOCK when that cannot be waited for; or what
   the call returns. */
static long gs_io_await(struct gs_io *io, int kind)
{
	short events = io->dir == GS_FD_IN ? POLLIN : POLLOUT;
	long r;

	if (kind <= GS_FD_TTY || gs_io_nonblock(io))
		return GS_IO_BLOCK;
	for (;;) {
		if (gs_io_ready(io)) {
			if (gs_io_poll(io->fd, events))
				return 0;
			gs_io_drained(io);
		}
		r = gs_io_wait(io);
		if (r == -EAGAIN && gs_fd_nonblock(io->f, io->fd))
			return GS_IO_BLOCK;
		if (r != 0)
			return r;
	}
}

/* Waits until both ends are ready at the same time; 0, or what the call returns. */
static long gs_io_await_both(struct gs_thread *self, int in, int out)
{
	struct gs_io from, to;
	int in_kind = gs_io_begin(&from, self, in, GS_FD_IN, GS_REASON_READ);
	int out_kind = gs_io_begin(&to, self, out, GS_FD_OUT, GS_REASON_WRITE);
	long r, w;

	if (in_kind < 0 || out_kind < 0)
		return in_kind < 0 ? in_kind : out_kind;
	for (;;) {
		r = gs_io_await(&from, in_kind);
		if (r < 0 && r != GS_IO_BLOCK)
			return r;
		w = gs_io_await(&to, out_kind);
		if (w < 0 && w != GS_IO_BLOCK)
			return w;
		/* Another reader may have emptied in while we waited for out. */
		if (r != 0 || w != 0 || gs_io_poll(in, POLLIN))
			return 0;
	}
}

/* The call is over: whoever queues at either end has a look. */
static void gs_io_await_done(struct gs_thread *self, int in, int out)
{
	struct gs_fd *f = gs_fd_find(in);

	/* relaxed: see gs_io_settle */
	if (f && atomic_load_explicit(&f->queued, memory_order_relaxed))
		gs_fd_pass(self, f, GS_FD_IN);
	f = gs_fd_find(out);
	if (f && atomic_load_explicit(&f->queued, memory_order_relaxed))
		gs_fd_pass(self, f, GS_FD_OUT);
}

long gs_io_sendfile(struct gs_thread *self, int out, int in, off_t *offset, size_t n)
{
	struct gs_io to;
	int kind = gs_io_begin(&to, self, out, GS_FD_OUT, GS_REASON_WRITE);
	size_t done = 0;
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (kind <= GS_FD_ANON || n == 0 || gs_io_nonblock(&to))
		return gs_io_block(self, __NR_sendfile, out, in, (long)offset, (long)n, 0, 0);
	do {
		r = gs_io_await(&to, kind);
		if (r == 0 && done > 0 && gs_io_broken(&to))
			break;
		if (r == 0 || r == GS_IO_BLOCK)
			r = gs_io_block(self, __NR_sendfile, out, in, (long)offset,
					(long)GS_MIN(n - done, gs_io_sendfile_piece), 0, 0);
		if (r < 0)
			return gs_io_partial(&to, done, r);
		done += (size_t)r;
		to.begun = true;
	} while (r > 0 && done < n && !gs_fd_nonblock(to.f, out));
	gs_io_settle(&to, GS_FD_ANON, (long)done, 0, false);
	return (long)done;
}

long gs_io_splice(struct gs_thread *self, int in, off_t *in_at, int out, off_t *out_at, size_t n,
		  unsigned flags)
{
	long r = 0;

	if (!(flags & SPLICE_F_NONBLOCK) && n > 0)
		r = gs_io_await_both(self, in, out);
	if (r == 0)
		r = gs_io_block(self, __NR_splice, in, (long)in_at, out, (long)out_at, (long)n,
				flags);
	gs_io_await_done(self, in, out);
	return r;
}

long gs_io_tee(struct gs_thread *self, int in, int out, size_t n, unsigned flags)
{
	long r = 0;

	if (!(flags & SPLICE_F_NONBLOCK) && n > 0)
		r = gs_io_await_both(self, in, out);
	if (r == 0)
		r = gs_io_block(self, __NR_tee, in, out, (long)n, flags, 0, 0);
	gs_io_await_done(self, in, out);
	return r;
}

long gs_io_vmsplice(struct gs_thread *self, int fd, const struct iovec *iov, size_t cnt,
		    unsigned flags)
{
	long mode = gs_sys3(__NR_fcntl, fd, F_GETFL, 0);
	bool in = mode >= 0 && (mode & O_ACCMODE) == O_RDONLY;
	struct gs_io io;
	int kind = gs_io_begin(&io, self, fd, in ? GS_FD_IN : GS_FD_OUT,
			       in ? GS_REASON_READ : GS_REASON_WRITE);
	long r = 0;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (!(flags & SPLICE_F_NONBLOCK) && cnt > 0 && kind == GS_FD_PIPE)
		r = gs_io_await(&io, kind);
	if (r < 0 && r != GS_IO_BLOCK)
		return r;
	return gs_io_block(self, __NR_vmsplice, fd, (long)iov, (long)cnt, flags, 0, 0);
}
