/* SPDX-License-Identifier: MIT */
/*
 * sigstack.h - the alternate signal stacks of green threads.
 */
#ifndef GS_SIGSTACK_H
#define GS_SIGSTACK_H

#include "sigqueue.h"

/* sigaltstack, called with the stack pointer at sp. ss, old: may be NULL. Returns 0,
   -EPERM, -EINVAL or -ENOMEM. gs_sigact_lock held. */
int gs_sigstack_set(struct gs_thread *self, uintptr_t sp, const stack_t *ss, stack_t *old);

/* What sigaltstack would say. */
void gs_sigstack_get(const struct gs_signal_state *s, uintptr_t sp, stack_t *out);

/* The top of the alternate stack, if a handler with these flags has to go there from
   sp; else 0. */
uintptr_t gs_sigstack_top(const struct gs_signal_state *s, uintptr_t sp, uint64_t flags);

/* Where a handler begins: SS_AUTODISARM; and where it returns: as the kernel has it, the
   alternate stack is again what the handler's ucontext says. */
void gs_sigstack_disarm(struct gs_signal_state *s);
void gs_sigstack_restore(struct gs_signal_state *s, const stack_t *was);

#endif
