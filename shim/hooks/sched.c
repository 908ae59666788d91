/* SPDX-License-Identifier: MIT */
/*
 * sched.c - affinity, policy and priority of threads, under all their names.
 *
 * Each function is the system call of its name on the kernel thread that stands for
 * the green thread: its own, when it has one; the calling one for questions, when it
 * has none; one made for it, when a request changes something. So all of them go
 * through gs_sched_syscall, which syscall() uses too.
 *
 * A thread is named by its pthread_t or by what gettid says; numbers that are none
 * of ours go to the kernel as they are.
 *
 * Called from: the program; syscall() in futex.c; other hooks, about the thread they mean.
 */
#include "sched.h"

#include "gate.h"
#include "real.h"
#include "runtime/priority.h"
#include "runtime/life.h"
#include "runtime/wired.h"

#include <limits.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum {
	GS_SCHED_ARGS = 6,
	GS_SCHED_TIDS = 4194304, /* the kernel's numbers end here */
	GS_SCHED_MASK = 1024,    /* bytes: 8192 CPUs */
	GS_SCHED_TRIES = 100,
};

struct gs_thread *gs_sched_thread(struct gs_thread *self, pid_t tid)
{
	struct gs_thread *t;

	if (tid == 0 || (self && tid == self->tid))
		return self;
	if (!gs_sched_on || (tid <= GS_SCHED_TIDS && tid != gs_sys_getpid()))
		return NULL;
	t = gs_thread_by_tid(tid);
	return t && !gs_life_is_over(t) ? t : NULL;
}

static long gs_sched_raw(long nr, const long *a)
{
	return gs_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* A request about the thread that argument at names. */
static long gs_sched_change(struct gs_thread *self, long nr, const long *a, int at)
{
	struct gs_thread *t = gs_sched_thread(self, (pid_t)a[at]);

	return t ? gs_wired_set(self, t, nr, a, at) : gs_sched_raw(nr, a);
}

/* A question about it. */
static long gs_sched_query(struct gs_thread *self, long nr, const long *a, int at)
{
	struct gs_thread *t = gs_sched_thread(self, (pid_t)a[at]);
	long b[GS_SCHED_ARGS], ret = -ESRCH;

	if (!t)
		return gs_sched_raw(nr, a);
	memcpy(b, a, sizeof(b));
	/* A kernel thread that was asked for somebody else may have ended meanwhile. */
	for (int i = 0; ret == -ESRCH && i < GS_SCHED_TRIES && !gs_life_is_over(t); i++) {
		b[at] = gs_wired_ask(self, t);
		ret = gs_sched_raw(nr, b);
	}
	return ret;
}

/* Something that is to hang on the kernel thread of the thread it names. */
static long gs_sched_attach(struct gs_thread *self, long nr, const long *a, int at)
{
	struct gs_thread *t = gs_sched_thread(self, (pid_t)a[at]);
	long b[GS_SCHED_ARGS];

	if (!t)
		return gs_sched_raw(nr, a);
	memcpy(b, a, sizeof(b));
	b[at] = gs_wired_ktid(self, t);
	return b[at] < 0 ? b[at] : gs_sched_raw(nr, b);
}

static long gs_sched_timer(struct gs_thread *self, const long *a)
{
	clockid_t clock = (clockid_t)a[0];
	struct sigevent ev;
	long b[GS_SCHED_ARGS];
	int err;

	memcpy(b, a, sizeof(b));
	if (a[1]) {
		ev = *(const struct sigevent *)a[1];
		b[1] = (long)&ev;
	}
	err = gs_clock_translate(self, &clock, a[1] ? &ev : NULL);
	if (err != 0)
		return err;
	b[0] = clock;
	return gs_sched_raw(SYS_timer_create, b);
}

bool gs_sched_wires(long nr)
{
	switch (nr) {
	case SYS_sched_setaffinity: case SYS_sched_getaffinity:
	case SYS_sched_setscheduler: case SYS_sched_getscheduler:
	case SYS_sched_setparam: case SYS_sched_getparam:
	case SYS_sched_setattr: case SYS_sched_getattr:
	case SYS_sched_rr_get_interval:
	case SYS_setpriority: case SYS_getpriority:
	case SYS_ioprio_set: case SYS_ioprio_get:
	case SYS_perf_event_open: case SYS_timer_create:
	case SYS_clock_gettime: case SYS_clock_getres: case SYS_getrusage:
	case SYS_unshare: case SYS_setns: case SYS_seccomp: case SYS_prctl: case SYS_personality:
	case SYS_capset: case SYS_capget:
	case SYS_setuid: case SYS_setgid: case SYS_setreuid: case SYS_setregid:
	case SYS_setresuid: case SYS_setresgid: case SYS_setgroups:
	case SYS_setfsuid: case SYS_setfsgid:
	case SYS_keyctl: case SYS_add_key: case SYS_request_key:
	case SYS_set_mempolicy: case SYS_set_robust_list: case SYS_rseq: case SYS_pkey_alloc:
	case SYS_landlock_restrict_self:
#ifdef SYS_arch_prctl
	case SYS_arch_prctl: case SYS_iopl: case SYS_ioperm:
#endif
		return true;
	default:
		return false;
	}
}

long gs_sched_syscall(long nr, const long *a)
{
	struct gs_thread *self = gs_gate();

	if (nr == SYS_pkey_alloc)
		return gs_identity_key(a);
	if (!gs_sched_on)
		return gs_identity_early(nr, a);
	switch (nr) {
	case SYS_sched_setaffinity:
	case SYS_sched_setscheduler:
	case SYS_sched_setparam:
	case SYS_sched_setattr:
		return gs_sched_change(self, nr, a, 0);
	case SYS_sched_getaffinity:
	case SYS_sched_getscheduler:
	case SYS_sched_getparam:
	case SYS_sched_getattr:
	case SYS_sched_rr_get_interval:
		return gs_sched_query(self, nr, a, 0);
	case SYS_setpriority:
		return a[0] == PRIO_PROCESS ? gs_sched_change(self, nr, a, 1) : gs_sched_raw(nr, a);
	case SYS_getpriority:
		return a[0] == PRIO_PROCESS ? gs_sched_query(self, nr, a, 1) : gs_sched_raw(nr, a);
	case SYS_ioprio_set:
		return a[0] == IOPRIO_WHO_PROCESS ? gs_sched_change(self, nr, a, 1) :
						    gs_sched_raw(nr, a);
	case SYS_ioprio_get:
		return a[0] == IOPRIO_WHO_PROCESS ? gs_sched_query(self, nr, a, 1) :
						    gs_sched_raw(nr, a);
	case SYS_perf_event_open:
		return a[1] >= 0 ? gs_sched_attach(self, nr, a, 1) : gs_sched_raw(nr, a);
	case SYS_timer_create:
		return gs_sched_timer(self, a);
	case SYS_clock_gettime:
		return gs_clock_get((clockid_t)a[0], (struct timespec *)a[1]);
	case SYS_clock_getres:
		return gs_clock_resolution((clockid_t)a[0], (struct timespec *)a[1]);
	case SYS_getrusage:
		return gs_clock_usage((int)a[0], (void *)a[1]);
	default:
		return self ? gs_identity_syscall(self, nr, a) : gs_sched_raw(nr, a);
	}
}

static long gs_sched_call(long nr, long a, long b, long c)
{
	return gs_sched_syscall(nr, (const long[GS_SCHED_ARGS]){ a, b, c });
}

/* The rest of the program's mask beyond what the kernel wrote. */
static long gs_sched_affinity(pid_t tid, size_t size, cpu_set_t *set)
{
	long n = gs_sched_call(SYS_sched_getaffinity, tid, (long)GS_MIN(size, (size_t)INT_MAX),
			       (long)set);

	if (n < 0)
		return n;
	memset((char *)set + n, 0, size - (size_t)n);
	return 0;
}

GS_EXPORT int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	return (int)gs_gate_result(
		gs_sched_call(SYS_sched_setaffinity, pid, (long)size, (long)set));
}

