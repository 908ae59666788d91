/* SPDX-License-Identifier: MIT */
/*
 * identity.c - what a thread can change of its own kernel thread only: namespaces,
 * credentials, capabilities, filters, names.
 *
 * Threads that a thread creates afterwards inherit most of it. A call that asks, or
 * that is about the whole process, goes to the kernel as it is.
 *
 * Called from: the program; gs_sched_syscall.
 */
#include "gate.h"
#include "init.h"
#include "runtime/access.h"
#include "runtime/filter.h"
#include "runtime/rights.h"
#include "runtime/wired.h"
#include "sched.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum {
	GS_IDENTITY_ARGS = 6,
	GS_IDENTITY_ASK = -1, /* setfsuid, personality: what it is */
	GS_IDENTITY_SET_GS = 0x1001,
	GS_IDENTITY_SET_CPUID = 0x1012,
};

static long gs_identity_raw(long nr, const long *a)
{
	return gs_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The name of the kernel thread we are on is ours only if we are alone on it, or main
   on the process's first one. Inside the runtime: nothing else runs here meanwhile. */
static long gs_identity_set_name(struct gs_thread *self, const char *name)
{
	char before[sizeof(self->name)];
	long ret;

	gs_enter(self);
	gs_sys2(__NR_prctl, PR_GET_NAME, before);
	ret = gs_sys2(__NR_prctl, PR_SET_NAME, name);
	if (ret == 0) {
		/* The kernel has found out whether, and how much of it, can be read. */
		gs_sys2(__NR_prctl, PR_GET_NAME, self->name);
		gs_sys2(__NR_prctl, PR_SET_NAME, before);
		gs_wired_rename(self);
	}
	gs_leave(self);
	return ret;
}

static long gs_identity_get_name(struct gs_thread *self, char *name)
{
	long ret = gs_sys2(__NR_prctl, PR_GET_NAME, name);

	if (ret == 0 && self->name[0])
		memcpy(name, self->name, sizeof(self->name));
	return ret;
}

/* Is it a filter the kernel may take, and one the library has to heed? */
static bool gs_identity_is_harsh(struct gs_thread *self, const struct sock_fprog *prog)
{
	return gs_access_readable(self, prog, sizeof(*prog)) && prog->len > 0 &&
	       prog->len <= BPF_MAXINSNS &&
	       gs_access_readable(self, prog->filter, prog->len * sizeof(*prog->filter)) &&
	       gs_filter_is_harsh(prog);
}

/* prctl(PR_SET_SECCOMP) and seccomp. One for all threads is the kernel's business, but for
   what the library itself calls. */
static long gs_identity_confine(struct gs_thread *self, long nr, const long *a)
{
	const struct sock_fprog *prog = (const struct sock_fprog *)a[2];
	bool prctl = nr == SYS_prctl;
	struct gs_filter *f = NULL;
	long ret;

	if ((prctl ? a[1] == SECCOMP_MODE_FILTER : a[0] == SECCOMP_SET_MODE_FILTER) &&
	    gs_identity_is_harsh(self, prog)) {
		gs_enter(self);
		f = gs_filter_add(prog);
		gs_leave(self);
		if (!f)
			return -ENOMEM;
	}
	ret = !prctl && (a[1] & SECCOMP_FILTER_FLAG_TSYNC) ? gs_identity_raw(nr, a) :
							     gs_wired_call(self, nr, a, true);
	if (ret < 0 && f)
		gs_filter_drop(f);
	return ret;
}

static long gs_identity_prctl(struct gs_thread *self, const long *a)
{
	switch ((int)a[0]) {
	case PR_SET_NAME:
		return gs_identity_set_name(self, (const char *)a[1]);
	case PR_GET_NAME:
		return gs_identity_get_name(self, (char *)a[1]);
	case PR_SET_PDEATHSIG: /* not inherited */
		return gs_wired_call(self, SYS_prctl, a, false);
	case PR_CAP_AMBIENT:
		if (a[1] == PR_CAP_AMBIENT_IS_SET)
			break;
		/* fall through */
	case PR_SET_KEEPCAPS:
	case PR_CAPBSET_DROP:
	case PR_SET_TSC:
	case PR_SET_SECUREBITS:
	case PR_SET_TIMERSLACK:
	case PR_MCE_KILL:
	case PR_SET_NO_NEW_PRIVS:
	case PR_SET_SPECULATION_CTRL:
	case PR_SET_IO_FLUSHER:
	case PR_SET_SYSCALL_USER_DISPATCH:
		return gs_wired_call(self, SYS_prctl, a, true);
	case PR_SET_SECCOMP:
		return gs_identity_confine(self, SYS_prctl, a);
	case PR_SCHED_CORE:
		if (a[1] != PR_SCHED_CORE_GET && a[3] == PR_SCHED_CORE_SCOPE_THREAD &&
		    gs_sched_thread(self, (pid_t)a[2]) == self) {
			long b[GS_IDENTITY_ARGS] = { a[0], a[1], 0, a[3], a[4] };

			return gs_wired_call(self, SYS_prctl, b, true);
		}
		break;
	default:
		break;
	}
	return gs_identity_raw(SYS_prctl, a);
}

/* capget and capset name a thread in their header. */
static long gs_identity_caps(struct gs_thread *self, long nr, const long *a)
{
	struct __user_cap_header_struct *user = (void *)a[0], header;
	struct iovec to = { &header, sizeof(header) }, from = { user, sizeof(header) };
	long b[GS_IDENTITY_ARGS] = { (long)&header, a[1] }, ret;
	struct gs_thread *t;

	if (gs_sys6(SYS_process_vm_readv, gs_sys_getpid(), &to, 1, &from, 1, 0) != sizeof(header))
		return gs_identity_raw(nr, a); /* it cannot be read */
	t = gs_sched_thread(self, header.pid);
	if (!t)
		return gs_identity_raw(nr, a);
	if (nr == SYS_capget)
		header.pid = gs_wired_ask(self, t);
	else if (t == self)
		header.pid = 0;
	ret = nr == SYS_capget ? gs_identity_raw(nr, b) : gs_wired_call(self, nr, b, true);
	user->version = header.version;
	return ret;
}

/* The calls that give the number that was in force, and never fail. */
static long gs_identity_replace(struct gs_thread *self, long nr, const long *a)
{
	long ask[GS_IDENTITY_ARGS] = { GS_IDENTITY_ASK };
	long now = gs_identity_raw(nr, ask);

	if ((int)a[0] == GS_IDENTITY_ASK || (int)a[0] == (int)now)
		return now;
	return gs_wired_call(self, nr, a, true);
}

static long gs_identity_keys(struct gs_thread *self, long nr, const long *a)
{
	bool mine;

	switch (nr) {
	case SYS_add_key:
		mine = (int)a[4] == KEY_SPEC_THREAD_KEYRING;
		break;
	case SYS_request_key:
		mine = (int)a[3] == KEY_SPEC_THREAD_KEYRING;
		break;
	default:
		mine = a[0] == KEYCTL_JOIN_SESSION_KEYRING || a[0] == KEYCTL_SET_REQKEY_KEYRING ||
		       (int)a[1] == KEY_SPEC_THREAD_KEYRING || (int)a[2] == KEY_SPEC_THREAD_KEYRING;
		break;
	}
	/* A thread keyring is not inherited, a session keyring is. */
	return mine ? gs_wired_call(self, nr, a, nr == SYS_keyctl) : gs_identity_raw(nr, a);
}

/* Would set_robust_list change nothing? Some programs ask for the list that is there
   (get_robust_list) and give it back; and the kernel takes one length only. */
static bool gs_identity_same_list(const long *a)
{
	void *head = NULL;
	size_t length = 0;

	return gs_sys3(SYS_get_robust_list, 0, &head, &length) == 0 &&
	       (a[1] != (long)length || a[0] == (long)head);
}

long gs_identity_early(long nr, const long *a)
{
	long ret = gs_identity_raw(nr, a);
	bool prctl = nr == SYS_prctl && a[0] == PR_SET_SECCOMP;
	bool strict = prctl ? a[1] == SECCOMP_MODE_STRICT : a[0] == SECCOMP_SET_MODE_STRICT;

	if (ret < 0 || (!prctl && nr != SYS_seccomp) ||
	    !(strict || (prctl ? a[1] == SECCOMP_MODE_FILTER :
				 a[0] == SECCOMP_SET_MODE_FILTER)))
		return ret;
	if (strict || gs_filter_is_harsh((const struct sock_fprog *)a[2]))
		gs_init_step_aside("a filter that ends who makes other system calls than expected");
	return ret;
}

long gs_identity_key(const long *a)
{
	long key = gs_identity_raw(SYS_pkey_alloc, a);

	if (key >= 0)
		gs_rights_keyed((int)key);
	return key;
}

long gs_identity_syscall(struct gs_thread *self, long nr, const long *a)
{
	switch (nr) {
	case SYS_prctl:
		return gs_identity_prctl(self, a);
	case SYS_capset:
	case SYS_capget:
		return gs_identity_caps(self, nr, a);
	case SYS_setfsuid:
	case SYS_setfsgid:
	case SYS_personality:
		return gs_identity_replace(self, nr, a);
	case SYS_keyctl:
	case SYS_add_key:
	case SYS_request_key:
		return gs_identity_keys(self, nr, a);
	case SYS_seccomp:
		if (a[0] == SECCOMP_SET_MODE_STRICT || a[0] == SECCOMP_SET_MODE_FILTER)
			return gs_identity_confine(self, nr, a);
		break;
	case SYS_unshare:
	case SYS_setns:
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setgroups:
	case SYS_set_mempolicy:
	case SYS_landlock_restrict_self:
		return gs_wired_call(self, nr, a, true);
	case SYS_set_robust_list:
		return gs_identity_same_list(a) ? gs_identity_raw(nr, a) :
						  gs_wired_call(self, nr, a, false);
	case SYS_rseq:
		/* The kernel would write into the area of whichever thread registered last on
		   this kernel thread. Who asks for it can do without. */
		return -ENOSYS;
#ifdef SYS_arch_prctl
	case SYS_arch_prctl:
		if (a[0] == GS_IDENTITY_SET_GS || a[0] == GS_IDENTITY_SET_CPUID)
			return gs_wired_call(self, nr, a, true);
		break;
	case SYS_iopl:
	case SYS_ioperm:
		return gs_wired_call(self, nr, a, true);
#endif
	default:
		break;
	}
	return gs_identity_raw(nr, a);
}

static long gs_identity_call(long nr, long a, long b, long c)
{
	return gs_sched_syscall(nr, (const long[GS_IDENTITY_ARGS]){ a, b, c });
}

GS_EXPORT int prctl(int op, ...)
{
	long a[GS_IDENTITY_ARGS] = { op };
	va_list ap;

	va_start(ap, op);
	for (int i = 1; i < 5; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return (int)gs_gate_result(gs_sched_syscall(SYS_prctl, a));
}

GS_EXPORT int unshare(int flags)
{
	return (int)gs_gate_result(gs_identity_call(SYS_unshare, flags, 0, 0));
}

GS_EXPORT int setns(int fd, int type)
{
	return (int)gs_gate_result(gs_identity_call(SYS_setns, fd, type, 0));
}

GS_EXPORT int personality(unsigned long persona)
{
	return (int)gs_gate_result(gs_identity_call(SYS_personality, (long)persona, 0, 0));
}

GS_EXPORT int setfsuid(uid_t uid)
{
	return (int)gs_identity_call(SYS_setfsuid, (long)uid, 0, 0);
}

GS_EXPORT int setfsgid(gid_t gid)
{
	return (int)gs_identity_call(SYS_setfsgid, (long)gid, 0, 0);
}

/* Declared by no header; libcap's own prototypes are these. */
GS_EXPORT int capset(struct __user_cap_header_struct *header,
		     const struct __user_cap_data_struct *data)
{
	return (int)gs_gate_result(gs_identity_call(SYS_capset, (long)header, (long)data, 0));
}

GS_EXPORT int capget(struct __user_cap_header_struct *header, struct __user_cap_data_struct *data)
{
	return (int)gs_gate_result(gs_identity_call(SYS_capget, (long)header, (long)data, 0));
}

GS_EXPORT int pkey_alloc(unsigned flags, unsigned rights)
{
	return (int)gs_gate_result(gs_identity_call(SYS_pkey_alloc, flags, rights, 0));
}

#ifdef SYS_iopl
GS_EXPORT int iopl(int level)
{
	return (int)gs_gate_result(gs_identity_call(SYS_iopl, level, 0, 0));
}

GS_EXPORT int ioperm(unsigned long from, unsigned long num, int on)
{
	return (int)gs_gate_result(gs_identity_call(SYS_ioperm, (long)from, (long)num, on));
}
#endif
