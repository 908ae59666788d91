/* SPDX-License-Identifier: MIT */
/*
 * signal_run.c - running the program's handlers, above a frame of the kernel's.
 *
 * The frame holds the thread's mask and alternate stack while the program's handler can
 * see it, and those of the worker when the kernel reads it; the thread may have come
 * to another worker meanwhile.
 *
 * A handler that meets its thread in a region is run outside it, and may bring the thread
 * to another worker. So what belongs to the kernel thread and not to the green one (the mask
 * lent for an exec, the seal against kicks) is taken off before and put on afterwards.
 *
 * Several signals at once are delivered the one above the other, as the kernel does it:
 * the last one's handler runs first.
 *
 * Whether the call that was interrupted goes on is asked afterwards, by the call
 * (gs_signal_restarts). A call is known by the numbers of the thread's last wait and of
 * its last region; the answer is noted with them.
 *
 * Invariants: a program's handler runs with inrt 0, outside any region.
 * Locks: gs_sigact_lock, never while the program runs. Called from: signal.c; hooks and
 * floor 3, which ask what came of it.
 */
#include "signal_run.h"

#include "kick.h"
#include "region.h"
#include "sched.h"
#include "sigact.h"
#include "sigframe.h"
#include "signal.h"
#include "sigpost.h"
#include "sigstack.h"
#include "sigworker.h"

#include <string.h>

static uint64_t gs_signal_mask_of(const struct gs_thread *t)
{
	return atomic_load_explicit(&t->sigmask, memory_order_relaxed);
}

/* Was the last handler run during the wait or the region that self is or was last in? */
static bool gs_signal_same_call(const struct gs_thread *self, const struct gs_signal_state *s)
{
	return s->ran &&
	       s->ran_wait == atomic_load_explicit(&self->wake, memory_order_relaxed) >> 3 &&
	       s->ran_region == self->regions;
}

static void gs_signal_note(const struct gs_thread *self, struct gs_signal_state *s, bool broke)
{
	s->ran = true;
	s->broke = broke;
	s->ran_wait = atomic_load_explicit(&self->wake, memory_order_relaxed) >> 3;
	s->ran_region = self->regions;
}

/* Takes the next signal that self has to handle: returns its number, its info and the
   action; defaults are done, ignored ones dropped, on the way. Inside the runtime. */
static int gs_signal_next(struct gs_thread *self, siginfo_t *info, struct gs_sigact *act)
{
	int sig;

	for (;;) {
		gs_lock(&gs_sigact_lock);
		/* relaxed: our own word; whoever adds a signal sets it under the lock */
		atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL,
					  memory_order_relaxed);
		sig = gs_sigqueue_take(self, ~gs_signal_mask_of(self), info);
		if (sig != 0) {
			*act = gs_sigact_get(sig);
			if (act->handler > (uintptr_t)SIG_IGN && (act->flags & SA_RESETHAND))
				gs_sigact_reset(sig);
		}
		gs_unlock(&gs_sigact_lock);
		if (sig == 0 || act->handler > (uintptr_t)SIG_IGN)
			return sig;
		if (act->handler == (uintptr_t)SIG_DFL)
			gs_sigact_default(sig);
	}
}

/* Runs what is pending and not blocked. Returns whether a handler without SA_RESTART ran. */
static bool gs_signal_run_all(struct gs_thread *self, ucontext_t *uc)
{
	struct gs_sigact act;
	siginfo_t info;
	bool broke = false;
	int sig;

	while ((sig = gs_signal_next(self, &info, &act)) != 0) {
		broke |= !(act.flags & SA_RESTART);
		gs_signal_run(self, sig, &act, &info, uc);
	}
	return broke;
}

