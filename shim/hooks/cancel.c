/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - pthread_cancel. The state and type of cancellation stay libc's own
 * (see runtime/cancel.h), and so do pthread_setcancelstate, pthread_setcanceltype
 * and pthread_testcancel.
 */
#include "gate.h"
#include "real.h"
#include "runtime/cancel.h"
#include "runtime/life.h"
#include "runtime/tcb.h"

#include <sys/single_threaded.h>

long gs_gate_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	int type;

	if (gs_self || __libc_single_threaded)
		return gs_arch_syscall(nr, a, b, c, d, e, f);
	/* As libc's own wrappers do it. */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = gs_arch_syscall(nr, a, b, c, d, e, f);
	pthread_setcanceltype(type, NULL);
	return ret;
}

GS_EXPORT int pthread_cancel(pthread_t thread)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	struct gs_thread *self = gs_gate();

	if (!t && !gs_sched_on)
		return gs_real.pthread_cancel(thread);
	if (!t) {
		/* libc's function would take the signal's handler for its own. */
		gs_cancel_foreign((void *)thread);
		return 0;
	}
	if (gs_life_is_over(t))
		return 0;
	if (t != self) {
		if (self)
			gs_enter(self);
		gs_cancel_request(t);
		if (self)
			gs_leave(self);
		return 0;
	}
	gs_cancel_request(t);
	/* relaxed: our own word */
	if (atomic_load_explicit(gs_tcb_cancel_word(t->tp), memory_order_relaxed) &
	    GS_TCB_CANCEL_ASYNC)
		gs_cancel_point(t);
	return 0;
}
