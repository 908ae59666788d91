/* SPDX-License-Identifier: MIT */
/*
 * reap.c - a child's end as an event: the kernel's descriptor for a process is ready for
 * reading when the process has ended.
 *
 * The descriptor lives as long as the wait and has a high number. The program may close
 * it under us (a daemon that closes all it does not know): then the number is not ours to
 * close any more, and the call is made in a blocking region.
 *
 * Locks: none. Called from: hooks/process.c.
 */
#include "reap.h"

#include "cancel.h"
#include "fd.h"
#include "netpoll.h"
#include "sched.h"
#include "signal.h"
#include "sys.h"

#include <errno.h>
#include <sys/wait.h>

/* Is there nothing to wait for? */
static bool gs_reap_over(int pid)
{
	siginfo_t info;
	long err;

	info.si_pid = 0;
	do
		err = gs_sys5(__NR_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
	while (err == -EINTR);
	return err < 0 || info.si_pid != 0;
}

static int gs_reap_wait(struct gs_thread *self, struct gs_fd *f, int fd)
{
	/* relaxed: the number is ours */
	uint32_t gen = atomic_load_explicit(&f->gen, memory_order_relaxed);
	/* acquire: pairs with the release in gs_fd_count */
	uint64_t seen = atomic_load_explicit(&f->in, memory_order_acquire);

	return gs_fd_wait(self, f, fd, gen, GS_FD_IN, seen, GS_REASON_CHILD, GS_NEVER);
}

int gs_reap_await(struct gs_thread *self, int pid)
{
	int fd, err = 0;

	gs_cancel_point(self);
	while (err == 0 && !gs_reap_over(pid)) {
		struct gs_fd *f;

		fd = (int)gs_sys_try2(__NR_pidfd_open, pid, 0);
		if (fd < 0)
			return 0; /* before Linux 5.3, or no number is free */
		fd = gs_netpoll_raise(fd);
		gs_fd_opened(fd, GS_FD_ANON, 0);
		f = gs_fd_get(fd);
		err = f ? gs_reap_wait(self, f, fd) : -ENOMEM;
		if (err != -EBADF) {
			gs_fd_closing(fd);
			gs_sys1(__NR_close, fd);
		}
		if (err == -EINTR) {
			gs_cancel_point(self);
			err = gs_signal_restarts(self) ? 0 : -EINTR;
		}
	}
	return err == -EINTR ? err : 0;
}