/* The handler's own call. From inside the runtime, with inrt 1. */
static void gs_signal_call(struct gs_thread *self, int sig, const struct gs_sigact *act,
			   siginfo_t *info, ucontext_t *uc)
{
	gs_sigframe_fn *fn = (gs_sigframe_fn *)act->handler;
	uintptr_t top;

	gs_barrier();
	self->inrt = 0; /* not gs_leave: see gs_signal_depart */
	gs_barrier();
	/* What came meanwhile, and is held, comes first: this handler may wait for it, or take
	   its time, and all others are blocked for as long. relaxed: set by this kernel
	   thread, or by a sender whose kick is pending */
	if (GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed) &
			GS_ATT_SIGNAL) ||
	    GS_UNLIKELY(gs_sigworker_burdened(self->worker)))
		gs_sched_ops.attend(self, GS_ATT_SIGNAL);
	top = gs_sigstack_top(self->sig, (uintptr_t)__builtin_frame_address(0), act->flags);
	if (self->sig)
		gs_sigstack_disarm(self->sig);
	if (top)
		gs_sigframe_call(top, fn, sig, info, uc);
	else
		fn(sig, info, uc);
	gs_enter(self);
}

void gs_signal_run(struct gs_thread *self, int sig, const struct gs_sigact *act, siginfo_t *info,
		   ucontext_t *uc)
{
	uint64_t mask = gs_signal_mask_of(self), outer;
	struct gs_signal_state *s;
	stack_t outer_stack = uc->uc_stack;
	bool broke;

	gs_lock(&gs_sigact_lock);
	s = gs_sigqueue_state(self);
	gs_unlock(&gs_sigact_lock);
	broke = s && gs_signal_same_call(self, s) && s->broke;
	gs_sigpost_mask(self, mask | act->mask | (act->flags & SA_NODEFER ? 0 : GS_SIG(sig)));
	if (s && s->suspended) {
		s->suspended = false;
		mask = s->suspended_mask;
	}
	memcpy(&outer, &uc->uc_sigmask, sizeof(outer));
	memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
	gs_sigstack_get(s, gs_sigframe_below(uc), &uc->uc_stack);
	broke |= gs_signal_run_all(self, uc);
	gs_signal_call(self, sig, act, info, uc);
	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	memcpy(&uc->uc_sigmask, &outer, sizeof(outer));
	if (s)
		gs_sigstack_restore(s, &uc->uc_stack);
	uc->uc_stack = outer_stack;
	gs_sigpost_mask(self, mask);
	if (s)
		gs_signal_note(self, s, broke || !(act->flags & SA_RESTART));
}

void gs_signal_step_out(struct gs_thread *self, struct gs_signal_inside *was)
{
	struct gs_worker *w = self->worker;

	*was = (struct gs_signal_inside){ .region = self->in_region };
	if (!was->region)
		return;
	was->sealed = gs_kick_unseal(w);
	was->kmask = w->kmask;
	was->native = gs_signal_native(self, false);
	gs_region_leave(self);
}

void gs_signal_step_in(struct gs_thread *self, const struct gs_signal_inside *was)
{
	if (!was->region)
		return;
	gs_region_enter(self);
	if (was->native) {
		gs_signal_native(self, true);
		gs_sigworker_native_mask(self->worker, was->kmask);
	}
	if (was->sealed)
		gs_kick_seal(self->worker);
}

void gs_signal_deliver(struct gs_thread *self, ucontext_t *uc)
{
	struct gs_signal_inside was;
	struct gs_signal_state *s;
	bool same;

	/* relaxed: our own word. Cleared before the look: what comes after sets it again. */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
	if (!(atomic_load_explicit(&self->sigpending, memory_order_relaxed) &
	      ~gs_signal_mask_of(self)))
		return;
	gs_signal_step_out(self, &was);
	if (gs_signal_run_all(self, uc))
		gs_sigframe_break(uc);
	if (!was.region)
		return;
	s = self->sig;
	same = s && gs_signal_same_call(self, s);
	gs_signal_step_in(self, &was);
	if (same)
		gs_signal_note(self, s, s->broke);
}

bool gs_signal_ran(struct gs_thread *self)
{
	struct gs_signal_state *s = self->sig;

	return s && gs_signal_same_call(self, s);
}

bool gs_signal_restarts(struct gs_thread *self)
{
	struct gs_signal_state *s = self->sig;
	bool broke = s && gs_signal_same_call(self, s) && s->broke;

	if (s)
		s->ran = s->broke = false;
	return !broke;
}
