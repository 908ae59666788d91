/* SPDX-License-Identifier: MIT */
/*
 * guard.c - what the pthread_cleanup_push macro does in C without exceptions.
 *
 * The cleanup attribute will not do: its personality routine would come from a
 * copy of libgcc in this library, which does not understand the contexts of the
 * libgcc_s that unwinds.
 *
 * Called from: cond.c, barrier.c, hooks/pthread_cond.c, hooks/semaphore.c.
 */
#include "guard.h"

#include "base.h"

#include <pthread.h>
#include <setjmp.h>

void __pthread_register_cancel(void *buf);
void __pthread_unregister_cancel(void *buf);
GS_NORETURN void __pthread_unwind_next(void *buf);

void gs_guard_call(void (*body)(void *), void (*undo)(void *), void *arg)
{
	struct __jmp_buf_tag buf[2]; /* larger than __pthread_unwind_buf_t */

	_Static_assert(sizeof(buf) >= sizeof(__pthread_unwind_buf_t), "unwind buffer");
	if (__sigsetjmp(buf, 0) == 0) {
		__pthread_register_cancel(buf);
		body(arg);
		__pthread_unregister_cancel(buf);
	} else {
		undo(arg);
		__pthread_unwind_next(buf);
	}
}
