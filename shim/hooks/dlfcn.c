/* SPDX-License-Identifier: MIT */
/*
 * dlfcn.c - dlopen, dlmopen and dlsym: objects that come later may bring thread-local
 * storage, or want executable stacks.
 *
 * libc looks at the return address to find the calling object (its RUNPATH and
 * name space, what RTLD_NEXT means), so these hooks must not be callers: they do what
 * they have to do before, and jump. What dlopen brought is taken up at the look-up that
 * follows it, or when the next thread is made.
 *
 * A program may ask a handle of libc's for a function that is replaced: dlopen of
 * "libpthread.so.0" and dlsym of "pthread_create", as run-time systems do that get along
 * without threads, too. It gets the replacement, as if it had been linked; here libc
 * does not care who calls. (RTLD_DEFAULT finds it anyway; RTLD_NEXT is what a wrapper asks.)
 */
#include "gate.h"
#include "real.h"
#include "runtime/loaded.h"
#include "runtime/tcb.h"

#include <string.h>

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

/* The hooks' addresses; many of their names no header declares. */
#define GS_HOOK(group, name) extern char gs_dlfcn_to_##name[] __asm__(#name);
#define GS_HOOK_REAL GS_HOOK
#include "hooks.def"
#undef GS_HOOK

static const struct {
	const char *name;
	char *hook;
} gs_dlfcn_hooks[] = {
#define GS_HOOK(group, name) { #name, gs_dlfcn_to_##name },
#include "hooks.def"
#undef GS_HOOK
#undef GS_HOOK_REAL
};

__attribute__((used)) void *gs_dlfcn_look(void *handle, const char *name)
{
	void *at = gs_real_dlsym(handle, name);

	for (size_t i = 0; at && i < GS_ARRAY_SIZE(gs_dlfcn_hooks); i++)
		/* Not when another library's wrapper stands between ours and libc's:
		   that may be how it found what to call. */
		if (strcmp(gs_dlfcn_hooks[i].name, name) == 0)
			return gs_real_dlsym(RTLD_NEXT, name) == at ? gs_dlfcn_hooks[i].hook : at;
	return at;
}

#define GS_DLFCN_JUMP(name, before, instead)                      \
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
		instead                                  \
		"	jmp *gs_real_" #name "(%rip)\n" \
		"	.cfi_endproc\n"                  \
		".size " #name ", . - " #name "\n"       \
		".hidden gs_real_" #name "\n"           \
		".hidden " #before "\n")

GS_DLFCN_JUMP(dlopen, gs_dlfcn_before_load, "");
GS_DLFCN_JUMP(dlmopen, gs_dlfcn_before_load, "");
/* RTLD_DEFAULT is 0, RTLD_NEXT -1. */
GS_DLFCN_JUMP(dlsym, gs_dlfcn_before_look,
	      "	lea 1(%rdi), %rax\n"
	      "	cmp $1, %rax\n"
	      "	ja gs_dlfcn_look\n");
