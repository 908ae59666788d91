/* SPDX-License-Identifier: MIT */
/*
 * file.c - what waits for a disk, a lock on a file, or a terminal's output, and cannot be
 * polled: each in a blocking region. Those that are cancellation points in libc are so
 * here.
 *
 * Left to the monitor: what looks at names and attributes only (stat, access, opendir),
 * which answers from memory unless the file system is a remote one.
 *
 * Called from: the program, and (getdents64) readdir and its like by the second door.
 */
#include "gate.h"
#include "real.h"
#include "runtime/io.h"
#include "runtime/region.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

/* A cancellation point, and one that is none. */
static long gs_file_call(long nr, long a, long b, long c, long d)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_block(self, nr, a, b, c, d, 0, 0)
				   : gs_gate_sys4(nr, a, b, c, d));
}

static long gs_file_plain(long nr, long a, long b, long c, long d, long e)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_block_plain(self, false, nr, a, b, c, d, e)
				   : gs_sys5(nr, a, b, c, d, e));
}

/* ---- to the disk ---- */

GS_EXPORT int fsync(int fd)
{
	return (int)gs_file_call(__NR_fsync, fd, 0, 0, 0);
}

GS_EXPORT int fdatasync(int fd)
{
	return (int)gs_file_call(__NR_fdatasync, fd, 0, 0, 0);
}

GS_EXPORT int sync_file_range(int fd, off64_t at, off64_t n, unsigned flags)
{
	return (int)gs_file_call(__NR_sync_file_range, fd, at, n, flags);
}

GS_EXPORT int msync(void *addr, size_t n, int flags)
{
	return (int)gs_file_call(__NR_msync, (long)addr, (long)n, flags, 0);
}

GS_EXPORT void sync(void)
{
	gs_file_plain(__NR_sync, 0, 0, 0, 0, 0);
}

GS_EXPORT int syncfs(int fd)
{
	return (int)gs_file_plain(__NR_syncfs, fd, 0, 0, 0, 0);
}

/* ---- locks ---- */

GS_EXPORT int flock(int fd, int operation)
{
	return (int)gs_file_plain(__NR_flock, fd, operation, 0, 0, 0);
}

static int gs_file_test_lock(int fd, struct flock *lock)
{
	lock->l_type = F_RDLCK;
	if (fcntl(fd, F_GETLK, lock) < 0)
		return -1;
	if (lock->l_type == F_UNLCK || lock->l_pid == getpid())
		return 0;
	errno = EACCES;
	return -1;
}

GS_EXPORT int lockf64(int fd, int command, off64_t n)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = n };

	switch (command) {
	case F_TEST:
		return gs_file_test_lock(fd, &lock);
	case F_ULOCK:
		lock.l_type = F_UNLCK;
		return fcntl(fd, F_SETLK, &lock);
	case F_LOCK:
		return fcntl(fd, F_SETLKW, &lock);
	case F_TLOCK:
		return fcntl(fd, F_SETLK, &lock);
	default:
		errno = EINVAL;
		return -1;
	}
}

GS_EXPORT int lockf(int fd, int command, off_t n) __attribute__((alias("lockf64")));

/* ---- size, names, directories ---- */

GS_EXPORT int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	return (int)gs_file_call(__NR_fallocate, fd, mode, at, n);
}

GS_EXPORT int fallocate(int fd, int mode, off_t at, off_t n)
	__attribute__((alias("fallocate64")));

/* libc's own does without the kernel's help where the file system has none; the calls it
   makes for that are hooks again, which find themselves in a region. */
GS_EXPORT int posix_fallocate64(int fd, off64_t at, off64_t n)
{
	struct gs_thread *self = gs_gate();
	int err, saved = errno;

	if (!self)
		return gs_real.posix_fallocate64(fd, at, n);
	gs_io_attend(self);
	gs_region_enter(self);
	err = gs_real.posix_fallocate64(fd, at, n);
	gs_region_leave(self);
	errno = saved;
	return err;
}

GS_EXPORT int posix_fallocate(int fd, off_t at, off_t n)
	__attribute__((alias("posix_fallocate64")));

GS_EXPORT int truncate64(const char *path, off64_t n)
{
	return (int)gs_file_plain(__NR_truncate, (long)path, n, 0, 0, 0);
}

GS_EXPORT int truncate(const char *path, off_t n) __attribute__((alias("truncate64")));

GS_EXPORT int ftruncate64(int fd, off64_t n)
{
	return (int)gs_file_plain(__NR_ftruncate, fd, n, 0, 0, 0);
}

GS_EXPORT int ftruncate(int fd, off_t n) __attribute__((alias("ftruncate64")));

GS_EXPORT int unlink(const char *path)
{
	return (int)gs_file_plain(__NR_unlink, (long)path, 0, 0, 0, 0);
}

GS_EXPORT int unlinkat(int dir, const char *path, int flags)
{
	return (int)gs_file_plain(__NR_unlinkat, dir, (long)path, flags, 0, 0);
}

GS_EXPORT int rename(const char *from, const char *to)
{
	return (int)gs_file_plain(__NR_rename, (long)from, (long)to, 0, 0, 0);
}

GS_EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)gs_file_plain(__NR_renameat, from_dir, (long)from, to_dir, (long)to, 0);
}

GS_EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to,
			unsigned flags)
{
	return (int)gs_file_plain(__NR_renameat2, from_dir, (long)from, to_dir, (long)to, flags);
}

GS_EXPORT ssize_t getdents64(int fd, void *buf, size_t n)
{
	/* The kernel's size is an int. */
	return gs_file_plain(__NR_getdents64, fd, (long)buf, (long)GS_MIN(n, (size_t)INT32_MAX), 0,
			     0);
}

/* ---- terminals ---- */

GS_EXPORT int tcdrain(int fd)
{
	return (int)gs_file_call(__NR_ioctl, fd, TCSBRK, 1, 0);
}
