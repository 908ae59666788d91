/* SPDX-License-Identifier: MIT */
/*
 * sigplace.h - where a signal's frame belongs.
 */
#ifndef GS_SIGPLACE_H
#define GS_SIGPLACE_H

#include "sigframe.h"
#include "thread.h"

/* Has self's stack room, where it was interrupted, for a frame and what the runtime does in
   its handler? Asked before what the program does not know of, and could do without. */
bool gs_sigplace_has_room(const struct gs_thread *self, const ucontext_t *uc);

/* The kernel has interrupted self outside the runtime. If it put the frame on the worker's
   alternate stack, moves it to where it belongs and calls fn with it there, and does not
   return. alternate: the handler is one for alternate stacks. Signals are blocked. */
void gs_sigplace_move(struct gs_thread *self, bool alternate, gs_sigframe_fn *fn, int sig,
		      siginfo_t *info, ucontext_t *uc);

#endif
