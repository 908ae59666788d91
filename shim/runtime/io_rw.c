/* SPDX-License-Identifier: MIT */
/*
 * io_rw.c - recv, send, read and write, and their forms with vectors.
 *
 * Locks: none. Called from: hooks.
 */
#include "io.h"

#include "access.h"
#include "loop.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

/* The flag is not known to this kind of file, or the call not to the kernel (or to
   whoever filters its calls). */
static bool gs_io_refused(long r)
{
	return r == -EOPNOTSUPP || r == -ENOSYS || r == -EPERM;
}

/* ---- recv and send ---- */

/* Does MSG_WAITALL make this socket wait? Local ones do not when they only peek; and the
   mark of urgent data ends a transfer whatever was asked for. */
static bool gs_io_waits_for_all(struct gs_io *io, int kind, int flags)
{
	if (!gs_fd_is_stream((unsigned)kind))
		return false;
	if (flags & MSG_PEEK)
		return kind != GS_FD_UNIX && !(gs_fd_flags(io->f) & GS_FD_URGENT);
	return !gs_io_at_mark(io);
}

static long gs_io_receive(struct gs_io *io, int kind, void *buf, size_t n, int flags, void *addr,
			  socklen_t *len)
{
	struct gs_io_call c = {
		.nr = __NR_recvfrom,
		.a = { io->fd, (long)buf, (long)n, flags | MSG_DONTWAIT, (long)addr, (long)len },
		.at = 3,
		.flag = MSG_DONTWAIT,
	};
	size_t done = 0;
	long r;

	if ((flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)) || gs_io_nonblock(io))
		return gs_sys6(__NR_recvfrom, io->fd, buf, n, flags, addr, len);
	if (GS_UNLIKELY(gs_fd_flags(io->f) & GS_FD_LOWAT))
		return gs_io_block(io->self, __NR_recvfrom, io->fd, (long)buf, (long)n, flags,
				   (long)addr, (long)len);
	for (;;) {
		size_t want = n - done;

		r = gs_io_repeat(io, &c);
		if (GS_UNLIKELY(r < 0))
			return gs_io_partial(io, done, r);
		if (r == 0 && GS_UNLIKELY(gs_fd_flags(io->f) & GS_FD_ERROR) && done == 0 && n > 0)
			return -gs_fd_take_error(io->f);
		if (GS_LIKELY(!(flags & MSG_WAITALL)) || r == 0 || (size_t)r >= want ||
		    !gs_io_waits_for_all(io, kind, flags)) {
			gs_io_settle(io, kind, r, GS_MIN(want, (size_t)GS_IO_MOST),
				     !(flags & MSG_PEEK));
			return (long)done + r;
		}
		io->begun = true;
		if (flags & MSG_PEEK) {
			/* All of it or nothing new: the next event brings more, or the end. */
			if (gs_io_poll(io->fd, POLLRDHUP) || gs_io_wait(io) != 0)
				return r;
			continue;
		}
		gs_io_settle(io, kind, r, want, true);
		done += (size_t)r;
		c.a[1] = (long)((char *)buf + done);
		c.a[2] = (long)(n - done);
	}
}

long gs_io_recv(struct gs_thread *self, int fd, void *buf, size_t n, int flags, void *addr,
		socklen_t *len)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_IN, GS_REASON_READ);

	return GS_LIKELY(kind >= 0) ? gs_io_receive(&io, kind, buf, n, flags, addr, len) : kind;
}

