/* SPDX-License-Identifier: MIT */
/*
 * futex.c - syscall(): private futexes wait on the parking lot, gettid and
 * sched_yield mean the green thread, calls that have a hook of the same meaning are
 * the hook's (rawcall.c has those about signals and processes), and what the kernel
 * keeps per kernel thread is gs_sched_syscall's. All other numbers go to the kernel as
 * they are; those that block are left to the monitor.
 *
 * Futexes without FUTEX_PRIVATE_FLAG wait in the kernel, in a blocking region,
 * for their word may be shared with other processes; their wake-ups go to the kernel,
 * and to the parking lot too. So do, in a region, the priority-inheriting
 * operations and futex_waitv.
 */
#include "gate.h"
#include "rawcall.h"
#include "runtime/access.h"
#include "runtime/futex.h"
#include "runtime/region.h"
#include "runtime/signal.h"
#include "runtime/sleep.h"
#include "sched.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { GS_FUTEX_ARGS = 6 };

static long gs_futex_raw(const long *a, long nr)
{
	return gs_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static long gs_futex_region(struct gs_thread *self, const long *a, long nr)
{
	long ret;

	if (self)
		gs_region_enter(self);
	ret = gs_futex_raw(a, nr);
	if (self)
		gs_region_leave(self);
	return ret;
}

/* Can the kernel change *to? It ors it with 0. */
static bool gs_futex_writable(uint32_t *to)
{
	long or_0 = (long)FUTEX_OP_OR << 28;

	return gs_sys6(SYS_futex, to, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, NULL, to, or_0) !=
	       -EFAULT;
}

/* The absolute deadline of a wait. */
static int gs_futex_deadline(struct gs_deadline *d, int op, const struct timespec *ts)
{
	int err = gs_park_deadline(d, op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC,
				   ts);

	if (err || ts->tv_sec < 0)
		return -EINVAL;
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT) {
		uint64_t now = gs_now();

		d->clock = CLOCK_MONOTONIC;
		d->at = d->at > GS_NEVER - now ? GS_NEVER : d->at + now;
	}
	return 0;
}

static long gs_futex_wait_private(struct gs_thread *self, const long *a, int op)
{
	const struct timespec *ts = (const struct timespec *)a[3];
	uint32_t bits = (op & FUTEX_CMD_MASK) == FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY :
							       (uint32_t)a[5];
	struct gs_deadline d;
	int err;

	if (ts && !gs_access_readable(self, ts, sizeof(*ts)))
		return -EFAULT;
	if (bits == 0 || (ts && gs_futex_deadline(&d, op, ts) != 0))
		return -EINVAL;
	if (!gs_access_readable(self, (uint32_t *)a[0], sizeof(uint32_t)))
		return -EFAULT;
	/* With a deadline, Linux restarts for no handler. */
	do
		err = gs_futex_wait(self, (uint32_t *)a[0], (uint32_t)a[2], bits, ts ? &d : NULL);
	while (err == -EINTR && self && (ts ? !gs_signal_ran(self) : gs_signal_restarts(self)));
	return err;
}

static long gs_futex_private(struct gs_thread *self, const long *a, int op)
{
	uint32_t *addr = (uint32_t *)a[0], *to = (uint32_t *)a[4];
	int n = (int)a[2], m = (int)a[3];
	uint32_t val = (uint32_t)a[5];
	long ret;

	/* What can be told without touching it; the kernel finds the right words. */
	if ((uintptr_t)addr % 4 || (uintptr_t)addr < GS_PAGE || (intptr_t)addr < 0)
		return gs_futex_raw(a, SYS_futex);
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return gs_futex_wait_private(self, a, op);
	case FUTEX_WAKE:
		/* The kernel wakes one when asked for none. */
		return gs_futex_wake(self, addr, GS_MAX(n, 1), FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val ? gs_futex_wake(self, addr, GS_MAX(n, 1), val) : -EINVAL;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		if (n < 0 || m < 0)
			return -EINVAL;
		if ((uintptr_t)to % 4 || (uintptr_t)to < GS_PAGE)
			return gs_futex_raw(a, SYS_futex);
		ret = gs_futex_requeue(self, addr, to, n, m,
				       (op & FUTEX_CMD_MASK) == FUTEX_REQUEUE ? NULL : &val);
		return ret ? ret : gs_futex_raw(a, SYS_futex);
	case FUTEX_WAKE_OP:
		if ((uintptr_t)to % 4 ||
		    (!gs_access_on_stack(self, to, sizeof(*to)) && !gs_futex_writable(to)))
			return gs_futex_raw(a, SYS_futex);
		return gs_futex_wake_op(self, addr, to, GS_MAX(n, 1), GS_MAX(m, 1), val);
	default:
		return gs_futex_region(self, a, SYS_futex);
	}
}

