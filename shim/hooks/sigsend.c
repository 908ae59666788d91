/* SPDX-License-Identifier: MIT */
/*
 * sigsend.c - kill, raise and their relatives.
 *
 * What goes to other processes goes through the kernel. What goes to this one does so
 * only if its effect is the kernel's (runtime/signal.h, gs_signal_send); a signal that
 * has a handler is given to its thread directly, so that, as POSIX has it, a sender
 * who sends to itself is back only after the handler.
 *
 * Called from: the program; gs_rawcall. libc's own raise and abort use the kernel, which
 * delivers to the worker, and so to the thread that runs on it.
 */
#include "gate.h"
#include "rawcall.h"
#include "real.h"
#include "runtime/life.h"
#include "runtime/sigact.h"
#include "runtime/signal.h"

enum { GS_SEND_PIDS = 4194304 }; /* the kernel's numbers; those of green threads are higher */

static bool gs_send_to_kernel(int sig)
{
	return !gs_sig_valid(sig) || ((GS_SIGS_FATAL | GS_SIGS_LIBC) & GS_SIG(sig));
}

/* To a green thread. Returns 0 or -errno. */
static int gs_send_thread(struct gs_thread *t, const siginfo_t *info)
{
	int sig = info->si_signo;

	gs_signal_oppose(sig);
	/* The process ends or stops here and now, if the thread lets the signal in. relaxed:
	   a change that races with us may come before or after */
	if (gs_sigact_get(sig).handler == (uintptr_t)SIG_DFL &&
	    !(atomic_load_explicit(&t->sigmask, memory_order_relaxed) & GS_SIG(sig))) {
		gs_sigact_default(sig);
		return 0;
	}
	return gs_signal_send(t, info);
}

/* As tgkill does: no signal number is an error, and 0 is not sent. */
static int gs_send_thread_checked(struct gs_thread *t, int sig)
{
	siginfo_t info;

	if (sig == 0)
		return 0;
	if (!gs_sig_valid(sig))
		return -EINVAL;
	if (gs_send_to_kernel(sig)) /* SIGKILL and SIGSTOP: the process's */
		return (int)gs_sys2(__NR_kill, gs_sys_getpid(), sig);
	gs_signal_info(&info, sig, SI_TKILL);
	return gs_send_thread(t, &info);
}

GS_EXPORT int raise(int sig)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return gs_real.raise(sig);
	if (gs_sig_valid(sig) && (GS_SIGS_LIBC & GS_SIG(sig))) {
		errno = EINVAL;
		return -1;
	}
	return (int)gs_gate_result(gs_send_thread_checked(self, sig));
}

GS_EXPORT int gsignal(int sig) __attribute__((alias("raise")));

GS_EXPORT int pthread_kill(pthread_t thread, int sig)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	if (!t || (gs_self && !gs_gate()))
		return gs_real.pthread_kill(thread, sig);
	if (gs_sig_valid(sig) && (GS_SIGS_LIBC & GS_SIG(sig)))
		return EINVAL;
	if (gs_life_is_over(t)) /* glibc looks at this before the number */
		return 0;
	return -gs_send_thread_checked(t, sig);
}

GS_EXPORT int pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	siginfo_t info;

	if (!t || (gs_self && !gs_gate()))
		return gs_real.pthread_sigqueue(thread, sig, value);
	if (gs_life_is_over(t))
		return ESRCH;
	if (sig == 0)
		return 0;
	if (!gs_sig_valid(sig) || (GS_SIGS_LIBC & GS_SIG(sig)))
		return EINVAL;
	if (gs_send_to_kernel(sig))
		return -(int)gs_sys2(__NR_kill, gs_sys_getpid(), sig);
	gs_signal_info(&info, sig, SI_QUEUE);
	info.si_value = value;
	return -gs_send_thread(t, &info);
}

GS_EXPORT int tgkill(pid_t tgid, pid_t tid, int sig)
{
	struct gs_thread *t;

	if (gs_gate() && tgid == gs_sys_getpid() && (t = gs_thread_by_tid(tid)) != NULL)
		return (int)gs_gate_result(gs_send_thread_checked(t, sig));
	return (int)gs_gate_result(gs_sys3(__NR_tgkill, tgid, tid, sig));
}

bool gs_send_info(int pid, int tid, int sig, const void *from, long *ret)
{
	struct gs_thread *self = gs_gate(), *t;
	siginfo_t info;

	t = self && pid == gs_sys_getpid() ? gs_thread_by_tid(tid) : NULL;
	if (!t || !from || gs_send_to_kernel(sig))
		return false;
	info = *(const siginfo_t *)from;
	info.si_signo = sig;
	/* Whose it is a thread may only claim to itself. */
	if (t != self && (info.si_code >= 0 || info.si_code == SI_TKILL))
		*ret = gs_gate_result(-EPERM);
	else
		*ret = gs_gate_result(gs_send_thread(t, &info));
	return true;
}

/* To this process, without the kernel? True: done, *ret is 0 or -errno. The kernel takes a
   thread's number for its process's, and asks that thread first. */
static bool gs_send_own(pid_t *pid, const siginfo_t *info, int *ret)
{
	int own = gs_sys_getpid();
	struct gs_thread *t = NULL;

	if (!gs_gate())
		return false;
	if (*pid > GS_SEND_PIDS && (t = gs_thread_by_tid(*pid)) != NULL)
		*pid = own;
	if (*pid != own)
		return false;
	gs_signal_oppose(info->si_signo);
	if (gs_send_to_kernel(info->si_signo))
		return false;
	/* relaxed: a change that races with us may come before or after */
	if (t && !(atomic_load_explicit(&t->sigmask, memory_order_relaxed) & GS_SIG(info->si_signo)))
		*ret = gs_send_thread(t, info);
	else
		*ret = gs_signal_send(NULL, info);
	return *ret <= 0;
}

GS_EXPORT int kill(pid_t pid, int sig)
{
	siginfo_t info;
	int ret;

	gs_signal_info(&info, sig, SI_USER);
	if (!gs_send_own(&pid, &info, &ret))
		ret = (int)gs_sys2(__NR_kill, pid, sig);
	return (int)gs_gate_result(ret);
}

GS_EXPORT int killpg(pid_t group, int sig)
{
	if (group < 0) {
		errno = EINVAL;
		return -1;
	}
	return kill(-group, sig);
}

GS_EXPORT int sigqueue(pid_t pid, int sig, const union sigval value)
{
	siginfo_t info;
	int ret;

	gs_signal_info(&info, sig, SI_QUEUE);
	info.si_value = value;
	if (!gs_send_own(&pid, &info, &ret))
		ret = (int)gs_sys3(__NR_rt_sigqueueinfo, pid, sig, &info);
	return (int)gs_gate_result(ret);
}

GS_EXPORT void abort(void)
{
	struct gs_thread *self = gs_gate();
	uint64_t old;

	if (self) { /* libc unblocks it in the kernel */
		gs_enter(self);
		/* relaxed: our own */
		old = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
		gs_signal_swap_mask(self, old & ~GS_SIG(SIGABRT), &old);
		gs_leave(self);
	}
	gs_real.abort();
	__builtin_unreachable();
}
