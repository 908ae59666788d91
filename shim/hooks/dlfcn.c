/* SPDX-License-Identifier: MIT */
/*
 * dlfcn.c - dlopen, dlmopen and dlsym: objects that come later may bring thread-local
 * storage, or want executable stacks.
 *
 * libc looks at the return address to find the calling object (its RUNPATH and
 * name space, what RTLD_NEXT means), so these hooks must not be callers: they do what
 * they have to do before, and jump. What dlopen brought is taken up at the look-up that
 * follows it, or when the next thread is made.
 */
#include "gate.h"
#include "real.h"
#include "runtime/loaded.h"
#include "runtime/tcb.h"

/* What has come or gone by now. */
__attribute__((used)) void gs_dlfcn_before_look(void)
{
	struct gs_thread *self = gs_gate();

	/* A constructor that runs before ours. */
	if (GS_UNLIKELY(!gs_real_dlsym))
		gs_real_find_dlsym();
	if (gs_sched_on && gs_tcb_grows && (self || !gs_self))
		gs_loaded_sync(self);
}

/* The same; something will come. */
__attribute__((used)) void gs_dlfcn_before_load(void)
{
	if (gs_sched_on)
		gs_tcb_grows = true;
	gs_dlfcn_before_look();
}

#define GS_DLFCN_JUMP(name, before)                      \
	__asm__(".text\n"                                \
		".globl " #name "\n"                     \
		".type " #name ", @function\n"           \
		#name ":\n"                              \
		"	.cfi_startproc\n"                \
		"	push %rdi\n"                     \
		"	.cfi_adjust_cfa_offset 8\n"      \
		"	push %rsi\n"                     \
		"	.cfi_adjust_cfa_offset 8\n"      \
		"	push %rdx\n"                     \
		"	.cfi_adjust_cfa_offset 8\n"      \
		"	call " #before "\n"              \
		"	pop %rdx\n"                      \
		"	.cfi_adjust_cfa_offset -8\n"     \
		"	pop %rsi\n"                      \
		"	.cfi_adjust_cfa_offset -8\n"     \
		"	pop %rdi\n"                      \
		"	.cfi_adjust_cfa_offset -8\n"     \
		"	jmp *gs_real_" #name "(%rip)\n" \
		"	.cfi_endproc\n"                  \
		".size " #name ", . - " #name "\n"       \
		".hidden gs_real_" #name "\n"           \
		".hidden " #before "\n")

GS_DLFCN_JUMP(dlopen, gs_dlfcn_before_load);
GS_DLFCN_JUMP(dlmopen, gs_dlfcn_before_load);
GS_DLFCN_JUMP(dlsym, gs_dlfcn_before_look);