static long gs_io_transmit(struct gs_io *io, int kind, const void *buf, size_t n, int flags,
			   const void *addr, socklen_t len)
{
	struct gs_io_call c = {
		.nr = __NR_sendto,
		.a = { io->fd, (long)buf, (long)n, flags | MSG_DONTWAIT, (long)addr, (long)len },
		.at = 3,
		.flag = MSG_DONTWAIT,
	};
	struct iovec whole = { (void *)buf, n };
	struct gs_io_vec rest = { .iov = &whole, .cnt = 1 };
	long r;

	if (GS_UNLIKELY(gs_fd_flags(io->f) & GS_FD_ERROR) && (r = gs_fd_take_error(io->f)) != 0)
		return -r;
	if ((flags & MSG_DONTWAIT) || gs_io_nonblock(io))
		return gs_sys6(__NR_sendto, io->fd, buf, n, flags, addr, len);
	/* A connect within the send is all or nothing; of a call without copying one message
	   tells the end; and whether a named local socket has room is nothing its sender can
	   poll for. */
	if (GS_UNLIKELY(flags & (MSG_FASTOPEN | MSG_ZEROCOPY)) ||
	    GS_UNLIKELY(kind == GS_FD_UNIX_DGRAM && addr &&
			(r = gs_sys6(__NR_sendto, io->fd, buf, n, flags | MSG_DONTWAIT, addr,
				     len)) == -EAGAIN))
		return gs_io_block(io->self, __NR_sendto, io->fd, (long)buf, (long)n, flags,
				   (long)addr, (long)len);
	if (GS_UNLIKELY(kind == GS_FD_UNIX_DGRAM && addr))
		return r;
	if (kind >= GS_FD_UNIX)
		gs_loop_tell();
	r = gs_io_repeat(io, &c);
	if (GS_UNLIKELY(r < 0))
		return r;
	gs_io_settle(io, kind, r, GS_MIN(n, (size_t)GS_IO_MOST), true);
	if (GS_LIKELY((size_t)r >= n) || !gs_fd_is_stream((unsigned)kind) ||
	    !gs_io_vec_advance(&rest, (size_t)r))
		return r;
	return gs_io_send_rest(io, kind, &rest, flags, (size_t)r);
}

long gs_io_send(struct gs_thread *self, int fd, const void *buf, size_t n, int flags,
		const void *addr, socklen_t len)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_OUT, GS_REASON_WRITE);

	return GS_LIKELY(kind >= 0) ? gs_io_transmit(&io, kind, buf, n, flags, addr, len) : kind;
}

/* ---- read and write ---- */

/* Has the program put on a filter that traps what it does not know? */
static bool gs_io_filtered(void)
{
	/* relaxed: whoever put it on before a call of this thread's has told it since */
	return GS_UNLIKELY(atomic_load_explicit(&gs_filter_on, memory_order_relaxed));
}

#define GS_IO_PLAIN(name, fd, what, n) \
	(&(struct gs_io_call){ .nr = __NR_##name, .a = { (fd), (long)(what), (long)(n) } })

static long gs_io_call(struct gs_io *io, const struct gs_io_call *c)
{
	if (io->f && gs_fd_is_instant(io->f))
		return gs_sys3(c->nr, c->a[0], c->a[1], c->a[2]);
	return gs_io_block(io->self, c->nr, c->a[0], c->a[1], c->a[2], 0, 0, 0);
}

/* Under such a filter: the program's own call and, of others, as few as may be. */
static long gs_io_own(struct gs_io *io, int kind, const struct gs_io_call *plain)
{
	if (kind <= GS_FD_TTY)
		return gs_io_call(io, plain);
	if (gs_io_nonblock(io))
		return gs_sys3(plain->nr, plain->a[0], plain->a[1], plain->a[2]);
	gs_loop_tell();
	return gs_io_ask(io, plain);
}

/* plain: the call that the program made. */
static long gs_io_in(struct gs_io *io, int kind, const struct gs_io_call *plain,
		     const struct iovec *iov, int cnt)
{
	struct gs_io_call nowait = {
		.nr = __NR_preadv2,
		.a = { io->fd, (long)iov, cnt, -1, 0, RWF_NOWAIT },
		.at = 5,
		.flag = RWF_NOWAIT,
	};
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)cnt };
	long r;

	if (kind <= GS_FD_TTY)
		return gs_io_call(io, plain);
	if (gs_io_nonblock(io))
		return gs_sys3(plain->nr, plain->a[0], plain->a[1], plain->a[2]);
	if (kind != GS_FD_CHAR && !(gs_fd_flags(io->f) & (GS_FD_ASK_IN | GS_FD_LOWAT))) {
		r = gs_io_repeat(io, &nowait);
		if (r >= 0) {
			gs_io_settle(io, kind, r,
				     kind <= GS_FD_TCP ? gs_io_vec_length(iov, (size_t)cnt) : 0,
				     true);
			return r;
		}
		/* The flag is refused, or something else is wrong, and the plain call says so. */
		if (r == -EINVAL)
			return gs_io_call(io, plain);
		if (!gs_io_refused(r))
			return r;
		gs_fd_mark(io->f, GS_FD_ASK_IN);
	}
	return gs_fd_is_socket((unsigned)kind) && !gs_io_filtered() ?
		       gs_io_recvmsg(io->self, io->fd, &m, 0) : gs_io_ask(io, plain);
}

