/* SPDX-License-Identifier: MIT */
/*
 * clone.c - processes made by clone(2), or by a raw fork.
 *
 * With a memory of its own, a child is what fork makes, and gets a runtime of its own
 * (runtime/child.h). One that shares its parent's memory, and lets it wait, is
 * vfork's; one that only shares the descriptors is the same to us: the poller's must not
 * be closed. In these every hook is the plain system call. What is left, kernel threads
 * of the program's own making, is the program's business, as is everything that brings
 * a thread control block along.
 *
 * Called from: the program; gs_rawcall.
 */
#include "gate.h"
#include "rawcall.h"
#include "real.h"
#include "runtime/child.h"
#include "runtime/region.h"
#include "runtime/signal.h"

#include <linux/sched.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

struct gs_clone_start {
	int (*fn)(void *);
	void *arg;
};

/* In a process of its own. libc would end the kernel thread, but there may be workers. */
static int gs_clone_entry(void *arg)
{
	struct gs_clone_start start = *(struct gs_clone_start *)arg;

	gs_child_fresh();
	_exit(start.fn(start.arg));
}

static bool gs_clone_forks(uint64_t flags)
{
	return !(flags & (CLONE_VM | CLONE_FILES | CLONE_SETTLS | CLONE_THREAD));
}

static bool gs_clone_shares(uint64_t flags)
{
	return !(flags & (CLONE_SETTLS | CLONE_THREAD)) &&
	       (!(flags & CLONE_VM) || (flags & CLONE_VFORK));
}

GS_EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	struct gs_clone_start start = { fn, arg };
	struct gs_thread *self = gs_gate();
	void *parent_tid, *tls, *child_tid;
	va_list ap;
	int ret, err;

	va_start(ap, arg);
	parent_tid = va_arg(ap, void *);
	tls = va_arg(ap, void *);
	child_tid = va_arg(ap, void *);
	va_end(ap);
	if (self && fn && stack && gs_clone_forks((unsigned int)flags)) {
		gs_child_prepare();
		ret = gs_real.clone(gs_clone_entry, stack, flags, &start, parent_tid, tls,
				    child_tid);
		gs_child_parent();
		return ret;
	}
	if (!self || !gs_clone_shares((unsigned int)flags))
		return gs_real.clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
	gs_region_enter(self);
	gs_signal_native(self, true);
	self->inrt++;
	ret = gs_real.clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
	err = errno;
	self->inrt--;
	gs_signal_native(self, false);
	gs_region_leave(self);
	errno = err;
	return ret;
}

bool gs_clone_syscall(long nr, const long *a, long *ret)
{
	const struct clone_args *args = (const struct clone_args *)a[0];
	bool forks = nr == SYS_fork;

	if (nr == SYS_clone)
		forks = a[1] == 0 && gs_clone_forks((uint64_t)a[0]);
	else if (nr == SYS_clone3 && args && (size_t)a[1] >= CLONE_ARGS_SIZE_VER0)
		forks = args->stack == 0 && gs_clone_forks(args->flags);
	if (!forks)
		return false;
	gs_child_prepare();
	*ret = gs_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (*ret == 0)
		gs_child_fresh();
	else
		gs_child_parent();
	*ret = gs_gate_result(*ret);
	return true;
}
