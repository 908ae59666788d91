/* SPDX-License-Identifier: MIT */
/*
 * io_conn.c - accept and connect.
 *
 * accept has no flag that keeps it from waiting, and the listener's O_NONBLOCK is not
 * ours to set. So poll is asked first, and the call is made in a region, in case another
 * process takes the connection in between. (To trust the event instead and make no poll
 * would leave a kernel thread in accept whenever an event is handled late.) After a
 * success with other acceptors queued poll is asked again: one event may stand for many
 * connections, and waking an acceptor for nothing costs more than the question.
 *
 * connect of an internet stream socket is the one exception to the rule that O_NONBLOCK
 * is never set on the program's descriptors: for the length of one connect call, inside
 * the runtime, so that no handler of the program sees it. Then the socket is waited
 * for until it is writable, and a second connect fetches the outcome exactly as the
 * kernel's own blocking connect would have: 0, or the error, with the socket ready to
 * be used or connected again. Other sockets connect at once or block where they cannot
 * be polled (a local listener's full backlog): plain calls, streams in a region.
 *
 * Locks: none. Called from: hooks/socket.c.
 */
#include "io.h"

#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

static bool gs_io_listens(struct gs_io *io)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	if (gs_fd_flags(io->f) & GS_FD_LISTENS)
		return true;
	gs_sys5(__NR_getsockopt, io->fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len);
	if (yes)
		gs_fd_mark(io->f, GS_FD_LISTENS);
	return yes;
}

/* After an accept, with others queued: wakes the next if there is more to take. */
static GS_NOINLINE void gs_io_accept_next(struct gs_io *io)
{
	gs_io_ready(io);
	if (gs_io_poll(io->fd, POLLIN))
		gs_fd_pass(io->self, io->f, GS_FD_IN);
	else
		gs_io_drained(io);
}

long gs_io_accept(struct gs_thread *self, int fd, void *addr, socklen_t *len, int flags)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_IN, GS_REASON_ACCEPT);
	long r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (gs_io_nonblock(&io) || (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) ||
	    !gs_io_listens(&io)) {
		r = gs_sys4(__NR_accept4, fd, addr, len, flags);
	} else {
		for (;;) {
			if (gs_io_ready(&io)) {
				if (gs_io_poll(fd, POLLIN))
					break;
				gs_io_drained(&io);
			}
			r = gs_io_wait(&io);
			if (r == GS_IO_BLOCK)
				break;
			if (r != 0)
				return r;
		}
		r = gs_io_block(self, __NR_accept4, fd, (long)addr, (long)len, flags, 0, 0);
		/* relaxed: see gs_io_settle */
		if (GS_UNLIKELY(atomic_load_explicit(&io.f->queued, memory_order_relaxed)))
			gs_io_accept_next(&io);
	}
	if (r >= 0)
		gs_fd_accepted((int)r, io.f, flags & SOCK_NONBLOCK);
	return r;
}

/* Does connect on this socket begin something that poll can tell the end of? */
static bool gs_io_connects(struct gs_io *io, int kind)
{
	int domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);

	if (kind != GS_FD_STREAM)
		return kind == GS_FD_TCP;
	gs_sys5(__NR_getsockopt, io->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_INET || domain == AF_INET6;
}

/* connect that does not wait. */
static long gs_io_connect_begin(struct gs_io *io, const void *addr, socklen_t len)
{
	int on = 1, off = 0;
	long r;

	gs_enter(io->self);
	gs_fd_mark(io->f, GS_FD_CONNECTING);
	r = gs_sys3(__NR_ioctl, io->fd, FIONBIO, &on);
	if (r == 0) {
		r = gs_sys3(__NR_connect, io->fd, addr, len);
		gs_sys3(__NR_ioctl, io->fd, FIONBIO, &off);
	}
	gs_fd_unmark(io->f, GS_FD_CONNECTING);
	gs_leave(io->self);
	return r;
}

long gs_io_connect(struct gs_thread *self, int fd, const void *addr, socklen_t len)
{
	struct gs_io io;
	int kind = gs_io_begin_socket(&io, self, fd, GS_FD_OUT, GS_REASON_CONNECT);
	long begun, r;

	if (GS_UNLIKELY(kind < 0))
		return kind;
	if (kind == GS_FD_DGRAM || kind == GS_FD_UNIX_DGRAM || gs_fd_nonblock(io.f, fd))
		return gs_sys3(__NR_connect, fd, addr, len);
	if (!gs_io_connects(&io, kind))
		return gs_io_block(self, __NR_connect, fd, (long)addr, len, 0, 0, 0);
	begun = gs_io_connect_begin(&io, addr, len);
	if (begun == 0)
		gs_fd_connected(self, io.f, fd);
	/* EALREADY: an earlier connect was interrupted or timed out; this one goes on
	   waiting for it. */
	if (begun != -EINPROGRESS && begun != -EALREADY)
		return begun;
	for (;;) {
		gs_io_ready(&io);
		if (gs_io_poll(fd, POLLOUT))
			break;
		r = gs_io_wait(&io);
		if (r == GS_IO_BLOCK)
			break;
		if (r == -EAGAIN) /* SO_SNDTIMEO */
			return begun;
		if (r != 0)
			return r;
	}
	r = gs_io_block(self, __NR_connect, fd, (long)addr, len, 0, 0, 0);
	if (r == -EISCONN) /* another thread has fetched it */
		r = 0;
	if (r == 0)
		gs_fd_connected(self, io.f, fd);
	return r;
}
