/* SPDX-License-Identifier: MIT */
/*
 * uio.c - vectored input and output, and copies from descriptor to descriptor.
 *
 * Called from: the program, and libc's own functions through the second door.
 */
#include "gate.h"
#include "runtime/io.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

GS_EXPORT ssize_t readv(int fd, const struct iovec *iov, int cnt)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_readv(self, fd, iov, cnt)
				   : gs_gate_sys3(__NR_readv, fd, iov, cnt));
}

GS_EXPORT ssize_t writev(int fd, const struct iovec *iov, int cnt)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_writev(self, fd, iov, cnt)
				   : gs_gate_sys3(__NR_writev, fd, iov, cnt));
}

/* An offset is for what can seek, and that cannot be polled. */
static long gs_uio_at(long nr, int fd, const struct iovec *iov, int cnt, off64_t at, int flags)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return gs_gate_result(gs_gate_sys6(nr, fd, iov, cnt, at, 0, flags));
	return gs_gate_result(gs_io_block(self, nr, fd, (long)iov, cnt, at, 0, flags));
}

GS_EXPORT ssize_t preadv64(int fd, const struct iovec *iov, int cnt, off64_t at)
{
	return gs_uio_at(__NR_preadv, fd, iov, cnt, at, 0);
}

GS_EXPORT ssize_t preadv(int fd, const struct iovec *iov, int cnt, off_t at)
	__attribute__((alias("preadv64")));

GS_EXPORT ssize_t pwritev64(int fd, const struct iovec *iov, int cnt, off64_t at)
{
	return gs_uio_at(__NR_pwritev, fd, iov, cnt, at, 0);
}

GS_EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int cnt, off_t at)
	__attribute__((alias("pwritev64")));

/* At -1 these are readv and writev with flags. */
GS_EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int cnt, off64_t at, int flags)
{
	if (at == -1 && flags == 0)
		return readv(fd, iov, cnt);
	return gs_uio_at(__NR_preadv2, fd, iov, cnt, at, flags);
}

GS_EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int cnt, off_t at, int flags)
	__attribute__((alias("preadv64v2")));

GS_EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int cnt, off64_t at, int flags)
{
	if (at == -1 && flags == 0)
		return writev(fd, iov, cnt);
	return gs_uio_at(__NR_pwritev2, fd, iov, cnt, at, flags);
}

GS_EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int cnt, off_t at, int flags)
	__attribute__((alias("pwritev64v2")));

GS_EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t n)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_sendfile(self, out, in, offset, n)
				   : gs_sys4(__NR_sendfile, out, in, offset, n));
}

GS_EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t n)
	__attribute__((alias("sendfile64")));

GS_EXPORT ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
			 unsigned flags)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_splice(self, in, in_at, out, out_at, n, flags)
				   : gs_gate_sys6(__NR_splice, in, in_at, out, out_at, n, flags));
}

GS_EXPORT ssize_t tee(int in, int out, size_t n, unsigned flags)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_tee(self, in, out, n, flags)
				   : gs_gate_sys4(__NR_tee, in, out, n, flags));
}

GS_EXPORT ssize_t vmsplice(int fd, const struct iovec *iov, size_t cnt, unsigned flags)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_vmsplice(self, fd, iov, cnt, flags)
				   : gs_gate_sys4(__NR_vmsplice, fd, iov, cnt, flags));
}

/* Files only. */
GS_EXPORT ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
				  unsigned flags)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return gs_gate_result(
			gs_gate_sys6(__NR_copy_file_range, in, in_at, out, out_at, n, flags));
	return gs_gate_result(gs_io_block(self, __NR_copy_file_range, in, (long)in_at, out,
					  (long)out_at, (long)n, flags));
}
