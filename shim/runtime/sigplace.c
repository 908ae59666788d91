/* SPDX-License-Identifier: MIT */
/*
 * sigplace.c - where a signal's frame belongs.
 *
 * A thread's stack pointer need not point to a stack: Erlang's compiled code keeps a
 * process's own little stack there, below which is its heap. Such a program says so by
 * having an alternate stack and handlers that are all for it (SA_ONSTACK), and a frame
 * must never be pushed where the pointer points to. But the kernel knows one alternate
 * stack for each worker, where two threads' frames would meet as soon as a handler
 * switches. So frames come in there and are moved, with nothing let in meanwhile: to the
 * thread's own alternate stack, if it is wanted, and else to where the kernel would have
 * put them.
 *
 * Invariants: a handler does not leave the runtime, or switch, on a worker's stack.
 * Locks: none. Called from: signal.c, in its handler.
 */
#include "sigplace.h"

#include "host.h"
#include "sigstack.h"
#include "sigworker.h"

enum { GS_SIGPLACE_RUNTIME = 4096 }; /* what the runtime uses above a frame */

/* Is it at work on the stack it was created with? Of main's we know nothing, and take it for
   granted. Collectors of garbage want to find the pointer of a thread they stop there; so
   nothing is put on the alternate stack without need. */
static bool gs_sigplace_home(const struct gs_thread *self, uintptr_t sp)
{
	return !self->stack.base || sp - (uintptr_t)self->stack.base < self->stack.size;
}

bool gs_sigplace_has_room(const struct gs_thread *self, const ucontext_t *uc)
{
	uintptr_t sp = gs_sigframe_below(uc);

	return !self->stack.base || !gs_sigplace_home(self, sp) ||
	       sp - (uintptr_t)self->stack.base >
		       self->stack.guard + gs_host.minsigstksz + GS_SIGPLACE_RUNTIME;
}

void gs_sigplace_move(struct gs_thread *self, bool alternate, gs_sigframe_fn *fn, int sig,
		      siginfo_t *info, ucontext_t *uc)
{
	const stack_t *worker = &gs_sigworker(self->worker)->alt;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), sp = gs_sigframe_below(uc), top = 0;

	if (here - (uintptr_t)worker->ss_sp > worker->ss_size)
		return;
	if (alternate || !gs_sigplace_home(self, sp))
		top = gs_sigstack_top(self->sig, sp, SA_ONSTACK);
	gs_sigframe_move(top ? top : sp, fn, sig, info, uc);
}
