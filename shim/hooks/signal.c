/* SPDX-License-Identifier: MIT */
/*
 * signal.c - actions, masks, waiting for signals, and the older names of all that, with
 * glibc's meaning of each. Sending is in sigsend.c.
 *
 * The actions are the process's, so kernel threads of libc's own use the table too
 * once there is one. Masks are a thread's: theirs are the kernel's.
 *
 * Called from: the program. libc's own functions (system, posix_spawn, abort) call libc's.
 */
#include "gate.h"
#include "real.h"
#include "runtime/access.h"
#include "runtime/cancel.h"
#include "runtime/fd.h"
#include "runtime/sigact.h"
#include "runtime/signal.h"
#include "runtime/sigstack.h"
#include "runtime/sigwait.h"
#include "runtime/sleep.h"

#include <string.h>
#include <sys/signalfd.h>

static uint64_t gs_hook_set(const sigset_t *set)
{
	uint64_t bits;

	memcpy(&bits, set, sizeof(bits));
	return bits;
}

/* ---- actions ---- */

/* Not a vfork child: it has a table of its own in the kernel, but our memory. */
static bool gs_hook_has_table(void)
{
	return gs_self ? !gs_thread_busy(gs_self) : gs_sched_on;
}

static void gs_hook_action_out(struct sigaction *out, const struct gs_sigact *act)
{
	memset(out, 0, sizeof(*out));
	out->sa_handler = (__sighandler_t)act->handler;
	out->sa_flags = (int)act->flags;
	out->sa_restorer = (void (*)(void))act->restorer;
	memcpy(&out->sa_mask, &act->mask, sizeof(act->mask));
}

static int gs_hook_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct gs_sigact new, was;
	uint64_t saved;

	if (!gs_hook_has_table())
		return gs_real.sigaction(sig, act, old);
	if (!gs_sig_valid(sig) || (GS_SIGS_LIBC & GS_SIG(sig)) ||
	    (act && (GS_SIGS_FATAL & GS_SIG(sig)))) {
		errno = EINVAL;
		return -1;
	}
	if (act)
		new = (struct gs_sigact){ .handler = (uintptr_t)act->sa_handler,
					  .flags = (unsigned int)act->sa_flags,
					  .mask = gs_hook_set(&act->sa_mask) };
	saved = gs_signal_lock();
	was = gs_sigact_get(sig);
	if (act) {
		gs_sigact_set(sig, &new);
		if (gs_sigact_ignores(sig))
			gs_sigqueue_flush(GS_SIG(sig));
	}
	gs_signal_unlock(saved);
	if (old)
		gs_hook_action_out(old, &was);
	return 0;
}

GS_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return gs_hook_action(sig, act, old);
}

GS_EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return gs_hook_action(sig, act, old);
}

/* Signals whose handlers, set by signal, do not restart calls: siginterrupt. */
static _Atomic uint64_t gs_hook_interrupting;

static __sighandler_t gs_hook_signal(int sig, __sighandler_t handler, int flags, uint64_t mask)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags }, old;

	if (handler == SIG_ERR || !gs_sig_valid(sig)) {
		errno = EINVAL;
		return SIG_ERR;
	}
	memcpy(&act.sa_mask, &mask, sizeof(mask));
	return gs_hook_action(sig, &act, &old) < 0 ? SIG_ERR : old.sa_handler;
}

GS_EXPORT __sighandler_t signal(int sig, __sighandler_t handler)
{
	/* relaxed: one word, no order with anything */
	uint64_t bit = gs_sig_valid(sig) ? GS_SIG(sig) : 0;
	bool interrupts = atomic_load_explicit(&gs_hook_interrupting, memory_order_relaxed) & bit;

	return gs_hook_signal(sig, handler, interrupts ? 0 : SA_RESTART, bit);
}

GS_EXPORT __sighandler_t bsd_signal(int sig, __sighandler_t handler)
{
	return signal(sig, handler);
}

GS_EXPORT __sighandler_t ssignal(int sig, __sighandler_t handler)
{
	return signal(sig, handler);
}

GS_EXPORT __sighandler_t sysv_signal(int sig, __sighandler_t handler)
{
	return gs_hook_signal(sig, handler, (int)(SA_RESETHAND | SA_NODEFER), 0);
}

GS_EXPORT __sighandler_t __sysv_signal(int sig, __sighandler_t handler)
{
	return sysv_signal(sig, handler);
}

GS_EXPORT int siginterrupt(int sig, int interrupts)
{
	struct sigaction act;

	if (gs_hook_action(sig, NULL, &act) < 0)
		return -1;
	if (interrupts) {
		atomic_fetch_or_explicit(&gs_hook_interrupting, GS_SIG(sig), memory_order_relaxed);
		act.sa_flags &= ~SA_RESTART;
	} else {
		atomic_fetch_and_explicit(&gs_hook_interrupting, ~GS_SIG(sig), memory_order_relaxed);
		act.sa_flags |= SA_RESTART;
	}
	return gs_hook_action(sig, &act, NULL);
}

