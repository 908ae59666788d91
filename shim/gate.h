/* SPDX-License-Identifier: MIT */
/*
 * gate.h - the question every hook asks first: is this program code on a green
 * thread? If not (no thread was ever made, the library is off, a kernel thread
 * of libc's own, the runtime itself, a vfork child), the hook does what libc
 * would: one plain system call, or libc's own function.
 */
#ifndef GS_GATE_H
#define GS_GATE_H

#include "runtime/sched.h"
#include "runtime/sys.h"

#include <errno.h>

/* The current green thread, outside the runtime and outside a blocking region (where
   libc's own calls come in by the second door); else NULL. */
static inline struct gs_thread *gs_gate(void)
{
	struct gs_thread *self = gs_self;

	return GS_LIKELY(self != NULL) && GS_LIKELY(!gs_thread_busy(self)) ? self : NULL;
}

/* What a hook returns for a raw result: -1 and errno for -errno; errno stays
   untouched on success. */
static inline long gs_gate_result(long ret)
{
	if (GS_UNLIKELY(ret < 0 && ret > -4096)) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

/* A system call that is a cancellation point, for a caller that is not a green thread:
   libc's own threads can be cancelled in it (hooks/cancel.c). */
long gs_gate_call(long nr, long a, long b, long c, long d, long e, long f);

#define gs_gate_sys1(nr, a) gs_gate_call((nr), (long)(a), 0, 0, 0, 0, 0)
#define gs_gate_sys3(nr, a, b, c) gs_gate_call((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define gs_gate_sys4(nr, a, b, c, d) \
	gs_gate_call((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define gs_gate_sys5(nr, a, b, c, d, e) \
	gs_gate_call((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define gs_gate_sys6(nr, a, b, c, d, e, f) \
	gs_gate_call((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
