/* SPDX-License-Identifier: MIT */
/*
 * ids.c - setuid, setgid, setgroups and their like, which POSIX has per process.
 *
 * libc's own functions ask every thread it knows to make the call; see
 * runtime/everywhere.c for why that does not do here. setfsuid and setfsgid are per
 * thread: hooks/identity.c.
 */
#include "gate.h"
#include "real.h"
#include "runtime/everywhere.h"

#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static int gs_ids_set(long nr, long a, long b, long c)
{
	return (int)gs_gate_result(gs_everywhere(gs_gate(), nr, a, b, c));
}

GS_EXPORT int setuid(uid_t uid)
{
	return gs_sched_on ? gs_ids_set(__NR_setuid, uid, 0, 0) : gs_real.setuid(uid);
}

GS_EXPORT int setgid(gid_t gid)
{
	return gs_sched_on ? gs_ids_set(__NR_setgid, gid, 0, 0) : gs_real.setgid(gid);
}

GS_EXPORT int setreuid(uid_t ruid, uid_t euid)
{
	return gs_sched_on ? gs_ids_set(__NR_setreuid, ruid, euid, 0)
			   : gs_real.setreuid(ruid, euid);
}

GS_EXPORT int setregid(gid_t rgid, gid_t egid)
{
	return gs_sched_on ? gs_ids_set(__NR_setregid, rgid, egid, 0)
			   : gs_real.setregid(rgid, egid);
}

GS_EXPORT int setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	return gs_sched_on ? gs_ids_set(__NR_setresuid, ruid, euid, suid)
			   : gs_real.setresuid(ruid, euid, suid);
}

GS_EXPORT int setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	return gs_sched_on ? gs_ids_set(__NR_setresgid, rgid, egid, sgid)
			   : gs_real.setresgid(rgid, egid, sgid);
}

GS_EXPORT int seteuid(uid_t uid)
{
	if (!gs_sched_on)
		return gs_real.seteuid(uid);
	if (uid == (uid_t)-1)
		return (int)gs_gate_result(-EINVAL);
	return gs_ids_set(__NR_setresuid, -1, uid, -1);
}

GS_EXPORT int setegid(gid_t gid)
{
	if (!gs_sched_on)
		return gs_real.setegid(gid);
	if (gid == (gid_t)-1)
		return (int)gs_gate_result(-EINVAL);
	return gs_ids_set(__NR_setresgid, -1, gid, -1);
}

GS_EXPORT int setgroups(size_t n, const gid_t *groups)
{
	return gs_sched_on ? gs_ids_set(__NR_setgroups, (long)n, (long)groups, 0)
			   : gs_real.setgroups(n, groups);
}

/* libc's calls setgroups from inside. */
GS_EXPORT int initgroups(const char *user, gid_t group)
{
	long most = sysconf(_SC_NGROUPS_MAX);
	int n = most > 0 ? (int)most : NGROUPS_MAX, ret;
	gid_t *list;

	if (!gs_sched_on)
		return gs_real.initgroups(user, group);
	list = malloc((size_t)n * sizeof(*list));
	if (!list)
		return -1;
	getgrouplist(user, group, list, &n);
	/* A kernel that takes fewer than it says gets fewer. */
	do
		ret = setgroups((size_t)n, list);
	while (ret < 0 && errno == EINVAL && --n > 0);
	free(list);
	return ret;
}
