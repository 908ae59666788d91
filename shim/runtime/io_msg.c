/* SPDX-License-Identifier: MIT */
/*
 * io_msg.c - recvmsg, sendmsg, their forms for many messages, and the rest of a send.
 *
 * The program's msghdr goes to the kernel as it is; what it points to is looked at only
 * after a call succeeded, when it is known to be readable. What is left of a message
 * after a partial transfer goes without its address and control data: those went with
 * the first part.
 *
 * A blocking send is one call to the program but may be many here. When the peer goes
 * away in the middle, the kernel would return the count and keep the error for the next
 * call. So the rest is not tried on a socket that poll calls broken, is tried without
 * SIGPIPE, and an error met all the same is kept for the next call (gs_fd_put_error).
 *
 * recvmsg with room for control data does not take a short message for "drained": the
 * kernel also stops where control data changes.
 *
 * Locks: none. Called from: hooks/socket.c, io_rw.c.
 */
#include "io.h"

#include "access.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <poll.h>

long gs_io_send_rest(struct gs_io *io, int kind, struct gs_io_vec *v, int flags, size_t done)
{
	bool more = true;

	io->begun = true;
	while (more) {
		struct msghdr m = { 0 };
		struct gs_io_call c = {
			.nr = __NR_sendmsg,
			.a = { io->fd, (long)&m, flags | MSG_DONTWAIT | MSG_NOSIGNAL },
			.at = 2,
			.flag = MSG_DONTWAIT,
		};
		size_t cnt;
		const struct iovec *piece = gs_io_vec_piece(v, &cnt);
		long r;

		if (kind == GS_FD_PIPE) {
			c = (struct gs_io_call){ .nr = __NR_pwritev2,
						 .a = { io->fd, (long)piece, (long)cnt, -1, 0,
							RWF_NOWAIT },
						 .at = 5,
						 .flag = RWF_NOWAIT };
		} else {
			if (gs_io_broken(io))
				return (long)done;
			m.msg_iov = (struct iovec *)piece;
			m.msg_iovlen = cnt;
			/* The rest of an entry, and then the entries after it. */
			if (cnt < v->cnt)
				c.a[2] |= MSG_MORE;
		}
		r = gs_io_repeat(io, &c);
		if (r < 0)
			return gs_io_partial(io, done, r);
		gs_io_settle(io, kind, r, gs_io_vec_length(piece, cnt), true);
		done += (size_t)r;
		more = gs_io_vec_advance(v, (size_t)r);
	}
	return (long)done;
}

/* MSG_WAITALL: the rest of a message of which r bytes came. */
static long gs_io_recv_rest(struct gs_io *io, int kind, struct gs_io_vec *v, int flags, size_t done)
{
	bool more = true;

	io->begun = true;
	while (more && !gs_io_at_mark(io)) {
		struct msghdr m = { 0 };
		struct gs_io_call c = {
			.nr = __NR_recvmsg,
			.a = { io->fd, (long)&m, flags | MSG_DONTWAIT },
			.at = 2,
			.flag = MSG_DONTWAIT,
		};
		long r;

		m.msg_iov = (struct iovec *)gs_io_vec_piece(v, &m.msg_iovlen);
		r = gs_io_repeat(io, &c);
		if (r < 0)
			return gs_io_partial(io, done, r);
		gs_io_settle(io, kind, r, gs_io_vec_length(m.msg_iov, m.msg_iovlen), true);
		done += (size_t)r;
		if (r == 0)
			break;
		more = gs_io_vec_advance(v, (size_t)r);
	}
	return (long)done;
}

