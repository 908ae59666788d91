/* SPDX-License-Identifier: MIT */
/*
 * sigframe.c - the kernel's signal frame (struct rt_sigframe of x86-64): a return address
 * (arch.h's gs_arch_sigreturn), a ucontext shorter than libc's, a siginfo; and, where
 * the ucontext points to, the floating point state.
 *
 * Called from: signal.c, signal_run.c, sigplace.c, in the handler.
 */
#include "sigframe.h"

#include "arch.h"

#include <errno.h>
#include <string.h>

enum {
	GS_SIGFRAME_UC = 8,         /* the kernel's struct ucontext comes after the address */
	GS_SIGFRAME_INFO = 8 + 304, /* and the siginfo after that */
	GS_SIGFRAME_SIZE = 8 + 304 + 128,
	GS_SIGFRAME_REDZONE = 128,
	GS_SIGFRAME_FP_LEGACY = 512, /* fxsave; the kernel's notes are in its last bytes */
	GS_SIGFRAME_FP_NOTES = 464,
	GS_SIGFRAME_FP_MAGIC = 0x46505853,
	GS_SIGFRAME_FP_ALIGN = 64,
};

_Static_assert(sizeof(siginfo_t) == 128, "the siginfo's size");

static greg_t *gs_sigframe_reg(ucontext_t *uc, int reg)
{
	return &uc->uc_mcontext.gregs[reg];
}

/* The kernel left the instruction pointer at the syscall instruction, and its number in
   rax, to have it executed once more. That it has been executed already shows in rcx,
   where the instruction itself puts the address after it. */
static bool gs_sigframe_repeats(ucontext_t *uc)
{
	const unsigned char *pc = (const unsigned char *)*gs_sigframe_reg(uc, REG_RIP);

	return *gs_sigframe_reg(uc, REG_RCX) == (greg_t)(pc + 2) && pc[0] == 0x0f && pc[1] == 0x05;
}

void gs_sigframe_break(ucontext_t *uc)
{
	if (!gs_sigframe_repeats(uc))
		return;
	switch (*gs_sigframe_reg(uc, REG_RAX)) {
	case __NR_clone: /* never fail so, whatever the handler's flags */
	case __NR_clone3:
	case __NR_fork:
	case __NR_vfork:
		return;
	default:
		*gs_sigframe_reg(uc, REG_RAX) = -EINTR;
		*gs_sigframe_reg(uc, REG_RIP) += 2;
	}
}

/* The frame pointer keeps the way back, for the unwinder too. */
__asm__(".text\n"
	".globl gs_sigframe_call\n"
	".hidden gs_sigframe_call\n"
	".type gs_sigframe_call, @function\n"
	"gs_sigframe_call:\n"
	"	.cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	mov %rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"	and $-16, %rdi\n"
	"	mov %rdi, %rsp\n"
	"	mov %rsi, %rax\n"
	"	mov %edx, %edi\n"
	"	mov %rcx, %rsi\n"
	"	mov %r8, %rdx\n"
	"	call *%rax\n"
	"	leave\n"
	"	.cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size gs_sigframe_call, . - gs_sigframe_call\n");

uintptr_t gs_sigframe_below(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP] - GS_SIGFRAME_REDZONE;
}

static size_t gs_sigframe_fp_size(const char *fp)
{
	uint32_t notes[2]; /* a magic number, and the whole size */

	memcpy(notes, fp + GS_SIGFRAME_FP_NOTES, sizeof(notes));
	return notes[0] == GS_SIGFRAME_FP_MAGIC ? notes[1] : GS_SIGFRAME_FP_LEGACY;
}

void gs_sigframe_move(uintptr_t top, gs_sigframe_fn *fn, int sig, siginfo_t *info, ucontext_t *uc)
{
	char *from = (char *)uc - GS_SIGFRAME_UC, *fp = (char *)uc->uc_mcontext.fpregs, *to;
	ucontext_t *moved;

	if (fp) {
		size_t size = gs_sigframe_fp_size(fp);

		top = GS_ALIGN_DOWN(top - size, (uintptr_t)GS_SIGFRAME_FP_ALIGN);
		memcpy((char *)top, fp, size);
		fp = (char *)top;
	}
	/* As after a call: the return address is 8 below a multiple of 16. */
	to = (char *)(GS_ALIGN_DOWN(top - GS_SIGFRAME_SIZE, (uintptr_t)16) - 8);
	memcpy(to, from, GS_SIGFRAME_SIZE);
	moved = (ucontext_t *)(to + GS_SIGFRAME_UC);
	moved->uc_mcontext.fpregs = (fpregset_t)fp;
	__asm__ __volatile__("mov %0, %%rsp\n\tjmp *%1"
			     :
			     : "r"(to), "r"(fn), "D"(sig), "S"(to + GS_SIGFRAME_INFO), "d"(moved)
			     : "memory");
	__builtin_unreachable();
}
