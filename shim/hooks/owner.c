/* SPDX-License-Identifier: MIT */
/*
 * owner.c - a descriptor's signals may be for one thread (F_OWNER_TID): the kernel sends
 * them to a kernel thread, so the green one gets one of its own, and signal.c takes what
 * comes there from a descriptor for its.
 *
 * Called from: fcntl.c.
 */
#include "owner.h"

#include "gate.h"
#include "runtime/access.h"
#include "runtime/sigaim.h"
#include "runtime/wired.h"
#include "sched.h"

/* The owner's kernel thread is to let the descriptor's signal in. */
static void gs_owner_admit(struct gs_thread *t, int ktid, int sig)
{
	if (sig == 0)
		sig = SIGIO;
	if (gs_sig_valid(sig))
		gs_sigaim(t, ktid, sig);
}

long gs_owner_set(int fd, const struct f_owner_ex *owner)
{
	struct gs_thread *self = gs_gate(), *t;
	struct f_owner_ex copy;
	int ktid;
	long ret;

	/* What cannot be read is the kernel's to refuse. */
	if (!self || !gs_access_readable(self, owner, sizeof(*owner)) ||
	    owner->type != F_OWNER_TID || owner->pid == 0)
		return gs_sys3(__NR_fcntl, fd, F_SETOWN_EX, owner);
	t = gs_sched_thread(self, owner->pid);
	if (!t)
		return gs_sys3(__NR_fcntl, fd, F_SETOWN_EX, owner);
	ktid = gs_wired_ktid(self, t);
	if (ktid < 0)
		return ktid;
	copy = (struct f_owner_ex){ .type = F_OWNER_TID, .pid = ktid };
	ret = gs_sys3(__NR_fcntl, fd, F_SETOWN_EX, &copy);
	if (ret == 0)
		gs_owner_admit(t, ktid, (int)gs_sys3(__NR_fcntl, fd, F_GETSIG, 0));
	return ret;
}

long gs_owner_get(int fd, struct f_owner_ex *owner)
{
	long ret = gs_sys3(__NR_fcntl, fd, F_GETOWN_EX, owner);
	struct gs_thread *t;

	if (ret == 0 && owner->type == F_OWNER_TID && gs_sched_on) {
		t = gs_wired_whose(owner->pid);
		if (t)
			owner->pid = t->tid;
	}
	return ret;
}

long gs_owner_signal(int fd, int sig)
{
	long ret = gs_sys3(__NR_fcntl, fd, F_SETSIG, sig);
	struct f_owner_ex owner;
	struct gs_thread *t;

	if (ret == 0 && gs_sched_on && gs_sys3(__NR_fcntl, fd, F_GETOWN_EX, &owner) == 0 &&
	    owner.type == F_OWNER_TID && (t = gs_wired_whose(owner.pid)) != NULL)
		gs_owner_admit(t, owner.pid, sig);
	return ret;
}
