/* SPDX-License-Identifier: MIT */
/*
 * dlfcn.c - dlopen: objects that come later may bring thread-local storage.
 *
 * libc looks at the return address to find the calling object (its RUNPATH and
 * name space), so the hook must not be a caller: it leaves a note and jumps.
 */
#include "gate.h"
#include "real.h"
#include "runtime/tcb.h"

#define GS_DLFCN_JUMP(name)                              \
	__asm__(".text\n"                                \
		".globl " #name "\n"                     \
		".type " #name ", @function\n"           \
		#name ":\n"                              \
		"	.cfi_startproc\n"                \
		"	movb $1, gs_tcb_grows(%rip)\n"   \
		"	jmp *gs_real_" #name "(%rip)\n" \
		"	.cfi_endproc\n"                  \
		".size " #name ", . - " #name "\n"       \
		".hidden gs_real_" #name "\n"           \
		".hidden gs_tcb_grows\n")

GS_DLFCN_JUMP(dlopen);
GS_DLFCN_JUMP(dlmopen);
