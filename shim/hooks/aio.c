/* SPDX-License-Identifier: MIT */
/*
 * aio.c - waiting for what libc's own helper threads do: asynchronous input and output,
 * and name look-ups. libc waits on words of its own by system calls of its own, so these
 * are its functions in a blocking region.
 *
 * Called from: the program.
 */
#include "gate.h"
#include "real.h"
#include "runtime/cancel.h"
#include "runtime/region.h"

#include <aio.h>
#include <netdb.h>

#define GS_AIO_REGION(point, call)               \
	do {                                     \
		struct gs_thread *self_ = gs_gate(); \
		int ret_, err_ = errno;          \
						 \
		if (!self_)                      \
			return call;             \
		if (point)                       \
			gs_cancel_point(self_);  \
		gs_region_enter(self_);          \
		ret_ = call;                     \
		if (ret_ != 0)                   \
			err_ = errno;            \
		gs_region_leave(self_);          \
		errno = err_;                    \
		return ret_;                     \
	} while (0)

GS_EXPORT int aio_suspend(const struct aiocb *const list[], int n, const struct timespec *timeout)
{
	GS_AIO_REGION(true, gs_real.aio_suspend(list, n, timeout));
}

GS_EXPORT int aio_suspend64(const struct aiocb64 *const list[], int n,
			    const struct timespec *timeout)
{
	return aio_suspend((const struct aiocb *const *)list, n, timeout);
}

GS_EXPORT int lio_listio(int mode, struct aiocb *const list[restrict], int n,
			 struct sigevent *restrict event)
{
	if (mode != LIO_WAIT)
		return gs_real.lio_listio(mode, list, n, event);
	GS_AIO_REGION(false, gs_real.lio_listio(mode, list, n, event));
}

GS_EXPORT int lio_listio64(int mode, struct aiocb64 *const list[restrict], int n,
			   struct sigevent *restrict event)
{
	return lio_listio(mode, (struct aiocb *const *)list, n, event);
}

GS_EXPORT int gai_suspend(const struct gaicb *const list[], int n, const struct timespec *timeout)
{
	GS_AIO_REGION(true, gs_real.gai_suspend(list, n, timeout));
}

GS_EXPORT int getaddrinfo_a(int mode, struct gaicb *list[restrict], int n,
			    struct sigevent *restrict event)
{
	if (mode != GAI_WAIT)
		return gs_real.getaddrinfo_a(mode, list, n, event);
	GS_AIO_REGION(false, gs_real.getaddrinfo_a(mode, list, n, event));
}
