/* SPDX-License-Identifier: MIT */
/*
 * io.h - calls on descriptors, as blocking as the program believes them to be:
 * they try without blocking, park the green thread, and try again.
 *
 * All run on a green thread outside the runtime and return what the system call
 * would, -errno on failure. They are cancellation points, as their namesakes are.
 */
#ifndef GS_IO_H
#define GS_IO_H

#include "fd.h"

#include <sys/socket.h>
#include <sys/uio.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

/* io_rw.c: bytes */
long gs_io_read(struct gs_thread *self, int fd, void *buf, size_t n);
long gs_io_write(struct gs_thread *self, int fd, const void *buf, size_t n);
long gs_io_readv(struct gs_thread *self, int fd, const struct iovec *iov, int cnt);
long gs_io_writev(struct gs_thread *self, int fd, const struct iovec *iov, int cnt);
long gs_io_recv(struct gs_thread *self, int fd, void *buf, size_t n, int flags, void *addr,
		socklen_t *len);
long gs_io_send(struct gs_thread *self, int fd, const void *buf, size_t n, int flags,
		const void *addr, socklen_t len);

/* io_msg.c: messages */
long gs_io_recvmsg(struct gs_thread *self, int fd, struct msghdr *msg, int flags);
long gs_io_sendmsg(struct gs_thread *self, int fd, const struct msghdr *msg, int flags);
long gs_io_recvmmsg(struct gs_thread *self, int fd, struct mmsghdr *vec, unsigned n, int flags,
		    struct timespec *timeout);
long gs_io_sendmmsg(struct gs_thread *self, int fd, struct mmsghdr *vec, unsigned n, int flags);

/* io_conn.c: connections */
long gs_io_accept(struct gs_thread *self, int fd, void *addr, socklen_t *len, int flags);
long gs_io_connect(struct gs_thread *self, int fd, const void *addr, socklen_t len);

/* io_queue.c: POSIX message queues. abs: until when on CLOCK_REALTIME, or NULL. */
long gs_io_mq_receive(struct gs_thread *self, int fd, void *buf, size_t n, unsigned *prio,
		      const struct timespec *abs);
long gs_io_mq_send(struct gs_thread *self, int fd, const void *buf, size_t n, unsigned prio,
		   const struct timespec *abs);

/* io_splice.c: from descriptor to descriptor */
long gs_io_sendfile(struct gs_thread *self, int out, int in, off_t *offset, size_t n);
long gs_io_splice(struct gs_thread *self, int in, off_t *in_at, int out, off_t *out_at, size_t n,
		  unsigned flags);
long gs_io_tee(struct gs_thread *self, int in, int out, size_t n, unsigned flags);
long gs_io_vmsplice(struct gs_thread *self, int fd, const struct iovec *iov, size_t cnt,
		    unsigned flags);

/* A system call in a blocking region, made again when only restarting handlers
   interrupted it; and one that is never made twice. */
long gs_io_block(struct gs_thread *self, long nr, long a, long b, long c, long d, long e, long f);
long gs_io_block_once(struct gs_thread *self, long nr, long a, long b, long c, long d, long e,
		      long f);

/* The same for calls that are no cancellation points. fragile: no handler restarts it. */
long gs_io_block_plain(struct gs_thread *self, bool fragile, long nr, long a, long b, long c,
		       long d, long e);
/* For a cancellation point that no handler restarts. */
long gs_io_block_fragile(struct gs_thread *self, long nr, long a, long b, long c, long d, long e);

/* Deals with whatever wants the thread's attention: yields, signals, cancellation. */
void gs_io_attend_slow(struct gs_thread *self);

static inline void gs_io_attend(struct gs_thread *self)
{
	/* relaxed: what comes later is seen at the next call or wait */
	if (GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed)))
		gs_io_attend_slow(self);
}

/* ---- what the io_*.c files share ---- */

/* One call in one direction on one descriptor. */
struct gs_io {
	struct gs_thread *self;
	struct gs_fd *f;    /* NULL: no record can be had, all calls are plain */
	int fd;
	uint32_t dir;       /* GS_FD_IN or GS_FD_OUT */
	enum gs_reason reason;
	uint32_t gen;
	uint64_t seen;      /* the direction's word before the last attempt */
	uint64_t deadline;  /* of the whole call; 0: not asked for yet */
	bool begun;         /* something was transferred: a handler ends the call, with that */
};

/* A system call that flag in argument at makes non-blocking; a[at] has it set. */
struct gs_io_call {
	long nr;
	long a[6];
	int at;
	long flag;
};

/* "Cannot be parked on": beyond what the kernel uses for errors. */
#define GS_IO_BLOCK (-4096L)

