/* SPDX-License-Identifier: MIT */
/*
 * sigstack.c - sigaltstack.
 *
 * The kernel's alternate stack is the worker's own (sigworker.c), whichever thread runs,
 * so switching between threads that have one costs nothing. Handlers are put on the
 * thread's by hand: signal.c.
 *
 * Locks: gs_sigact_lock for set; a thread's state is otherwise its own.
 * Called from: signal.c, signal_life.c, signal_run.c, sigplace.c; hooks/signal.c.
 */
#include "sigstack.h"

#include <errno.h>

enum { GS_SIGSTACK_MIN = 2048 }; /* the kernel's MINSIGSTKSZ */

static const int gs_sigstack_autodisarm = (int)(1U << 31); /* SS_AUTODISARM */

static bool gs_sigstack_within(const struct gs_signal_state *s, uintptr_t sp)
{
	return sp > s->alt_base && sp - s->alt_base <= s->alt_size;
}

/* The kernel's on_sig_stack. */
static bool gs_sigstack_on(const struct gs_signal_state *s, uintptr_t sp)
{
	return s && !(s->alt_flags & gs_sigstack_autodisarm) && gs_sigstack_within(s, sp);
}

void gs_sigstack_get(const struct gs_signal_state *s, uintptr_t sp, stack_t *out)
{
	*out = (stack_t){ .ss_flags = SS_DISABLE };
	if (!s)
		return;
	out->ss_sp = (void *)s->alt_base;
	out->ss_size = s->alt_size;
	out->ss_flags = s->alt_flags | (s->alt_size == 0           ? SS_DISABLE
					: gs_sigstack_on(s, sp) ? SS_ONSTACK
								: 0);
}

/* -EINVAL, -ENOMEM: the kernel does not take this. */
static int gs_sigstack_check(const stack_t *ss)
{
	int mode = ss->ss_flags & ~gs_sigstack_autodisarm;

	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	return mode != SS_DISABLE && ss->ss_size < GS_SIGSTACK_MIN ? -ENOMEM : 0;
}

static void gs_sigstack_store(struct gs_signal_state *s, const stack_t *ss)
{
	bool none = ss->ss_flags & SS_DISABLE;

	s->alt_base = none ? 0 : (uintptr_t)ss->ss_sp;
	s->alt_size = none ? 0 : ss->ss_size;
	s->alt_flags = ss->ss_flags & gs_sigstack_autodisarm;
}

int gs_sigstack_set(struct gs_thread *self, uintptr_t sp, const stack_t *ss, stack_t *old)
{
	struct gs_signal_state *s = self->sig;
	stack_t want;
	int err;

	if (ss)
		want = *ss; /* old may be the same object */
	if (old)
		gs_sigstack_get(s, sp, old);
	if (!ss)
		return 0;
	if (gs_sigstack_on(s, sp))
		return -EPERM;
	err = gs_sigstack_check(&want);
	if (err != 0)
		return err;
	s = gs_sigqueue_state(self);
	if (!s)
		return -ENOMEM;
	gs_sigstack_store(s, &want);
	return 0;
}

uintptr_t gs_sigstack_top(const struct gs_signal_state *s, uintptr_t sp, uint64_t flags)
{
	/* One that disarms itself the kernel would begin anew: but whoever is on it while it is
	   armed is a frame of ours, or has just armed it and expects no signal. */
	if (!(flags & SA_ONSTACK) || !s || s->alt_size == 0 || gs_sigstack_within(s, sp))
		return 0;
	return s->alt_base + s->alt_size;
}

void gs_sigstack_disarm(struct gs_signal_state *s)
{
	if (s->alt_flags & gs_sigstack_autodisarm)
		gs_sigstack_store(s, &(stack_t){ .ss_flags = SS_DISABLE });
}

void gs_sigstack_restore(struct gs_signal_state *s, const stack_t *was)
{
	if (gs_sigstack_check(was) == 0)
		gs_sigstack_store(s, was);
}
