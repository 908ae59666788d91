/* SPDX-License-Identifier: MIT */
/*
 * sys.h - raw system calls. Each returns the kernel's result, -errno on
 * failure, and never touches errno, so that code which runs while a thread is
 * being switched may use it.
 *
 * Called from: any context, signal handlers included.
 */
#ifndef GS_SYS_H
#define GS_SYS_H

#include "arch.h"

#include <errno.h>

#define gs_sys0(nr) gs_arch_syscall((nr), 0, 0, 0, 0, 0, 0)
#define gs_sys1(nr, a) gs_arch_syscall((nr), (long)(a), 0, 0, 0, 0, 0)
#define gs_sys2(nr, a, b) gs_arch_syscall((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define gs_sys3(nr, a, b, c) \
	gs_arch_syscall((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define gs_sys4(nr, a, b, c, d) \
	gs_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define gs_sys5(nr, a, b, c, d, e) \
	gs_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define gs_sys6(nr, a, b, c, d, e, f) \
	gs_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* filter.c: the program has put a filter on that bars calls of the library's own. */
extern _Atomic bool gs_filter_on;
bool gs_filter_bars(long nr, const long *args);

/* For a call the library can do without: -ENOSYS, too, when it would be ended or trapped. */
static inline long gs_sys_try(long nr, long a, long b, long c, long d, long e, long f)
{
	/* acquire: pairs with the release in gs_filter_add */
	if (GS_UNLIKELY(atomic_load_explicit(&gs_filter_on, memory_order_acquire)) &&
	    gs_filter_bars(nr, (const long[]){ a, b, c, d, e, f }))
		return -ENOSYS;
	return gs_arch_syscall(nr, a, b, c, d, e, f);
}

#define gs_sys_try2(nr, a, b) gs_sys_try((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define gs_sys_try3(nr, a, b, c) gs_sys_try((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define gs_sys_try4(nr, a, b, c, d) \
	gs_sys_try((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define gs_sys_try5(nr, a, b, c, d, e) \
	gs_sys_try((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define gs_sys_try6(nr, a, b, c, d, e, f) \
	gs_sys_try((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Futex words are int-sized; private to the process. */
#define GS_FUTEX_WAIT 128 /* FUTEX_WAIT | FUTEX_PRIVATE_FLAG */
#define GS_FUTEX_WAKE 129

#define GS_MEMBARRIER_EXPEDITED 8 /* MEMBARRIER_CMD_PRIVATE_EXPEDITED */

struct timespec;

static inline long gs_sys_futex_wait(void *word, uint32_t expect, const struct timespec *rel)
{
	return gs_sys4(__NR_futex, word, GS_FUTEX_WAIT, expect, rel);
}

static inline long gs_sys_futex_wake(void *word, int n)
{
	return gs_sys3(__NR_futex, word, GS_FUTEX_WAKE, n);
}

/* A full barrier on every kernel thread of the process that runs; false: denied. */
static inline bool gs_sys_membarrier(void)
{
	return gs_sys_try3(__NR_membarrier, GS_MEMBARRIER_EXPEDITED, 0, 0) == 0;
}

static inline int gs_sys_gettid(void)
{
	return (int)gs_sys0(__NR_gettid);
}

static inline int gs_sys_getpid(void)
{
	return (int)gs_sys0(__NR_getpid);
}

#endif