long gs_io_recvmsg(struct gs_thread *self, int fd, struct msghdr *msg, int flags)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_IN, GS_REASON_READ);
	struct gs_io_call c = {
		.nr = __NR_recvmsg,
		.a = { fd, (long)msg, flags | MSG_DONTWAIT },
		.at = 2,
		.flag = MSG_DONTWAIT,
	};
	struct gs_io_vec rest;
	bool stream = gs_fd_is_stream((unsigned)kind), all = (flags & MSG_WAITALL) && stream;
	size_t want;
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if ((flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)) || gs_io_nonblock(&io))
		return gs_sys3(__NR_recvmsg, fd, msg, flags);
	if (GS_UNLIKELY(gs_fd_flags(io.f) & GS_FD_LOWAT) || (all && (flags & MSG_PEEK)))
		return gs_io_block(self, __NR_recvmsg, fd, (long)msg, flags, 0, 0, 0);
	r = gs_io_repeat(&io, &c);
	if (r < 0)
		return r;
	if (!stream) {
		gs_io_settle(&io, kind, r, 0, false);
		return r;
	}
	want = gs_io_vec_length(msg->msg_iov, msg->msg_iovlen);
	if (r == 0 && want > 0 && GS_UNLIKELY(gs_fd_flags(io.f) & GS_FD_ERROR))
		return -gs_fd_take_error(io.f);
	gs_io_settle(&io, kind, r, want, !msg->msg_control && !(flags & MSG_PEEK));
	rest = (struct gs_io_vec){ .iov = msg->msg_iov, .cnt = msg->msg_iovlen };
	/* Descriptors or credentials end what one call may return. */
	if (!all || r == 0 || (msg->msg_control && msg->msg_controllen > 0) ||
	    (msg->msg_flags & MSG_CTRUNC) || !gs_io_vec_advance(&rest, (size_t)r))
		return r;
	return gs_io_recv_rest(&io, kind, &rest, flags, (size_t)r);
}

long gs_io_sendmsg(struct gs_thread *self, int fd, const struct msghdr *msg, int flags)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_OUT, GS_REASON_WRITE);
	struct gs_io_call c = {
		.nr = __NR_sendmsg,
		.a = { fd, (long)msg, flags | MSG_DONTWAIT },
		.at = 2,
		.flag = MSG_DONTWAIT,
	};
	struct gs_io_vec rest;
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (GS_UNLIKELY(gs_fd_flags(io.f) & GS_FD_ERROR) && (r = gs_fd_take_error(io.f)) != 0)
		return -r;
	if ((flags & MSG_DONTWAIT) || gs_io_nonblock(&io))
		return gs_sys3(__NR_sendmsg, fd, msg, flags);
	if (GS_UNLIKELY(flags & (MSG_FASTOPEN | MSG_ZEROCOPY)))
		return gs_io_block(self, __NR_sendmsg, fd, (long)msg, flags, 0, 0, 0);
	if (GS_UNLIKELY(kind == GS_FD_UNIX_DGRAM)) {
		r = gs_sys3(__NR_sendmsg, fd, msg, flags | MSG_DONTWAIT);
		if (r != -EAGAIN)
			return r;
		/* A named receiver without room cannot be polled for (see gs_io_send). */
		if (msg->msg_name)
			return gs_io_block(self, __NR_sendmsg, fd, (long)msg, flags, 0, 0, 0);
	}
	r = gs_io_repeat(&io, &c);
	if (r < 0)
		return r;
	if (!gs_fd_is_stream((unsigned)kind)) {
		gs_io_settle(&io, kind, r, 0, false);
		return r;
	}
	gs_io_settle(&io, kind, r, gs_io_vec_length(msg->msg_iov, msg->msg_iovlen), true);
	rest = (struct gs_io_vec){ .iov = msg->msg_iov, .cnt = msg->msg_iovlen };
	if (!gs_io_vec_advance(&rest, (size_t)r))
		return r;
	return gs_io_send_rest(&io, kind, &rest, flags, (size_t)r);
}

/* ---- many messages ---- */

/* Linux looks at the time-out only after a message has come, and so does this. */
static bool gs_io_expired(struct timespec *timeout, uint64_t end)
{
	uint64_t now = gs_now(), left = end > now ? end - now : 0;

	timeout->tv_sec = (time_t)(left / GS_NSEC);
	timeout->tv_nsec = (long)(left % GS_NSEC);
	return left == 0;
}

