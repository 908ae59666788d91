/* SPDX-License-Identifier: MIT */
/*
 * setjmp.c - jumps that save and restore the signal mask.
 *
 * libc saves the kernel's mask, which is not the green thread's. So sigsetjmp, before
 * libc's, puts the green thread's mask into the part of the buffer's signal set that
 * the kernel does not use, and siglongjmp restores that one, and keeps libc from
 * restoring the other, on a copy of the buffer.
 *
 * A buffer filled before there were green threads has no such mask: then the kernel's
 * was main's own.
 *
 * Called from: the program.
 */
#include "gate.h"
#include "real.h"
#include "runtime/signal.h"

#include <setjmp.h>
#include <string.h>

/* In sigset_t.__val: the kernel's eight bytes are word 0. */
enum { GS_JMP_MARK = 14, GS_JMP_MASK = 15 };

static const unsigned long gs_jmp_mark = 0x67736a6d706d6b31;

/* Called by sigsetjmp below, before libc's. */
__attribute__((used)) void gs_jmp_save(struct __jmp_buf_tag *env)
{
	struct gs_thread *self = gs_gate();

	env->__saved_mask.__val[GS_JMP_MARK] = self ? gs_jmp_mark : 0;
	if (self)
		/* relaxed: our own */
		env->__saved_mask.__val[GS_JMP_MASK] =
			atomic_load_explicit(&self->sigmask, memory_order_relaxed);
}

__attribute__((used)) static void *gs_jmp_real(void)
{
	return (void *)gs_real.__sigsetjmp;
}

/* libc's remembers the stack pointer and the return address of its caller, so it is
   jumped to with both as they were. setjmp as a function is BSD's, which saves. */
__asm__(".text\n"
	".globl setjmp\n"
	".type setjmp, @function\n"
	"setjmp:\n"
	"	mov $1, %esi\n"
	".globl __sigsetjmp\n"
	".type __sigsetjmp, @function\n"
	"__sigsetjmp:\n"
	"	.cfi_startproc\n"
	"	push %rdi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	push %rsi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	sub $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	test %esi, %esi\n"
	"	jz 1f\n"
	"	call gs_jmp_save\n"
	"1:	call gs_jmp_real\n"
	"	add $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	pop %rsi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	pop %rdi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	jmp *%rax\n"
	"	.cfi_endproc\n"
	".size __sigsetjmp, . - __sigsetjmp\n"
	".size setjmp, . - setjmp\n"
	".hidden gs_jmp_save\n");

/* Restores the mask; the buffer to jump through. */
static struct __jmp_buf_tag *gs_jmp_restore(struct __jmp_buf_tag *env, struct __jmp_buf_tag *copy)
{
	struct gs_thread *self = gs_gate();
	uint64_t mask, old;

	if (!self || !env->__mask_was_saved)
		return env;
	*copy = *env;
	copy->__mask_was_saved = 0;
	mask = env->__saved_mask.__val[GS_JMP_MARK] == gs_jmp_mark
		       ? env->__saved_mask.__val[GS_JMP_MASK]
		       : env->__saved_mask.__val[0];
	gs_enter(self);
	gs_signal_swap_mask(self, mask, &old);
	gs_leave(self); /* handlers run, under the restored mask */
	return copy;
}

GS_EXPORT void siglongjmp(struct __jmp_buf_tag env[1], int value)
{
	struct __jmp_buf_tag copy;

	gs_real.siglongjmp(gs_jmp_restore(env, &copy), value);
	__builtin_unreachable();
}

GS_EXPORT void longjmp(struct __jmp_buf_tag env[1], int value)
{
	siglongjmp(env, value);
}

GS_EXPORT void _longjmp(struct __jmp_buf_tag env[1], int value)
{
	siglongjmp(env, value);
}

/* Fortified: dies when the jump would go down the stack. */
GS_EXPORT void __longjmp_chk(struct __jmp_buf_tag env[1], int value)
{
	struct __jmp_buf_tag copy;

	gs_real.__longjmp_chk(gs_jmp_restore(env, &copy), value);
	__builtin_unreachable();
}
