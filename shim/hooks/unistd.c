/* SPDX-License-Identifier: MIT */
/*
 * unistd.c - read and write, and how descriptors come and go: pipe, dup, close.
 *
 * Whatever gives a number back tells fd.c first, so that nothing waits on a record
 * whose open file is gone. fclose and its like close inside libc; they are here for the
 * sake of that number, and otherwise libc's own.
 *
 * The runtime's own descriptors do not exist for the program: closing one is EBADF, a
 * dup2 onto one makes it move, closing a range leaves it out.
 *
 * Called from: the program, and libc's own functions through the second door.
 */
#include "gate.h"
#include "real.h"
#include "runtime/io.h"
#include "runtime/netpoll.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio_ext.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utmp.h>

void __chk_fail(void) GS_NORETURN; /* libc's "buffer overflow detected" */

/* ---- read and write ---- */

GS_EXPORT ssize_t read(int fd, void *buf, size_t n)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(GS_LIKELY(self != NULL) ? gs_io_read(self, fd, buf, n)
						      : gs_gate_sys3(__NR_read, fd, buf, n));
}

GS_EXPORT ssize_t __read(int fd, void *buf, size_t n) __attribute__((alias("read")));

GS_EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t room)
{
	if (n > room)
		__chk_fail();
	return read(fd, buf, n);
}

GS_EXPORT ssize_t write(int fd, const void *buf, size_t n)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(GS_LIKELY(self != NULL) ? gs_io_write(self, fd, buf, n)
						      : gs_gate_sys3(__NR_write, fd, buf, n));
}

GS_EXPORT ssize_t __write(int fd, const void *buf, size_t n) __attribute__((alias("write")));

GS_EXPORT ssize_t pread64(int fd, void *buf, size_t n, off64_t at)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return gs_gate_result(gs_gate_sys4(__NR_pread64, fd, buf, n, at));
	return gs_gate_result(
		gs_io_block(self, __NR_pread64, fd, (long)buf, (long)n, at, 0, 0));
}

GS_EXPORT ssize_t __pread64(int fd, void *buf, size_t n, off64_t at)
	__attribute__((alias("pread64")));
GS_EXPORT ssize_t pread(int fd, void *buf, size_t n, off_t at) __attribute__((alias("pread64")));

GS_EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t at, size_t room)
{
	if (n > room)
		__chk_fail();
	return pread64(fd, buf, n, at);
}

GS_EXPORT ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room)
	__attribute__((alias("__pread64_chk")));

GS_EXPORT ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return gs_gate_result(gs_gate_sys4(__NR_pwrite64, fd, buf, n, at));
	return gs_gate_result(
		gs_io_block(self, __NR_pwrite64, fd, (long)buf, (long)n, at, 0, 0));
}

GS_EXPORT ssize_t __pwrite64(int fd, const void *buf, size_t n, off64_t at)
	__attribute__((alias("pwrite64")));
GS_EXPORT ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
	__attribute__((alias("pwrite64")));

/* ---- pipe and dup ---- */

GS_EXPORT int pipe2(int fds[2], int flags)
{
	enum gs_fd_kind kind = flags & O_DIRECT ? GS_FD_ANON : GS_FD_PIPE;
	long ret;

	if (flags & O_DIRECT)
		gs_fd_packets_begin();
	ret = gs_sys2(__NR_pipe2, fds, flags);
	if (ret == 0) {
		gs_fd_opened(fds[0], kind, flags);
		gs_fd_opened(fds[1], kind, flags);
	}
	return (int)gs_gate_result(ret);
}

GS_EXPORT int pipe(int fds[2])
{
	return pipe2(fds, 0);
}

GS_EXPORT int __pipe(int fds[2]) __THROW __attribute__((alias("pipe")));

GS_EXPORT int dup(int fd)
{
	long ret = gs_sys1(__NR_dup, fd);

	if (ret >= 0)
		gs_fd_dupped(fd, (int)ret);
	return (int)gs_gate_result(ret);
}

/* to is about to become another number for fd, unless that fails. */
static bool gs_unistd_dup_begin(int fd, int to)
{
	if (!gs_sched_on || gs_sys3(__NR_fcntl, fd, F_GETFD, 0) < 0 || gs_netpoll_owns(fd))
		return false;
	/* A vfork child has descriptors of its own, and our memory. */
	if (gs_netpoll_owns(to) && gs_fd_at_home())
		gs_netpoll_evade(to);
	gs_fd_closing(to);
	return true;
}

GS_EXPORT int dup2(int fd, int to)
{
	bool noted = fd != to && gs_unistd_dup_begin(fd, to);
	long ret = gs_sys2(__NR_dup2, fd, to);

	if (noted && ret >= 0)
		gs_fd_dupped(fd, to);
	return (int)gs_gate_result(ret);
}

GS_EXPORT int __dup2(int fd, int to) __THROW __attribute__((alias("dup2")));

GS_EXPORT int dup3(int fd, int to, int flags)
{
	bool noted = fd != to && (flags & ~O_CLOEXEC) == 0 && gs_unistd_dup_begin(fd, to);
	long ret = gs_sys3(__NR_dup3, fd, to, flags);

	if (noted && ret >= 0)
		gs_fd_dupped(fd, to);
	return (int)gs_gate_result(ret);
}