static long gs_io_out(struct gs_io *io, int kind, const struct gs_io_call *plain,
		      const struct iovec *iov, int cnt)
{
	struct gs_io_call nowait = {
		.nr = __NR_pwritev2,
		.a = { io->fd, (long)iov, cnt, -1, 0, RWF_NOWAIT },
		.at = 5,
		.flag = RWF_NOWAIT,
	};
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)cnt };
	struct gs_io_vec rest = { .iov = iov, .cnt = (size_t)cnt };
	long r;

	if (kind <= GS_FD_TTY || kind == GS_FD_ANON)
		return gs_io_call(io, plain);
	if (gs_io_nonblock(io))
		return gs_sys3(plain->nr, plain->a[0], plain->a[1], plain->a[2]);
	if (kind != GS_FD_CHAR && !(gs_fd_flags(io->f) & (GS_FD_ASK_OUT | GS_FD_ERROR))) {
		r = gs_io_repeat(io, &nowait);
		if (r >= 0) {
			gs_io_settle(io, kind, r, gs_io_vec_length(iov, (size_t)cnt), true);
			if ((kind != GS_FD_PIPE && !gs_fd_is_stream((unsigned)kind)) ||
			    !gs_io_vec_advance(&rest, (size_t)r))
				return r;
			return gs_io_send_rest(io, kind, &rest, 0, (size_t)r);
		}
		if (r == -EINVAL)
			return gs_io_call(io, plain);
		if (!gs_io_refused(r))
			return r;
		gs_fd_mark(io->f, GS_FD_ASK_OUT);
	}
	if (!gs_fd_is_socket((unsigned)kind) || gs_io_filtered())
		return gs_io_ask(io, plain);
	return gs_io_sendmsg(io->self, io->fd, &m, kind == GS_FD_SEQPACKET ? MSG_EOR : 0);
}

long gs_io_read(struct gs_thread *self, int fd, void *buf, size_t n)
{
	struct iovec iov = { buf, n };
	struct gs_io io;
	int kind = gs_io_begin(&io, self, fd, GS_FD_IN, GS_REASON_READ);
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (gs_io_filtered() && n > 0 && kind != GS_FD_ANON)
		return gs_io_own(&io, kind, GS_IO_PLAIN(read, fd, buf, n));
	if (gs_fd_is_socket((unsigned)kind) && n > 0) {
		r = gs_io_receive(&io, kind, buf, n, 0, NULL, NULL);
		if (GS_LIKELY(r != -ENOTSOCK))
			return r;
		/* The number is not what it was. */
		gs_fd_closing(fd);
		return gs_io_read(self, fd, buf, n);
	}
	/* Reading nothing is answered at once, and not by everything with 0; reading less
	   than a counter is an error, ready or not. */
	if (kind <= GS_FD_TTY || n == 0 || (kind == GS_FD_ANON && n < sizeof(uint64_t)))
		return gs_io_call(&io, GS_IO_PLAIN(read, fd, buf, n));
	return gs_io_in(&io, kind, GS_IO_PLAIN(read, fd, buf, n), &iov, 1);
}

/* A FIFO that cannot be told not to wait: as much at a time as poll promises room for.
   More than PIPE_BUF bytes may be interleaved with other writers' anyway. */
