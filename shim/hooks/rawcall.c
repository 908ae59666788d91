/* SPDX-License-Identifier: MIT */
/*
 * rawcall.c - system calls about signals and processes through syscall(): what the kernel
 * would answer is about the worker, so the green thread's hooks answer.
 *
 * The kernel's sets have eight bytes, and the hooks read and write no more of theirs.
 *
 * Called from: syscall() in futex.c.
 */
#include "rawcall.h"

#include "gate.h"
#include "runtime/access.h"
#include "runtime/sigset.h"

#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What rt_sigaction takes. */
struct gs_rawcall_action {
	void *handler;
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static int gs_rawcall_action(int sig, const struct gs_rawcall_action *set,
			     struct gs_rawcall_action *get)
{
	struct gs_rawcall_action want;
	struct sigaction act, old;

	if (set) {
		if (!gs_access_readable(gs_gate(), set, sizeof(*set)))
			return (int)gs_gate_result(-EFAULT);
		want = *set; /* get may be the same object */
		memset(&act, 0, sizeof(act));
		act.sa_handler = (__sighandler_t)want.handler;
		act.sa_flags = (int)want.flags;
		act.sa_restorer = want.restorer;
		memcpy(&act.sa_mask, &want.mask, sizeof(want.mask));
	}
	if (get && !gs_access_writable(gs_gate(), get, sizeof(*get)))
		return (int)gs_gate_result(-EFAULT);
	if (sigaction(sig, set ? &act : NULL, get ? &old : NULL) < 0)
		return -1;
	if (get) {
		get->handler = (void *)old.sa_handler;
		get->flags = (unsigned int)old.sa_flags;
		get->restorer = old.sa_restorer;
		memcpy(&get->mask, &old.sa_mask, sizeof(get->mask));
	}
	return 0;
}

static int gs_rawcall_mask(int how, const uint64_t *set, uint64_t *get)
{
	uint64_t want;

	if (set) {
		if (!gs_access_readable(gs_gate(), set, GS_SIG_BYTES))
			return (int)gs_gate_result(-EFAULT);
		want = *set; /* get may be the same object */
	}
	if (get && !gs_access_writable(gs_gate(), get, GS_SIG_BYTES))
		return (int)gs_gate_result(-EFAULT);
	return sigprocmask(how, set ? (const sigset_t *)&want : NULL, (sigset_t *)get);
}

/* The calls that have a set's size as their last argument. */
static bool gs_rawcall_set(long nr, const long *a, long *ret)
{
	switch (nr) {
	case SYS_rt_sigaction:
		if (a[3] != GS_SIG_BYTES)
			return false;
		*ret = gs_rawcall_action((int)a[0], (const struct gs_rawcall_action *)a[1],
					 (struct gs_rawcall_action *)a[2]);
		return true;
	case SYS_rt_sigprocmask:
		if (a[3] != GS_SIG_BYTES)
			return false;
		*ret = gs_rawcall_mask((int)a[0], (const uint64_t *)a[1], (uint64_t *)a[2]);
		return true;
	case SYS_rt_sigtimedwait:
		if (a[3] != GS_SIG_BYTES)
			return false;
		*ret = sigtimedwait((const sigset_t *)a[0], (siginfo_t *)a[1],
				    (const struct timespec *)a[2]);
		return true;
	case SYS_rt_sigpending:
		if (a[1] != GS_SIG_BYTES)
			return false;
		*ret = sigpending((sigset_t *)a[0]);
		return true;
	case SYS_rt_sigsuspend:
		if (a[1] != GS_SIG_BYTES)
			return false;
		*ret = sigsuspend((const sigset_t *)a[0]);
		return true;
	case SYS_signalfd4:
		if (a[2] != GS_SIG_BYTES)
			return false;
		*ret = signalfd((int)a[0], (const sigset_t *)a[1], (int)a[3]);
		return true;
	default:
		return false;
	}
}

bool gs_rawcall(long nr, const long *a, long *ret)
{
	switch (nr) {
	case SYS_kill:
		*ret = kill((pid_t)a[0], (int)a[1]);
		return true;
	case SYS_tgkill:
		*ret = tgkill((pid_t)a[0], (pid_t)a[1], (int)a[2]);
		return true;
	case SYS_tkill:
		if (!gs_thread_by_tid((int)a[0]))
			return false;
		*ret = tgkill(gs_sys_getpid(), (pid_t)a[0], (int)a[1]);
		return true;
	case SYS_rt_tgsigqueueinfo:
		return gs_send_info((pid_t)a[0], (pid_t)a[1], (int)a[2], (const siginfo_t *)a[3],
				    ret);
	case SYS_sigaltstack:
		*ret = sigaltstack((const stack_t *)a[0], (stack_t *)a[1]);
		return true;
	case SYS_pause:
		*ret = pause();
		return true;
	case SYS_wait4:
		*ret = wait4((pid_t)a[0], (int *)a[1], (int)a[2], (struct rusage *)a[3]);
		return true;
	case SYS_waitid:
		if (a[4])
			return false;
		*ret = waitid((idtype_t)a[0], (id_t)a[1], (siginfo_t *)a[2], (int)a[3]);
		return true;
	case SYS_execve:
		*ret = execve((const char *)a[0], (char *const *)a[1], (char *const *)a[2]);
		return true;
	case SYS_execveat:
		*ret = execveat((int)a[0], (const char *)a[1], (char *const *)a[2],
				(char *const *)a[3], (int)a[4]);
		return true;
	default:
		return gs_rawcall_set(nr, a, ret) || gs_clone_syscall(nr, a, ret);
	}
}
