/* SPDX-License-Identifier: MIT */
/*
 * fcntl.c - open and other makers of descriptors, fcntl and ioctl.
 *
 * An open may wait (for a FIFO's other end, a lease, a network file system) and so may a
 * lock and most of what a driver is asked: those calls are made in a blocking region.
 *
 * Called from: the program, and libc's own functions through the second door.
 */
#include "gate.h"
#include "owner.h"
#include "real.h"
#include "runtime/io.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

/* ---- open ---- */

static bool gs_fcntl_needs_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int gs_fcntl_open(int dir, const char *path, int flags, mode_t mode)
{
	struct gs_thread *self = gs_gate();
	long ret = self ? gs_io_block(self, __NR_openat, dir, (long)path, flags, mode, 0, 0)
			: gs_gate_sys4(__NR_openat, dir, path, flags, mode);

	if (ret >= 0)
		gs_fd_opened((int)ret, GS_FD_UNKNOWN, flags);
	return (int)gs_gate_result(ret);
}

/* The mode argument, which is there only when it is needed. */
#define GS_FCNTL_MODE(mode, flags)            \
	do {                                  \
		if (gs_fcntl_needs_mode(flags)) { \
			va_list ap;               \
			va_start(ap, flags);      \
			mode = va_arg(ap, mode_t);\
			va_end(ap);               \
		}                                 \
	} while (0)

GS_EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	GS_FCNTL_MODE(mode, flags);
	return gs_fcntl_open(AT_FDCWD, path, flags, mode);
}

GS_EXPORT int open(const char *path, int flags, ...) __attribute__((alias("open64")));
GS_EXPORT int __open(const char *path, int flags, ...)
	__attribute__((alias("open64"), nonnull(1)));
GS_EXPORT int __open64(const char *path, int flags, ...)
	__attribute__((alias("open64"), nonnull(1)));

GS_EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	GS_FCNTL_MODE(mode, flags);
	return gs_fcntl_open(dir, path, flags, mode);
}

GS_EXPORT int openat(int dir, const char *path, int flags, ...)
	__attribute__((alias("openat64")));

GS_EXPORT int creat64(const char *path, mode_t mode)
{
	return gs_fcntl_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

GS_EXPORT int creat(const char *path, mode_t mode) __attribute__((alias("creat64")));

/* The fortified ones are called without a mode; if one is needed, libc says so and aborts. */
GS_EXPORT int __open64_2(const char *path, int flags)
{
	if (gs_fcntl_needs_mode(flags))
		return gs_real.__open64_2(path, flags);
	return gs_fcntl_open(AT_FDCWD, path, flags, 0);
}

GS_EXPORT int __open_2(const char *path, int flags) __attribute__((alias("__open64_2")));

GS_EXPORT int __openat64_2(int dir, const char *path, int flags)
{
	if (gs_fcntl_needs_mode(flags))
		return gs_real.__openat64_2(dir, path, flags);
	return gs_fcntl_open(dir, path, flags, 0);
}

GS_EXPORT int __openat_2(int dir, const char *path, int flags)
	__attribute__((alias("__openat64_2")));

/* ---- other makers; their flags for O_NONBLOCK are O_NONBLOCK ---- */

static int gs_fcntl_made(long ret, int mode)
{
	if (ret >= 0)
		gs_fd_opened((int)ret, GS_FD_ANON, mode);
	return (int)gs_gate_result(ret);
}

GS_EXPORT int eventfd(unsigned count, int flags)
{
	return gs_fcntl_made(gs_sys2(__NR_eventfd2, count, flags), flags);
}

GS_EXPORT int eventfd_read(int fd, eventfd_t *value)
{
	return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value) ? 0 : -1;
}

GS_EXPORT int eventfd_write(int fd, eventfd_t value)
{
	return write(fd, &value, sizeof(value)) == (ssize_t)sizeof(value) ? 0 : -1;
}

GS_EXPORT int timerfd_create(int clock, int flags)
{
	return gs_fcntl_made(gs_sys2(__NR_timerfd_create, clock, flags), flags);
}

GS_EXPORT int inotify_init1(int flags)
{
	return gs_fcntl_made(gs_sys1(__NR_inotify_init1, flags), flags);
}

GS_EXPORT int inotify_init(void)
{
	return inotify_init1(0);
}

GS_EXPORT int epoll_create1(int flags)
{
	return gs_fcntl_made(gs_sys1(__NR_epoll_create1, flags), 0);
}

GS_EXPORT int epoll_create(int size)
{
	return gs_fcntl_made(gs_sys1(__NR_epoll_create, size), 0);
}

/* ---- fcntl ---- */

static long gs_fcntl_call(int fd, int cmd, void *arg)
{
	struct gs_thread *self = gs_gate();
	struct f_owner_ex owner;
	long ret;

	switch (cmd) {
	case F_SETLKW:
	case F_OFD_SETLKW:
		if (self)
			return gs_io_block(self, __NR_fcntl, fd, cmd, (long)arg, 0, 0, 0);
		break;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		ret = gs_sys3(__NR_fcntl, fd, cmd, arg);
		if (ret >= 0)
			gs_fd_dupped(fd, (int)ret);
		return ret;
	case F_SETFL:
		ret = gs_sys3(__NR_fcntl, fd, cmd, arg);
		if (ret == 0)
			gs_fd_mode_set(fd, (int)(long)arg);
		return ret;
	case F_GETOWN:
		/* As libc does it: a process group's small number is no errno. */
		ret = gs_owner_get(fd, &owner);
		if (ret == 0)
			ret = owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid;
		else
			ret = gs_gate_result(ret);
		return ret;
	case F_SETOWN_EX:
		return gs_owner_set(fd, arg);
	case F_GETOWN_EX:
		return arg ? gs_owner_get(fd, arg) : -EFAULT;
	case F_SETSIG:
		return gs_owner_signal(fd, (int)(long)arg);
	}
	return gs_sys3(__NR_fcntl, fd, cmd, arg);
}

GS_EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	long ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	ret = gs_fcntl_call(fd, cmd, arg);
	return (int)(cmd == F_GETOWN ? ret : gs_gate_result(ret));
}

GS_EXPORT int fcntl(int fd, int cmd, ...) __attribute__((alias("fcntl64")));
GS_EXPORT int __fcntl(int fd, int cmd, ...) __attribute__((alias("fcntl64")));

/* ---- ioctl ---- */

/* Questions that are answered from memory, whatever the descriptor. */
static bool gs_fcntl_quick(unsigned long request)
{
	switch (request) {
	case FIONREAD:
	case FIOCLEX:
	case FIONCLEX:
	case FIOASYNC:
	case TIOCOUTQ:
	case TIOCGWINSZ:
	case TIOCGPGRP:
	case TIOCGSID:
	case TCGETS:
	case SIOCATMARK:
		return true;
	default:
		return false;
	}
}

GS_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	struct gs_thread *self = gs_gate();
	va_list ap;
	void *arg;
	long ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == FIONBIO) {
		ret = gs_sys3(__NR_ioctl, fd, request, arg);
		if (ret == 0)
			gs_fd_nonblock_set(fd, *(int *)arg != 0);
	} else if (!self || gs_fcntl_quick(request)) {
		ret = gs_sys3(__NR_ioctl, fd, request, arg);
	} else {
		/* Not made twice: a driver may have done half of it. */
		ret = gs_io_block_once(self, __NR_ioctl, fd, (long)request, (long)arg, 0, 0, 0);
	}
	return (int)gs_gate_result(ret);
}