static long gs_io_write_fifo(struct gs_io *io, const char *buf, size_t n)
{
	size_t done = 0;

	if (gs_io_nonblock(io))
		return gs_sys3(__NR_write, io->fd, buf, n);
	while (done < n) {
		struct gs_io_call c = {
			.nr = __NR_write,
			.a = { io->fd, (long)(buf + done),
			       (long)GS_MIN(n - done, (size_t)PIPE_BUF) },
		};
		long r = gs_io_ask(io, &c);

		if (r < 0)
			return done ? (long)done : r;
		io->begun = true;
		done += (size_t)r;
	}
	return (long)done;
}

long gs_io_write(struct gs_thread *self, int fd, const void *buf, size_t n)
{
	struct iovec iov = { (void *)buf, n };
	struct gs_io io;
	int kind = gs_io_begin(&io, self, fd, GS_FD_OUT, GS_REASON_WRITE);
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (gs_io_filtered() && n > 0 && kind != GS_FD_ANON)
		return gs_io_own(&io, kind, GS_IO_PLAIN(write, fd, buf, n));
	if (gs_fd_is_socket((unsigned)kind)) {
		r = gs_io_transmit(&io, kind, buf, n, kind == GS_FD_SEQPACKET ? MSG_EOR : 0, NULL,
				   0);
		if (GS_LIKELY(r != -ENOTSOCK))
			return r;
		gs_fd_closing(fd);
		return gs_io_write(self, fd, buf, n);
	}
	if (kind == GS_FD_ANON || kind == GS_FD_PIPE)
		gs_loop_tell();
	if (kind <= GS_FD_TTY || kind == GS_FD_ANON || n == 0)
		return gs_io_call(&io, GS_IO_PLAIN(write, fd, buf, n));
	if (kind == GS_FD_PIPE && n > PIPE_BUF && (gs_fd_flags(io.f) & GS_FD_ASK_OUT))
		return gs_io_write_fifo(&io, buf, n);
	return gs_io_out(&io, kind, GS_IO_PLAIN(write, fd, buf, n), &iov, 1);
}

/* Is this vector to be shown to the kernel before anything is waited for? It may be of no
   bytes, which is answered at once, or no vector at all. */
static bool gs_io_vec_odd(struct gs_io *io, int kind, const struct iovec *iov, int cnt)
{
	if (cnt <= 0 || cnt > UIO_MAXIOV)
		return true;
	if (kind <= GS_FD_TTY)
		return false;
	if (GS_LIKELY(gs_io_ready(io)) && kind != GS_FD_CHAR &&
	    !(gs_fd_flags(io->f) & (io->dir == GS_FD_IN ? GS_FD_ASK_IN : GS_FD_ASK_OUT)))
		return false; /* preadv2 and pwritev2 see to it */
	return (!gs_access_readable(io->self, iov, (size_t)cnt * sizeof(*iov)) ||
		gs_io_vec_length(iov, (size_t)cnt) == 0);
}

long gs_io_readv(struct gs_thread *self, int fd, const struct iovec *iov, int cnt)
{
	struct gs_io io;
	int kind = gs_io_begin(&io, self, fd, GS_FD_IN, GS_REASON_READ);

	if (kind < 0)
		return kind;
	if (gs_io_vec_odd(&io, kind, iov, cnt))
		return gs_sys3(__NR_readv, fd, iov, cnt);
	if (gs_io_filtered())
		return gs_io_own(&io, kind, GS_IO_PLAIN(readv, fd, iov, cnt));
	return gs_io_in(&io, kind, GS_IO_PLAIN(readv, fd, iov, cnt), iov, cnt);
}

long gs_io_writev(struct gs_thread *self, int fd, const struct iovec *iov, int cnt)
{
	struct gs_io io;
	int kind = gs_io_begin(&io, self, fd, GS_FD_OUT, GS_REASON_WRITE);

	if (kind < 0)
		return kind;
	if (gs_io_vec_odd(&io, kind, iov, cnt))
		return gs_sys3(__NR_writev, fd, iov, cnt);
	if (gs_io_filtered() && kind != GS_FD_ANON)
		return gs_io_own(&io, kind, GS_IO_PLAIN(writev, fd, iov, cnt));
	return gs_io_out(&io, kind, GS_IO_PLAIN(writev, fd, iov, cnt), iov, cnt);
}
