/* SPDX-License-Identifier: MIT */
/*
 * io_queue.c - POSIX message queues. A queue is a descriptor that epoll understands, and
 * a timed call whose time is up long since is one that does not wait: so it is tried, and
 * parked on, like a pipe.
 *
 * Invariants: the kernel sees the program's own time limit only when it is out of range,
 * to say so; all others are kept here.
 * Locks: none. Called from: hooks/queue.c.
 */
#include "io.h"

#include "access.h"
#include "cancel.h"
#include "host.h"
#include "sched.h"
#include "signal.h"
#include "sys.h"

#include <errno.h>
#include <time.h>

/* The moment on the monotonic clock that is abs on the other one, as things are. */
static uint64_t gs_io_queue_deadline(const struct timespec *abs, bool *passed)
{
	struct timespec now = { 0, 0 };
	int64_t left;

	gs_host.clock_gettime(CLOCK_REALTIME, &now);
	*passed = abs->tv_sec < now.tv_sec ||
		  (abs->tv_sec == now.tv_sec && abs->tv_nsec <= now.tv_nsec);
	if (*passed)
		return 0;
	/* A year is as good as more, and does not overflow. */
	left = GS_MIN(abs->tv_sec - now.tv_sec, (time_t)31536000);
	left = left * (int64_t)GS_NSEC + abs->tv_nsec - now.tv_nsec;
	return gs_now() + (uint64_t)GS_MAX(left, (int64_t)1);
}

/* What an interrupted or timed wait means: 0 to go on. */
static long gs_io_queue_verdict(struct gs_thread *self, int err, const struct timespec *abs)
{
	bool passed;

	switch (err) {
	case 0:
		return 0;
	case -EINTR:
		gs_cancel_point(self);
		return gs_signal_restarts(self) ? 0 : -EINTR;
	case -ETIMEDOUT:
		gs_io_queue_deadline(abs, &passed);
		return passed ? -ETIMEDOUT : 0;
	case -EBADF:
		return err;
	default:
		return GS_IO_BLOCK;
	}
}

static long gs_io_queue(struct gs_thread *self, uint32_t dir, long nr, int fd, long buf, long n,
			long prio, const struct timespec *abs)
{
	static const struct timespec long_ago = { 0, 0 };
	struct gs_io io;
	long r;

	/* One that says nothing sensible, or cannot be read, is the kernel's to refuse. */
	if (abs && (!gs_access_readable(self, abs, sizeof(*abs)) || abs->tv_sec < 0 ||
		    abs->tv_nsec < 0 || abs->tv_nsec >= (long)GS_NSEC))
		return gs_io_block(self, nr, fd, buf, n, prio, (long)abs, 0);
	r = gs_io_begin(&io, self, fd, dir, dir == GS_FD_IN ? GS_REASON_READ : GS_REASON_WRITE);
	if (r < 0)
		return r;
	if (!io.f)
		return gs_io_block(self, nr, fd, buf, n, prio, (long)abs, 0);
	for (;;) {
		bool passed = false;
		uint64_t deadline;

		gs_io_ready(&io); /* for io.seen: what is there is not always told of */
		r = gs_sys5(nr, fd, buf, n, prio, &long_ago);
		if (r == -EINTR)
			continue; /* a signal the kernel gave this worker */
		if (r != -ETIMEDOUT)
			break;
		gs_io_drained(&io);
		deadline = abs ? gs_io_queue_deadline(abs, &passed) : GS_NEVER;
		if (passed)
			return -ETIMEDOUT;
		r = gs_io_queue_verdict(self,
					gs_fd_wait(self, io.f, fd, io.gen, dir, io.seen, io.reason,
						   deadline),
					abs);
		if (r == GS_IO_BLOCK)
			return gs_io_block(self, nr, fd, buf, n, prio, (long)abs, 0);
		if (r != 0)
			return r;
	}
	if (r >= 0)
		gs_io_settle(&io, GS_FD_ANON, r, 0, false);
	return r;
}

long gs_io_mq_receive(struct gs_thread *self, int fd, void *buf, size_t n, unsigned *prio,
		      const struct timespec *abs)
{
	return gs_io_queue(self, GS_FD_IN, __NR_mq_timedreceive, fd, (long)buf, (long)n,
			   (long)prio, abs);
}

long gs_io_mq_send(struct gs_thread *self, int fd, const void *buf, size_t n, unsigned prio,
		   const struct timespec *abs)
{
	return gs_io_queue(self, GS_FD_OUT, __NR_mq_timedsend, fd, (long)buf, (long)n, (long)prio,
			   abs);
}
