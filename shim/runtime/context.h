/* SPDX-License-Identifier: MIT */
/*
 * context.h - execution contexts: boost.context's fcontext (make, jump).
 *
 * jump_fcontext keeps the callee-saved registers, mxcsr and the x87 control
 * word on the stack it leaves; a saved context is that stack's pointer.
 */
#ifndef GS_CONTEXT_H
#define GS_CONTEXT_H

#include "arch.h"
#include "base.h"

typedef void *gs_context;

struct gs_transfer {
	gs_context from; /* where the context we came from continues */
	void *data;      /* what it handed over */
};

typedef void gs_context_fn(struct gs_transfer);

/* Learns whether user code may write the fs base; hwcap2 from the auxiliary vector. */
void gs_context_init(unsigned long hwcap2);

/* A context that will enter fn on the stack that ends at top; fn never returns. */
gs_context gs_context_make(void *top, size_t size, gs_context_fn *fn);

/* Leaves this context for to and hands over data; returns when somebody jumps back. */
static inline __attribute__((always_inline)) struct gs_transfer gs_context_jump(gs_context to,
										void *data)
{
	struct gs_transfer tr;

	gs_arch_context_jump(to, data, &tr.from, &tr.data);
	return tr;
}

#endif