/* Fills io; returns the descriptor's kind or -errno. */
static inline int gs_io_begin(struct gs_io *io, struct gs_thread *self, int fd, uint32_t dir,
			      enum gs_reason reason)
{
	gs_io_attend(self);
	io->self = self;
	io->fd = fd;
	io->dir = dir;
	io->reason = reason;
	io->deadline = 0;
	io->begun = false;
	io->f = gs_fd_get(fd);
	if (GS_UNLIKELY(!io->f))
		return GS_FD_FILE;
	io->gen = atomic_load_explicit(&io->f->gen, memory_order_relaxed);
	return gs_fd_kind(io->f, fd);
}

/* The same for calls that want a socket: a record that says otherwise is asked anew. */
int gs_io_begin_socket(struct gs_io *io, struct gs_thread *self, int fd, uint32_t dir,
		       enum gs_reason reason);

/* Is a call on io to be left to the kernel as it is, because the program made the
   open file non-blocking? */
static inline bool gs_io_nonblock(struct gs_io *io)
{
	return GS_UNLIKELY(gs_fd_flags(io->f) & GS_FD_NONBLOCK) && gs_fd_nonblock(io->f, io->fd);
}

/* Is an attempt worth while? Reads io->seen. */
static inline bool gs_io_ready(struct gs_io *io)
{
	/* acquire: pairs with the release in gs_fd_count */
	io->seen = atomic_load_explicit(gs_fd_side(io->f, io->dir), memory_order_acquire);
	return (io->seen & (GS_FD_READY | GS_FD_STICKY)) ||
	       !(gs_fd_flags(io->f) & GS_FD_TRUSTED);
}

/* An attempt found nothing. */
static inline void gs_io_drained(struct gs_io *io)
{
	if (gs_fd_reports(io->f, io->dir))
		gs_fd_drained(io->f, io->dir, io->seen);
}

/* Waits after a failed attempt. 0: try again; GS_IO_BLOCK; or the call's error. */
long gs_io_wait(struct gs_io *io);

/* Is the next byte beyond the mark of urgent data? A transfer that has begun ends there. */
bool gs_io_at_mark(const struct gs_io *io);

/* Makes the call until it does not want to block any more. */
long gs_io_repeat(struct gs_io *io, struct gs_io_call *c);

/* The same by asking poll first, for calls that have no such flag. */
long gs_io_ask(struct gs_io *io, const struct gs_io_call *c);

/* After a transfer of r out of want bytes; drains: a shorter one than wanted can only
   mean that there was (room for) no more. */
void gs_io_settle_slow(struct gs_io *io);

static inline void gs_io_settle(struct gs_io *io, int kind, long r, size_t want, bool drains)
{
	if (r > 0 && (size_t)r < want && drains && (kind == GS_FD_TCP || kind == GS_FD_PIPE) &&
	    gs_fd_reports(io->f, io->dir) &&
	    !(gs_fd_flags(io->f) & (io->dir == GS_FD_IN ? GS_FD_URGENT | GS_FD_PACKETS : 0)))
		gs_fd_drained(io->f, io->dir, io->seen);
	/* relaxed: a waiter not seen here came after the event that woke us and has
	   looked at the word, or is woken by somebody who saw it */
	else if (GS_UNLIKELY(atomic_load_explicit(&io->f->queued, memory_order_relaxed)))
		gs_io_settle_slow(io);
}

/* What a call returns that failed with r after done bytes. */
long gs_io_partial(struct gs_io *io, size_t done, long r);

/* Is the socket beyond use? Then the rest of a transfer is not tried: that would
   fetch the error (or raise the SIGPIPE) that belongs to the program's next call. */
bool gs_io_broken(struct gs_io *io);

/* Events of poll's that fd has now, of those asked for. */
short gs_io_poll(int fd, short events);

/* A position in a vector. */
struct gs_io_vec {
	const struct iovec *iov;
	size_t cnt;
	struct iovec head; /* the rest of an entry that was used in part */
};

enum { GS_IO_MOST = 0x7ffff000 }; /* the kernel's MAX_RW_COUNT */

size_t gs_io_vec_length(const struct iovec *iov, size_t cnt);
/* Moves v on by n bytes; false at the end. */
bool gs_io_vec_advance(struct gs_io_vec *v, size_t n);
/* The next entries to transfer in one call. */
const struct iovec *gs_io_vec_piece(const struct gs_io_vec *v, size_t *cnt);

/* The rest of a vector, to a stream socket or a pipe, as one blocking call would. */
long gs_io_send_rest(struct gs_io *io, int kind, struct gs_io_vec *v, int flags, size_t done);

#endif