GS_EXPORT int sigignore(int sig)
{
	struct sigaction act = { .sa_handler = SIG_IGN };

	return gs_hook_action(sig, &act, NULL);
}

/* ---- masks ---- */

/* The caller's mask becomes (mask & keep) | add. Returns what it was. */
static uint64_t gs_hook_mask(uint64_t keep, uint64_t add)
{
	struct gs_thread *self = gs_gate();
	uint64_t old = 0, new;

	if (self) {
		gs_enter(self);
		/* relaxed: our own */
		old = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
		gs_signal_swap_mask(self, (old & keep) | add, &old);
		gs_leave(self);
		return old;
	}
	gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &old, GS_SIG_BYTES);
	new = ((old & keep) | add) & ~GS_SIGS_LIBC;
	if (new != old)
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &new, NULL, GS_SIG_BYTES);
	return old;
}

GS_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	uint64_t bits = set ? gs_hook_set(set) : 0, was;

	if (!set)
		was = gs_hook_mask(~UINT64_C(0), 0);
	else if (how == SIG_BLOCK)
		was = gs_hook_mask(~UINT64_C(0), bits);
	else if (how == SIG_UNBLOCK)
		was = gs_hook_mask(~bits, 0);
	else if (how == SIG_SETMASK)
		was = gs_hook_mask(0, bits);
	else
		return EINVAL;
	if (old)
		memcpy(old, &was, sizeof(was));
	return 0;
}

GS_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	int err = pthread_sigmask(how, set, old);

	if (err == 0)
		return 0;
	errno = err;
	return -1;
}

GS_EXPORT int sigblock(int mask)
{
	return (int)gs_hook_mask(~UINT64_C(0), (unsigned int)mask);
}

GS_EXPORT int sigsetmask(int mask)
{
	return (int)gs_hook_mask(0, (unsigned int)mask);
}

/* Checks what glibc's sigaddset checks. */
static bool gs_hook_settable(int sig)
{
	if (gs_sig_valid(sig) && !(GS_SIGS_LIBC & GS_SIG(sig)))
		return true;
	errno = EINVAL;
	return false;
}

GS_EXPORT int sighold(int sig)
{
	if (!gs_hook_settable(sig))
		return -1;
	gs_hook_mask(~UINT64_C(0), GS_SIG(sig));
	return 0;
}

GS_EXPORT int sigrelse(int sig)
{
	if (!gs_hook_settable(sig))
		return -1;
	gs_hook_mask(~GS_SIG(sig), 0);
	return 0;
}

GS_EXPORT __sighandler_t sigset(int sig, __sighandler_t disp)
{
	struct sigaction act = { .sa_handler = disp }, old;
	bool held;

	if (disp == SIG_ERR || !gs_hook_settable(sig)) {
		errno = EINVAL;
		return SIG_ERR;
	}
	if (disp == SIG_HOLD) {
		held = gs_hook_mask(~UINT64_C(0), GS_SIG(sig)) & GS_SIG(sig);
		if (held)
			return SIG_HOLD;
		return gs_hook_action(sig, NULL, &old) < 0 ? SIG_ERR : old.sa_handler;
	}
	if (gs_hook_action(sig, &act, &old) < 0)
		return SIG_ERR;
	held = gs_hook_mask(~GS_SIG(sig), 0) & GS_SIG(sig);
	return held ? SIG_HOLD : old.sa_handler;
}

/* ---- waiting ---- */

static int gs_hook_suspend(uint64_t mask)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return (int)gs_gate_result(gs_sys2(__NR_rt_sigsuspend, &mask, GS_SIG_BYTES));
	gs_cancel_point(self);
	gs_sigwait_suspend(self, mask);
	gs_cancel_point(self);
	errno = EINTR;
	return -1;
}

GS_EXPORT int sigsuspend(const sigset_t *set)
{
	if (!gs_access_readable(gs_gate(), set, GS_SIG_BYTES))
		return (int)gs_gate_result(-EFAULT);
	return gs_hook_suspend(gs_hook_set(set));
}

GS_EXPORT int __sigsuspend(const sigset_t *set)
{
	if (!gs_access_readable(gs_gate(), set, GS_SIG_BYTES))
		return (int)gs_gate_result(-EFAULT);
	return gs_hook_suspend(gs_hook_set(set));
}

GS_EXPORT int pause(void)
{
	struct gs_thread *self = gs_gate();

	if (!self)
		return (int)gs_gate_result(gs_sys0(__NR_pause));
	/* relaxed: our own */
	return gs_hook_suspend(atomic_load_explicit(&self->sigmask, memory_order_relaxed));
}