GS_EXPORT int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	return (int)gs_gate_result(gs_sched_affinity(pid, size, set));
}

GS_EXPORT int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	return (int)gs_gate_result(gs_sched_call(SYS_sched_setscheduler, pid, policy, (long)param));
}

GS_EXPORT int __sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	return sched_setscheduler(pid, policy, param);
}

GS_EXPORT int sched_getscheduler(pid_t pid)
{
	return (int)gs_gate_result(gs_sched_call(SYS_sched_getscheduler, pid, 0, 0));
}

GS_EXPORT int __sched_getscheduler(pid_t pid)
{
	return sched_getscheduler(pid);
}

GS_EXPORT int sched_setparam(pid_t pid, const struct sched_param *param)
{
	return (int)gs_gate_result(gs_sched_call(SYS_sched_setparam, pid, (long)param, 0));
}

GS_EXPORT int sched_getparam(pid_t pid, struct sched_param *param)
{
	return (int)gs_gate_result(gs_sched_call(SYS_sched_getparam, pid, (long)param, 0));
}

GS_EXPORT int __sched_getparam(pid_t pid, struct sched_param *param)
{
	return sched_getparam(pid, param);
}

GS_EXPORT int sched_rr_get_interval(pid_t pid, struct timespec *ts)
{
	return (int)gs_gate_result(gs_sched_call(SYS_sched_rr_get_interval, pid, (long)ts, 0));
}

GS_EXPORT int setpriority(__priority_which_t which, id_t who, int prio)
{
	return (int)gs_gate_result(
		gs_sched_call(SYS_setpriority, (long)which, (long)(int)who, prio));
}

GS_EXPORT int getpriority(__priority_which_t which, id_t who)
{
	long ret = gs_sched_call(SYS_getpriority, (long)which, (long)(int)who, 0);

	/* The kernel says 20 - nice, so that it is no error. */
	return ret < 0 ? (int)gs_gate_result(ret) : 20 - (int)ret;
}

