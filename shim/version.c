/* SPDX-License-Identifier: MIT */
/*
 * version.c - what the library says when it is run as a program, as libc.so.6 does:
 * the first question to a file found on some machine is which one it is.
 *
 * Nothing is initialised here, not even the C library: system calls only.
 * Called from: the kernel, by way of the dynamic linker.
 */
#include "runtime/sys.h"

/* Whom the kernel starts. In a preloaded library nobody reads it. */
__attribute__((section(".interp"), used)) static const char gs_version_linker[] =
	"/lib64/ld-linux-x86-64.so.2";

/* The stack is as execve left it: aligned, without a return address. */
__attribute__((noreturn, used, force_align_arg_pointer)) void gs_version_entry(void)
{
	static const char text[] =
		"libgoshim " GOSHIM_VERSION ": green threads for programs written with pthreads\n"
		"Use it with `goshim run COMMAND', or LD_PRELOAD=libgoshim.so COMMAND; see libgoshim(7).\n";
	long n = gs_sys3(__NR_write, 1, text, sizeof(text) - 1);

	for (;;)
		gs_sys1(__NR_exit_group, n != sizeof(text) - 1);
}