static long gs_futex_shared(struct gs_thread *self, const long *a, int op)
{
	int n = GS_MAX((int)a[2], 1);
	uint32_t bits = FUTEX_BITSET_MATCH_ANY;
	long ret;

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAKE_BITSET:
		bits = (uint32_t)a[5];
		/* fall through */
	case FUTEX_WAKE:
		ret = gs_futex_raw(a, SYS_futex);
		if (ret >= 0 && ret < n)
			ret += gs_futex_wake(self, (uint32_t *)a[0], n - (int)ret, bits);
		return ret;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_WAKE_OP:
		return gs_futex_raw(a, SYS_futex);
	default:
		return gs_futex_region(self, a, SYS_futex);
	}
}

/* System calls that have a hook of the same meaning: those that block, those that begin
   or end the life of a descriptor's number or change what is remembered of it, and those
   that are about signals and processes. */
static bool gs_futex_hooked(const long *a, long nr, long *ret)
{
	switch (nr) {
	case SYS_read:
		*ret = read((int)a[0], (void *)a[1], (size_t)a[2]);
		return true;
	case SYS_write:
		*ret = write((int)a[0], (const void *)a[1], (size_t)a[2]);
		return true;
	case SYS_close:
		*ret = close((int)a[0]);
		return true;
	case SYS_dup2:
		*ret = dup2((int)a[0], (int)a[1]);
		return true;
	case SYS_dup3:
		*ret = dup3((int)a[0], (int)a[1], (int)a[2]);
		return true;
	case SYS_close_range:
		*ret = close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
		return true;
	case SYS_poll:
		*ret = poll((struct pollfd *)a[0], (nfds_t)a[1], (int)a[2]);
		return true;
	case SYS_epoll_wait:
		*ret = epoll_wait((int)a[0], (struct epoll_event *)a[1], (int)a[2], (int)a[3]);
		return true;
	case SYS_nanosleep:
		*ret = nanosleep((const struct timespec *)a[0], (struct timespec *)a[1]);
		return true;
	case SYS_accept4:
		*ret = accept4((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2], (int)a[3]);
		return true;
	case SYS_connect:
		*ret = connect((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2]);
		return true;
	case SYS_recvfrom:
		*ret = recvfrom((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3],
				(struct sockaddr *)a[4], (socklen_t *)a[5]);
		return true;
	case SYS_sendto:
		*ret = sendto((int)a[0], (const void *)a[1], (size_t)a[2], (int)a[3],
			      (const struct sockaddr *)a[4], (socklen_t)a[5]);
		return true;
	case SYS_recvmsg:
		*ret = recvmsg((int)a[0], (struct msghdr *)a[1], (int)a[2]);
		return true;
	case SYS_sendmsg:
		*ret = sendmsg((int)a[0], (const struct msghdr *)a[1], (int)a[2]);
		return true;
	case SYS_sendmmsg:
		*ret = sendmmsg((int)a[0], (struct mmsghdr *)a[1], (unsigned)a[2], (int)a[3]);
		return true;
	case SYS_setsockopt:
		*ret = setsockopt((int)a[0], (int)a[1], (int)a[2], (const void *)a[3],
				  (socklen_t)a[4]);
		return true;
	case SYS_dup:
		*ret = dup((int)a[0]);
		return true;
	case SYS_fcntl:
		if (a[1] != F_SETFL && a[1] != F_DUPFD && a[1] != F_DUPFD_CLOEXEC)
			return false;
		*ret = fcntl((int)a[0], (int)a[1], a[2]);
		return true;
	case SYS_ioctl:
		if (a[1] != FIONBIO)
			return false;
		*ret = ioctl((int)a[0], (unsigned long)a[1], a[2]);
		return true;
	default:
		return gs_gate() && gs_rawcall(nr, a, ret);
	}
}

GS_EXPORT long syscall(long nr, ...)
{
	struct gs_thread *self = gs_gate();
	long a[GS_FUTEX_ARGS], ret;
	va_list ap;
	int op;

	va_start(ap, nr);
	for (int i = 0; i < GS_FUTEX_ARGS; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!gs_sched_on)
		return gs_gate_result(nr == SYS_prctl || nr == SYS_seccomp ?
					      gs_identity_early(nr, a) : gs_futex_raw(a, nr));
	switch (nr) {
	case SYS_futex:
		op = (int)a[1];
		return gs_gate_result(op & FUTEX_PRIVATE_FLAG ? gs_futex_private(self, a, op) :
								gs_futex_shared(self, a, op));
#ifdef SYS_futex_waitv
	case SYS_futex_waitv:
		return gs_gate_result(gs_futex_region(self, a, nr));
#endif
	case SYS_gettid:
		return self ? self->tid : gs_futex_raw(a, nr);
	case SYS_set_tid_address:
		/* The word the kernel clears is that of the worker's own end; no kernel
		   thread ends with a green one. */
		if (!self)
			break;
		return self->tid;
	case SYS_sched_yield:
		if (!self)
			break;
		gs_enter(self);
		gs_sleep_yield(self);
		gs_leave(self);
		return 0;
	default:
		if (gs_sched_wires(nr))
			return gs_gate_result(gs_sched_syscall(nr, a));
		break;
	}
	return gs_futex_hooked(a, nr, &ret) ? ret : gs_gate_result(gs_futex_raw(a, nr));
}
