/* SPDX-License-Identifier: MIT */
/*
 * context.c - the sole maker of contexts.
 *
 * Called from: life.c (new threads), worker.c (the first worker's scheduler), init.c.
 */
#include "context.h"

#include "arch.h"

bool gs_arch_has_fsgsbase;

/* Unwinders know a signal frame by these very bytes, gdb by glibc's name for them. */
__asm__(".text\n"
	".globl gs_arch_sigreturn\n"
	".hidden gs_arch_sigreturn\n"
	".type __restore_rt, @function\n"
	"	nop\n"
	"gs_arch_sigreturn:\n"
	"__restore_rt:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	".size __restore_rt, . - __restore_rt\n");

gs_context make_fcontext(void *top, size_t size, gs_context_fn *fn);

void gs_context_init(unsigned long hwcap2)
{
	gs_arch_has_fsgsbase = hwcap2 & GS_ARCH_HWCAP2_FSGSBASE;
}

gs_context gs_context_make(void *top, size_t size, gs_context_fn *fn)
{
	return make_fcontext(top, size, fn);
}
