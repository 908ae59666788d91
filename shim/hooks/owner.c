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
#include "runtime/sigset.h"
#include "runtime/wired.h"
#include "sched.h"

/* The kernel must be able to deliver sig to self's kernel thread, if it has one. */
static void gs_owner_admit(struct gs_thread *self, int sig)
{
	if (sig == 0)
		sig = SIGIO;
	if (self && self->wired && gs_sig_valid(sig))
		gs_wired_admit(self, sig);
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
	if (ret == 0 && t == self)
		gs_owner_admit(self, (int)gs_sys3(__NR_fcntl, fd, F_GETSIG, 0));
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

	if (ret == 0)
		gs_owner_admit(gs_gate(), sig);
	return ret;
}