GS_EXPORT int __sigpause(int sig_or_mask, int is_sig)
{
	if (!is_sig)
		return gs_hook_suspend((unsigned int)sig_or_mask);
	if (!gs_hook_settable(sig_or_mask))
		return -1;
	return gs_hook_suspend(gs_hook_mask(~UINT64_C(0), 0) & ~GS_SIG(sig_or_mask));
}

/* The header gives this C name the symbol of X/Open's; BSD's needs another. */
GS_EXPORT int sigpause(int sig)
{
	return __sigpause(sig, 1);
}

GS_EXPORT int gs_hook_sigpause(int mask) __asm__("sigpause");

GS_EXPORT int gs_hook_sigpause(int mask)
{
	return __sigpause(mask, 0);
}

/* Returns the signal or -errno. */
static int gs_hook_wait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	struct gs_thread *self = gs_gate();
	uint64_t deadline = GS_NEVER;
	siginfo_t got;
	int sig;

	if (!self) {
		sig = (int)gs_sys4(__NR_rt_sigtimedwait, set, &got, timeout, GS_SIG_BYTES);
	} else {
		gs_cancel_point(self);
		if (!gs_access_readable(self, set, GS_SIG_BYTES))
			return -EFAULT;
		if (timeout) {
			if (!gs_access_readable(self, timeout, sizeof(*timeout)))
				return -EFAULT;
			if (timeout->tv_sec < 0 || (uint64_t)timeout->tv_nsec >= GS_NSEC)
				return -EINVAL;
			deadline = gs_sleep_ns(timeout);
			if (deadline != 0)
				deadline += gs_now(); /* both fit in 63 bits */
		}
		sig = gs_sigwait(self, gs_hook_set(set), &got, deadline);
		if (sig == -EINTR)
			gs_cancel_point(self);
	}
	if (sig <= 0 || !info)
		return sig;
	if (!gs_access_writable(self, info, sizeof(*info)))
		return -EFAULT; /* the signal is lost, as in the kernel */
	/* As in glibc, which sends to threads with tgkill. */
	if (got.si_code == SI_TKILL)
		got.si_code = SI_USER;
	*info = got;
	return sig;
}

GS_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	return (int)gs_gate_result(gs_hook_wait(set, info, timeout));
}

GS_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	return (int)gs_gate_result(gs_hook_wait(set, info, NULL));
}

GS_EXPORT int sigwait(const sigset_t *set, int *sig)
{
	int ret;

	do
		ret = gs_hook_wait(set, NULL, NULL);
	while (ret == -EINTR);
	if (ret < 0)
		return -ret;
	*sig = ret;
	return 0;
}

GS_EXPORT int sigpending(sigset_t *set)
{
	struct gs_thread *self = gs_gate();
	uint64_t bits;

	if (!self)
		return (int)gs_gate_result(gs_sys2(__NR_rt_sigpending, set, GS_SIG_BYTES));
	if (!gs_access_writable(self, set, GS_SIG_BYTES))
		return (int)gs_gate_result(-EFAULT);
	bits = gs_sigwait_pending(self);
	memcpy(set, &bits, sizeof(bits));
	return 0;
}

GS_EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	long ret = gs_sys4(__NR_signalfd4, fd, set, GS_SIG_BYTES, flags);

	/* Before there are green threads, too: later what it reads must stay in the kernel. */
	if (ret >= 0 && (gs_hook_has_table() || !gs_self))
		gs_sigwait_fd(gs_hook_set(set));
	if (ret >= 0 && fd == -1)
		gs_fd_opened((int)ret, GS_FD_ANON, flags & SFD_NONBLOCK);
	return (int)gs_gate_result(ret);
}

/* ---- the alternate stack ---- */

GS_EXPORT int sigaltstack(const stack_t *ss, stack_t *old)
{
	struct gs_thread *self = gs_gate();
	stack_t want, was;
	uint64_t saved;
	int err;

	if (!self)
		return (int)gs_gate_result(gs_sys2(__NR_sigaltstack, ss, old));
	if (ss && !gs_access_readable(self, ss, sizeof(*ss)))
		return (int)gs_gate_result(-EFAULT);
	if (ss)
		want = *ss; /* old may be the same object */
	if (old && !gs_access_writable(self, old, sizeof(*old)))
		return (int)gs_gate_result(-EFAULT);
	saved = gs_signal_lock();
	err = gs_sigstack_set(self, (uintptr_t)__builtin_frame_address(0),
			      ss ? &want : NULL, old ? &was : NULL);
	gs_signal_unlock(saved);
	if (err == 0 && old)
		*old = was;
	return (int)gs_gate_result(err);
}
