/* SPDX-License-Identifier: MIT */
/*
 * queue.c - message queues and semaphores that live in the kernel. POSIX queues are
 * parked on (runtime/io_queue.c); for those of System V there is nothing to poll, so that
 * they wait in a blocking region. Linux restarts the latter for no handler.
 *
 * Called from: the program.
 */
#include "gate.h"
#include "real.h"
#include "runtime/access.h"
#include "runtime/io.h"
#include "runtime/region.h"
#include "runtime/signal.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

/* ---- POSIX queues ---- */

GS_EXPORT mqd_t mq_open(const char *name, int flags, ...)
{
	struct mq_attr *attr = NULL;
	mode_t mode = 0;
	va_list ap;
	long fd;

	if (name[0] != '/') {
		errno = EINVAL;
		return -1;
	}
	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		attr = va_arg(ap, struct mq_attr *);
		va_end(ap);
	}
	fd = gs_sys4(__NR_mq_open, name + 1, flags, mode, attr);
	if (fd >= 0)
		gs_fd_opened((int)fd, GS_FD_UNKNOWN, flags);
	return (mqd_t)gs_gate_result(fd);
}

/* Called without a mode; if one is needed, libc says so and aborts. */
GS_EXPORT mqd_t __mq_open_2(const char *name, int flags)
{
	return flags & O_CREAT ? gs_real.__mq_open_2(name, flags) : mq_open(name, flags);
}

GS_EXPORT int mq_close(mqd_t queue)
{
	return close(queue);
}

GS_EXPORT int mq_setattr(mqd_t queue, const struct mq_attr *restrict attr,
			 struct mq_attr *restrict old)
{
	long ret = gs_sys3(__NR_mq_getsetattr, queue, attr, old);

	if (ret == 0)
		gs_fd_nonblock_set(queue, gs_sys3(__NR_fcntl, queue, F_GETFL, 0) & O_NONBLOCK);
	return (int)gs_gate_result(ret);
}

static ssize_t gs_queue_receive(mqd_t queue, char *buf, size_t n, unsigned *prio,
				const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_mq_receive(self, queue, buf, n, prio, abs)
				   : gs_gate_sys5(__NR_mq_timedreceive, queue, buf, n, prio, abs));
}

GS_EXPORT ssize_t mq_timedreceive(mqd_t queue, char *restrict buf, size_t n,
				  unsigned *restrict prio, const struct timespec *restrict abs)
{
	return gs_queue_receive(queue, buf, n, prio, abs);
}

GS_EXPORT ssize_t mq_receive(mqd_t queue, char *buf, size_t n, unsigned *prio)
{
	return gs_queue_receive(queue, buf, n, prio, NULL);
}

static int gs_queue_send(mqd_t queue, const char *buf, size_t n, unsigned prio,
			 const struct timespec *abs)
{
	struct gs_thread *self = gs_gate();

	return (int)gs_gate_result(self ? gs_io_mq_send(self, queue, buf, n, prio, abs)
					: gs_gate_sys5(__NR_mq_timedsend, queue, buf, n, prio,
						       abs));
}

GS_EXPORT int mq_timedsend(mqd_t queue, const char *buf, size_t n, unsigned prio,
			   const struct timespec *abs)
{
	return gs_queue_send(queue, buf, n, prio, abs);
}

GS_EXPORT int mq_send(mqd_t queue, const char *buf, size_t n, unsigned prio)
{
	return gs_queue_send(queue, buf, n, prio, NULL);
}

/* ---- System V ---- */

GS_EXPORT ssize_t msgrcv(int queue, void *message, size_t n, long type, int flags)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return gs_gate_result(
			gs_gate_sys5(__NR_msgrcv, queue, message, n, type, flags));
	return gs_gate_result(gs_io_block_fragile(self, __NR_msgrcv, queue, (long)message,
						  (long)n, type, flags));
}

GS_EXPORT int msgsnd(int queue, const void *message, size_t n, int flags)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return (int)gs_gate_result(gs_gate_sys4(__NR_msgsnd, queue, message, n, flags));
	return (int)gs_gate_result(gs_io_block_fragile(self, __NR_msgsnd, queue, (long)message,
						       (long)n, flags, 0));
}

/* A signal that was another thread's ends nothing; the time goes on to run. */
static long gs_queue_semop(struct gs_thread *self, int set, struct sembuf *ops, size_t n,
			   const struct timespec *timeout)
{
	struct timespec left;
	uint64_t begun = 0, passed, whole;
	long ret;

	if (!timeout || !gs_access_readable(self, timeout, sizeof(*timeout)) ||
	    timeout->tv_sec < 0 || (unsigned long)timeout->tv_nsec >= GS_NSEC)
		return gs_io_block_plain(self, true, __NR_semtimedop, set, (long)ops, (long)n,
					 (long)timeout, 0);
	left = *timeout;
	/* A year is as good as more, and does not overflow. */
	left.tv_sec = GS_MIN(left.tv_sec, (time_t)31536000);
	whole = (uint64_t)left.tv_sec * GS_NSEC + (uint64_t)left.tv_nsec;
	begun = gs_now();
	for (;;) {
		gs_region_enter(self);
		ret = gs_sys4(__NR_semtimedop, set, ops, n, &left);
		gs_region_leave(self);
		if (ret != -EINTR || gs_signal_ran(self))
			return ret;
		passed = GS_MIN(gs_now() - begun, whole);
		left.tv_sec = (time_t)((whole - passed) / GS_NSEC);
		left.tv_nsec = (long)((whole - passed) % GS_NSEC);
	}
}

GS_EXPORT int semtimedop(int set, struct sembuf *ops, size_t n, const struct timespec *timeout)
{
	struct gs_thread *self = gs_gate();

	return (int)gs_gate_result(self ? gs_queue_semop(self, set, ops, n, timeout)
					: gs_sys4(__NR_semtimedop, set, ops, n, timeout));
}

GS_EXPORT int semop(int set, struct sembuf *ops, size_t n)
{
	return semtimedop(set, ops, n, NULL);
}
