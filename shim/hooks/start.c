/* SPDX-License-Identifier: MIT */
/*
 * start.c - the program's main runs inside a frame of ours, so that pthread_exit
 * in main, which unwinds to the outermost frame, ends a green thread and not the
 * kernel thread.
 *
 * After main, as in libc's own caller of it, comes nothing but exit: nothing then
 * reads the stack or a register that main should have kept. Free Pascal's programs end
 * by a jump to main's return address from wherever they are, with main's frame pointer
 * but another stack pointer.
 *
 * Called from: the program's _start.
 */
#include "gate.h"
#include "real.h"
#include "runtime/life.h"

#include <setjmp.h>
#include <stdlib.h>

typedef int gs_start_main_fn(int, char **, char **);

static gs_start_main_fn *gs_start_main;

void __pthread_register_cancel(void *buf);
void __pthread_unregister_cancel(void *buf);

static int gs_start_frame(int argc, char **argv, char **envp)
{
	struct __jmp_buf_tag buf[2]; /* larger than __pthread_unwind_buf_t */

	if (__sigsetjmp(buf, 0) == 0) {
		__pthread_register_cancel(buf);
		exit(gs_start_main(argc, argv, envp));
	}
	if (gs_self)
		gs_life_finish(gs_self);
	__pthread_unregister_cancel(buf);
	gs_real.pthread_exit(NULL);
	__builtin_unreachable();
}

GS_EXPORT int __libc_start_main(gs_start_main_fn *main, int argc, char **argv, void (*init)(void),
				void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	gs_start_main = main;
	/* The constructor looks libc's function up, if it has run. */
	if (!gs_real.__libc_start_main)
		gs_real_resolve();
	return gs_real.__libc_start_main(gs_start_frame, argc, argv, init, fini, rtld_fini, stack_end);
}
