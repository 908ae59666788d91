/* SPDX-License-Identifier: MIT */
/*
 * process.c - fork, vfork, spawn, wait.
 *
 * fork itself needs no hook: libc's runs the handlers that init.c registers
 * before anything of the program (see runtime/child.h), and so do daemon and
 * forkpty. _Fork runs no handlers, so its hook calls them. vfork's child runs on
 * the parent's stack and memory until it execs: the runtime counts as entered
 * meanwhile, so that every hook in the child is the plain system call.
 */
#include "gate.h"
#include "real.h"
#include "runtime/cancel.h"
#include "runtime/child.h"
#include "runtime/io.h"
#include "runtime/reap.h"
#include "runtime/region.h"
#include "runtime/signal.h"

#include <spawn.h>
#include <sys/wait.h>

GS_EXPORT pid_t _Fork(void)
{
	struct gs_thread *self = gs_gate();
	pid_t pid;

	if (!self)
		return gs_real._Fork();
	gs_child_prepare();
	pid = gs_real._Fork();
	if (pid == 0)
		gs_child_fresh();
	else
		gs_child_parent();
	return pid;
}

/* Called by the vfork entry below, before the system call. */
__attribute__((used)) void gs_process_vfork_begin(void)
{
	struct gs_thread *self = gs_gate();

	if (self) {
		gs_region_enter(self);
		gs_signal_native(self, true); /* for the child to pass on */
		self->inrt++;
	} else if (gs_self) {
		gs_self->inrt++;
	}
}

/* And in the parent afterwards; turns the kernel's result into vfork's. */
__attribute__((used)) long gs_process_vfork_end(long ret)
{
	struct gs_thread *self = gs_self;

	if (self && --self->inrt == 0 && self->in_region) {
		gs_signal_native(self, false);
		gs_region_leave(self);
	}
	return gs_gate_result(ret);
}

/* The child returns through the caller's frame and overwrites it, so the return
   address waits in a register (rdi; the kernel keeps it) during the system call. */
__asm__(".text\n"
	".globl vfork\n"
	".globl __vfork\n"
	".type vfork, @function\n"
	".type __vfork, @function\n"
	"vfork:\n"
	"__vfork:\n"
	"	.cfi_startproc\n"
	"	sub $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call gs_process_vfork_begin\n"
	"	add $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	pop %rdi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_register %rip, %rdi\n"
	"	mov $58, %eax\n"
	"	syscall\n"
	"	push %rdi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset %rip, 0\n"
	"	test %rax, %rax\n"
	"	jne 1f\n"
	"	ret\n"
	"1:	mov %rax, %rdi\n"
	"	jmp gs_process_vfork_end\n"
	"	.cfi_endproc\n"
	".size vfork, . - vfork\n"
	".size __vfork, . - __vfork\n"
	".hidden gs_process_vfork_begin\n"
	".hidden gs_process_vfork_end\n");

/* A call of libc's that makes a child. system also changes the kernel's signal mask
   and puts it back, so it must stay on one kernel thread from end to end. */
#define GS_PROCESS_REGION(type, call)            \
	do {                                     \
		struct gs_thread *self_ = gs_gate(); \
		type ret_;                       \
		int err_;                        \
						 \
		if (!self_)                      \
			return call;             \
		gs_region_enter(self_);          \
		gs_signal_native(self_, true);   \
		ret_ = call;                     \
		err_ = errno;                    \
		gs_signal_native(self_, false);  \
		gs_region_leave(self_);          \
		errno = err_;                    \
		return ret_;                     \
	} while (0)

/* In a region, where gs_enter is not for. A signal that is held meanwhile is dealt with before
   a child could inherit that all are blocked. */
static uint64_t gs_process_mask(struct gs_thread *self, uint64_t set)
{
	uint64_t old;

	self->inrt++;
	gs_signal_swap_mask(self, set, &old);
	gs_leave(self);
	return old;
}

GS_EXPORT int system(const char *command)
{
	struct gs_thread *self = gs_gate();
	uint64_t mask;
	int ret, err;

	if (!self)
		return gs_real.system(command);
	gs_region_enter(self);
	gs_signal_native(self, true);
	/* libc blocks it in the kernel: the child is not the program's to wait for. relaxed:
	   our own word */
	mask = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
	gs_process_mask(self, mask | 1ULL << (SIGCHLD - 1));
	ret = gs_real.system(command);
	err = errno;
	gs_process_mask(self, mask);
	gs_signal_native(self, false);
	gs_region_leave(self);
	errno = err;
	return ret;
}

GS_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			  const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	GS_PROCESS_REGION(int, gs_real.posix_spawn(pid, path, actions, attr, argv, envp));
}

GS_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	GS_PROCESS_REGION(int, gs_real.posix_spawnp(pid, file, actions, attr, argv, envp));
}

/* libc's own wait inside system, which is in a region already; a cancellation point. */
static long gs_process_wait_inside(struct gs_thread *self, long nr, long a, long b, long c,
				   long d, long e)
{
	bool exposed, native;
	long ret;

	if (!self || self->kind != GS_KIND_GREEN || self->inrt > 0 || !self->in_region)
		return gs_sys5(nr, a, b, c, d, e);
	native = gs_signal_native(self, false); /* it may take long */
	exposed = gs_cancel_expose(self);
	ret = gs_sys5(nr, a, b, c, d, e);
	gs_cancel_cover(self, exposed);
	if (native)
		gs_signal_native(self, true);
	return ret;
}

/* only: the child it is about, if it is about one and waits for its end alone. */
static long gs_process_wait(long nr, long a, long b, long c, long d, long e, int options,
			    pid_t only)
{
	struct gs_thread *self = gs_gate();
	int err;

	if (!self)
		return gs_gate_result(gs_process_wait_inside(gs_self, nr, a, b, c, d, e));
	gs_cancel_point(self);
	if (options & WNOHANG)
		return gs_gate_result(gs_sys5(nr, a, b, c, d, e));
	if (only > 0) {
		err = gs_reap_await(self, only);
		if (err)
			return gs_gate_result(err);
	}
	return gs_gate_result(gs_io_block(self, nr, a, b, c, d, e, 0));
}

GS_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	return (pid_t)gs_process_wait(__NR_wait4, pid, (long)status, options, (long)usage, 0,
				      options, options == 0 ? pid : 0);
}

GS_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	return wait4(pid, status, options, NULL);
}

GS_EXPORT pid_t __waitpid(pid_t pid, int *status, int options)
{
	return wait4(pid, status, options, NULL);
}

GS_EXPORT pid_t wait(int *status)
{
	return wait4(-1, status, 0, NULL);
}

GS_EXPORT pid_t __wait(int *status)
{
	return wait4(-1, status, 0, NULL);
}

GS_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
	return wait4(-1, status, options, usage);
}

GS_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	return (int)gs_process_wait(__NR_waitid, type, id, (long)info, options, 0, options,
				    type == P_PID && (options & ~WNOWAIT) == WEXITED ? (pid_t)id : 0);
}