/* ---- close ---- */

/* Can the close of f wait, for a disk, a terminal's output, or a lingering socket? */
static bool gs_unistd_close_waits(const struct gs_fd *f)
{
	/* relaxed: the caller owns the number */
	unsigned kind = f ? atomic_load_explicit(&f->kind, memory_order_relaxed) : GS_FD_UNKNOWN;

	return kind < GS_FD_ANON || (gs_fd_flags(f) & GS_FD_LINGERS);
}

GS_EXPORT int close(int fd)
{
	struct gs_thread *self = gs_gate();
	bool waits;

	if (GS_UNLIKELY(gs_sched_on && gs_netpoll_owns(fd)))
		return (int)gs_gate_result(-EBADF);
	if (!self) {
		gs_fd_closing(fd);
		return (int)gs_gate_result(gs_gate_sys1(__NR_close, fd));
	}
	gs_io_attend(self);
	waits = gs_unistd_close_waits(gs_fd_find(fd));
	gs_fd_closing(fd);
	/* Interrupted or not, the number is free: never close twice. */
	return (int)gs_gate_result(waits ? gs_io_block_once(self, __NR_close, fd, 0, 0, 0, 0, 0)
					 : gs_gate_sys1(__NR_close, fd));
}

GS_EXPORT int __close(int fd) __attribute__((alias("close")));

int gs_libc_close(int fd)
{
	/* A child that libc spawns runs this in our memory. */
	if (gs_fd_at_home())
		gs_fd_closing(fd);
	return (int)gs_gate_result(gs_sys1(__NR_close, fd));
}

static long gs_unistd_close_range(unsigned first, unsigned last, unsigned flags)
{
	unsigned long from = first;
	long own = 0, ret = 0;

	gs_fd_closing_range(first, last);
	while (ret == 0 && own >= 0 && from <= last) {
		own = gs_netpoll_own((unsigned)from, last);
		if (own != (long)from)
			ret = gs_sys3(__NR_close_range, from, own < 0 ? last : own - 1, flags);
		from = (unsigned long)own + 1;
	}
	return ret;
}

GS_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	struct gs_thread *self = gs_self;

	if (!gs_sched_on || (self && self->inrt) || first > last ||
	    (flags & ~CLOSE_RANGE_UNSHARE))
		return (int)gs_gate_result(gs_sys3(__NR_close_range, first, last, flags));
	/* A table of its own for one thread out of many cannot be had: every thread runs on
	   every worker. As on a kernel that does not know the flag. */
	if (flags && atomic_load_explicit(&gs_thread_count, memory_order_relaxed) > 1)
		return (int)gs_gate_result(-EINVAL);
	return (int)gs_gate_result(gs_unistd_close_range(first, last, 0));
}

GS_EXPORT void closefrom(int first)
{
	struct rlimit limit = { 0, 0 };
	unsigned low = first < 0 ? 0 : (unsigned)first;
	int saved = errno;

	if (close_range(low, ~0U, 0) != 0) {
		/* before Linux 5.9 */
		gs_sys2(__NR_getrlimit, RLIMIT_NOFILE, &limit);
		for (unsigned fd = low; fd < GS_MIN(limit.rlim_max, 1UL << 20); fd++)
			close((int)fd);
	}
	errno = saved;
}

/* ---- what closes inside libc ---- */

/* What is still to be written goes out first: on its way it would make a record anew. */
static void gs_unistd_file_closing(FILE *file)
{
	int saved = errno, fd;

	if (!gs_sched_on || !file)
		return;
	fd = fileno(file);
	if (fd >= 0) {
		if (__fpending(file) > 0)
			fflush(file);
		gs_fd_closing(fd);
	}
	errno = saved;
}

GS_EXPORT int fclose(FILE *file)
{
	gs_unistd_file_closing(file);
	return gs_real.fclose(file);
}

GS_EXPORT int pclose(FILE *file)
{
	gs_unistd_file_closing(file);
	return gs_real.pclose(file);
}

GS_EXPORT FILE *freopen(const char *path, const char *mode, FILE *file)
{
	gs_unistd_file_closing(file);
	return gs_real.freopen(path, mode, file);
}

GS_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *file)
{
	gs_unistd_file_closing(file);
	return gs_real.freopen64(path, mode, file);
}

/* dir may be NULL whatever its declaration says: libc's own answer is EINVAL. */
static void gs_unistd_dir_closing(void *dir)
{
	if (gs_sched_on && dir)
		gs_fd_closing(dirfd(dir));
}

GS_EXPORT int closedir(DIR *dir)
{
	gs_unistd_dir_closing(dir);
	return gs_real.closedir(dir);
}

GS_EXPORT int login_tty(int fd)
{
	for (int std = 0; gs_sched_on && std <= 2; std++)
		if (std != fd)
			gs_fd_closing(std);
	if (fd > 2)
		gs_fd_closing(fd);
	return gs_real.login_tty(fd);
}