GS_EXPORT int nice(int by)
{
	long ret = gs_sched_call(SYS_getpriority, PRIO_PROCESS, 0, 0);

	if (ret >= 0)
		ret = gs_sched_call(SYS_setpriority, PRIO_PROCESS, 0, 20 - (int)ret + by);
	if (ret < 0)
		return (int)gs_gate_result(ret == -EACCES ? -EPERM : ret);
	return getpriority(PRIO_PROCESS, 0);
}

/* The number of a green thread that has not ended; -ESRCH. */
static int gs_sched_tid(const struct gs_thread *t)
{
	return gs_life_is_over(t) ? -ESRCH : t->tid;
}

/* libc's number of one that has ended is 0: then these two are about the caller. */
GS_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	if (!t)
		return gs_real.pthread_setaffinity_np(thread, size, set);
	return (int)-gs_sched_call(SYS_sched_setaffinity, GS_MAX(gs_sched_tid(t), 0), (long)size,
				   (long)set);
}

GS_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	return t ? (int)-gs_sched_affinity(GS_MAX(gs_sched_tid(t), 0), size, set) :
		   gs_real.pthread_getaffinity_np(thread, size, set);
}

/* policy may be GS_PRIORITY_SAME. */
static int gs_sched_give(struct gs_thread *t, int policy, const struct sched_param *param)
{
	int tid = gs_sched_tid(t), err;

	if (tid < 0)
		return ESRCH;
	err = gs_priority_give(gs_gate(), t, policy, param->sched_priority);
	if (err != -ENOSYS)
		return -err;
	if (policy == GS_PRIORITY_SAME)
		return (int)-gs_sched_call(SYS_sched_setparam, tid, (long)param, 0);
	return (int)-gs_sched_call(SYS_sched_setscheduler, tid, policy, (long)param);
}

GS_EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	return t ? gs_sched_give(t, policy, param) :
		   gs_real.pthread_setschedparam(thread, policy, param);
}

GS_EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	int tid, ret;

	if (!t)
		return gs_real.pthread_getschedparam(thread, policy, param);
	tid = gs_sched_tid(t);
	if (tid < 0)
		return ESRCH;
	if (gs_priority_given(t, policy, &param->sched_priority))
		return 0;
	ret = (int)gs_sched_call(SYS_sched_getparam, tid, (long)param, 0);
	if (ret == 0)
		ret = (int)gs_sched_call(SYS_sched_getscheduler, tid, 0, 0);
	if (ret < 0)
		return -ret;
	*policy = ret;
	return 0;
}

GS_EXPORT int pthread_setschedprio(pthread_t thread, int prio)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	struct sched_param param = { .sched_priority = prio };

	return t ? gs_sched_give(t, GS_PRIORITY_SAME, &param) :
		   gs_real.pthread_setschedprio(thread, prio);
}

/* What attr asks for beyond what is inherited. An attribute without a mask answers with
   one of all CPUs. */
static int gs_sched_wants(const pthread_attr_t *attr, unsigned char *mask, bool *masked,
			  bool *explicit, int *policy, struct sched_param *param)
{
	int inherit, err;

	pthread_attr_getinheritsched(attr, &inherit);
	pthread_attr_getschedpolicy(attr, policy);
	pthread_attr_getschedparam(attr, param);
	*explicit = inherit == PTHREAD_EXPLICIT_SCHED;
	err = pthread_attr_getaffinity_np(attr, GS_SCHED_MASK, (cpu_set_t *)mask);
	*masked = err == 0 && !(mask[0] == 0xff && memcmp(mask, mask + 1, GS_SCHED_MASK - 1) == 0);
	return err;
}

int gs_sched_birth(struct gs_thread *self, const pthread_attr_t *attr, struct gs_worker **home)
{
	unsigned char mask[GS_SCHED_MASK];
	bool inherits = gs_wired_inherits(self), changed = inherits;
	bool masked = false, explicit = false;
	struct sched_param param = { 0 };
	int policy = SCHED_OTHER;
	long ret = 0;

	*home = NULL;
	if (attr && gs_sched_wants(attr, mask, &masked, &explicit, &policy, &param) != 0)
		return EINVAL;
	if (!inherits && !masked &&
	    (!explicit || (policy == SCHED_OTHER && param.sched_priority == 0)))
		return 0;
	*home = gs_wired_new(self);
	if (!*home)
		return EAGAIN;
	if (masked)
		ret = gs_wired_apply(*home, SYS_sched_setaffinity,
				     (const long[GS_SCHED_ARGS]){ 0, sizeof(mask), (long)mask }, 0,
				     &changed);
	if (ret >= 0 && explicit)
		ret = gs_wired_apply(*home, SYS_sched_setscheduler,
				     (const long[GS_SCHED_ARGS]){ 0, policy, (long)&param }, 0,
				     &changed);
	if (ret < 0 || !changed) {
		gs_wired_discard(*home);
		*home = NULL;
	}
	return ret < 0 ? (int)-ret : 0;
}