long gs_io_recvmmsg(struct gs_thread *self, int fd, struct mmsghdr *vec, unsigned n, int flags,
		    struct timespec *timeout)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_IN, GS_REASON_READ);
	unsigned done = 0;
	uint64_t end = GS_NEVER;
	struct timespec limit;
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (timeout) {
		if (!gs_access_readable(self, timeout, sizeof(*timeout)))
			return -EFAULT;
		limit = *timeout;
		/* The kernel has something to say about one that cannot be written. */
		if (!gs_access_writable(self, timeout, sizeof(*timeout)))
			return gs_io_block(self, __NR_recvmmsg, fd, (long)vec, n, flags,
					   (long)timeout, 0);
		*timeout = limit;
	}
	if (timeout && (timeout->tv_sec < 0 || (unsigned long)timeout->tv_nsec >= GS_NSEC))
		return -EINVAL;
	if ((flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)) || n == 0 || gs_io_nonblock(&io))
		return gs_sys5(__NR_recvmmsg, fd, vec, n, flags, timeout);
	/* What loops within one message is left to the kernel. */
	if ((flags & MSG_WAITALL) && gs_fd_is_stream((unsigned)kind))
		return gs_io_block(self, __NR_recvmmsg, fd, (long)vec, n, flags, (long)timeout, 0);
	if (timeout && (uint64_t)timeout->tv_sec < GS_NEVER / GS_NSEC / 2)
		end = gs_now() + (uint64_t)timeout->tv_sec * GS_NSEC + (uint64_t)timeout->tv_nsec;
	for (;;) {
		/* One at a time under a time-out: it counts from message to message. */
		struct gs_io_call c = {
			.nr = __NR_recvmmsg,
			.a = { fd, (long)(vec + done), timeout ? 1 : n - done,
			       flags | MSG_DONTWAIT },
			.at = 3,
			.flag = MSG_DONTWAIT,
		};

		io.deadline = 0; /* SO_RCVTIMEO counts anew for each message */
		if ((flags & MSG_WAITFORONE) && done > 0)
			r = gs_sys5(__NR_recvmmsg, fd, vec + done, c.a[2], c.a[3], NULL);
		else
			r = gs_io_repeat(&io, &c);
		if (r < 0)
			return done ? (long)done : r;
		done += (unsigned)r;
		io.begun = true;
		if ((timeout && gs_io_expired(timeout, end)) || done == n ||
		    ((flags & MSG_WAITFORONE) && !timeout) ||
		    (vec[done - 1].msg_hdr.msg_flags & MSG_OOB))
			break;
	}
	gs_io_settle(&io, kind, (long)done, 0, false);
	return (long)done;
}

long gs_io_sendmmsg(struct gs_thread *self, int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_OUT, GS_REASON_WRITE);
	unsigned done = 0;
	long r = 0;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if ((flags & MSG_DONTWAIT) || n == 0 || gs_io_nonblock(&io))
		return gs_sys4(__NR_sendmmsg, fd, vec, n, flags);
	n = GS_MIN(n, (unsigned)UIO_MAXIOV);
	while (done < n) {
		struct gs_io_call c = {
			.nr = __NR_sendmmsg,
			.a = { fd, (long)(vec + done), n - done, flags | MSG_DONTWAIT },
			.at = 3,
			.flag = MSG_DONTWAIT,
		};

		if (kind == GS_FD_DGRAM) {
			io.deadline = 0;
			r = gs_io_repeat(&io, &c);
			if (r > 0) {
				done += (unsigned)r;
				io.begun = true;
			}
		} else {
			/* A stream may take part of a message, and then wants the rest; a
			   local socket has ways of its own to be full. */
			r = gs_io_sendmsg(self, fd, &vec[done].msg_hdr, flags);
			if (r >= 0)
				vec[done++].msg_len = (unsigned)r;
		}
		if (r < 0)
			break;
	}
	gs_io_settle(&io, kind, (long)done, 0, false);
	return done ? (long)done : r;
}
