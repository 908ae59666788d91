/* SPDX-License-Identifier: MIT */
/*
 * sigframe.h - what the kernel pushes when it delivers a signal, as far as the runtime
 * changes it. With arch.h, the only file to know the processor.
 */
#ifndef GS_SIGFRAME_H
#define GS_SIGFRAME_H

#include "sigset.h"

#include <ucontext.h>

typedef void gs_sigframe_fn(int sig, siginfo_t *info, void *context);

/* The interrupted system call, if it is one that the kernel would make again because our
   handler has SA_RESTART, fails with EINTR instead. */
void gs_sigframe_break(ucontext_t *uc);

/* Calls fn on the stack that ends at top, and returns. */
void gs_sigframe_call(uintptr_t top, gs_sigframe_fn *fn, int sig, siginfo_t *info, void *context);

/* Moves the kernel's frame to the stack that ends at top, as if it had been pushed
   there, and calls fn with it; does not return. */
GS_NORETURN void gs_sigframe_move(uintptr_t top, gs_sigframe_fn *fn, int sig, siginfo_t *info,
				  ucontext_t *uc);

/* Where a frame goes on the stack that was interrupted. */
uintptr_t gs_sigframe_below(const ucontext_t *uc);

#endif
