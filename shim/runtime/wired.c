/* SPDX-License-Identifier: MIT */
/*
 * wired.c - which green thread has a kernel thread of its own, and why.
 *
 * A home is a worker that runs one green thread only. It is made when somebody asks
 * for something that the kernel keeps per kernel thread:
 *  1. a fresh kernel thread is started and waits (home.c);
 *  2. what can be done to it from outside (affinity, priority, policy) is done, so
 *     that errors are the kernel's own, and so that a call that changes nothing costs
 *     nobody his freedom: then the kernel thread is discarded again;
 *  3. it is bound to the green thread, by compare-and-swap of gs_thread.home;
 *  4. the green thread moves there itself: at once, or when it next leaves the
 *     runtime (GS_ATT_WISH). In between, questions about it are put to its home.
 * Main stays where it is if that is the process's first kernel thread, for it is
 * what others see of the process. Nobody else is ever wired to that one.
 *
 * Rejected: wiring to the present worker. It may be the process's first one; a call
 * that fails would have to be undone; and another thread's present worker cannot be
 * kept. Rejected: closures to be run by the target: they cannot report errors.
 *
 * Threads inherit what their creator's kernel thread has. So if that was altered
 * (gs_home_alter; gs_home_compare, which may find it as it was), they are born with a home that is cloned from it; ordinary
 * workers must not be, see home.c.
 *
 * Locks: none. Called from: hooks/sched.c, identity.c, clock.c, owner.c, pthread.c; life.c,
 * priority.c, robust.c; sched.c (wish).
 */
#include "wired.h"

#include "access.h"
#include "cputime.h"
#include "home.h"
#include "log.h"
#include "monitor.h"
#include "preempt.h"
#include "region.h"
#include "sched.h"
#include "sys.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <string.h>

enum {
	GS_WIRED_CPUS = 64,  /* words: 4096 CPUs */
	GS_WIRED_ATTR = 56,  /* struct sched_attr, its second published size */
	GS_WIRED_IOPRIO = 1, /* IOPRIO_WHO_PROCESS */
	GS_WIRED_ARGS = 6,
};

/* What of a kernel thread can be changed from outside. */
struct gs_wired_look {
	unsigned long cpus[GS_WIRED_CPUS];
	char attr[GS_WIRED_ATTR];
	long ioprio;
};

static struct gs_worker *gs_wired_home(const struct gs_thread *t)
{
	/* acquire: pairs with the release in gs_wired_claim: the worker is complete */
	return atomic_load_explicit((struct gs_worker *const _Atomic *)&t->home,
				    memory_order_acquire);
}

/* Makes w the home of t; false when t has one already. */
static bool gs_wired_claim(struct gs_thread *t, struct gs_worker *w)
{
	struct gs_worker *none = NULL;

	/* release: pairs with the acquire in gs_wired_home */
	return atomic_compare_exchange_strong_explicit((struct gs_worker *_Atomic *)&t->home, &none,
						       w, memory_order_release,
						       memory_order_relaxed);
}

static bool gs_wired_looks(int ktid, struct gs_wired_look *look)
{
	memset(look, 0, sizeof(*look));
	look->ioprio = gs_sys_try2(__NR_ioprio_get, GS_WIRED_IOPRIO, ktid);
	return gs_sys_try3(__NR_sched_getaffinity, ktid, sizeof(look->cpus), look->cpus) > 0 &&
	       gs_sys_try4(__NR_sched_getattr, ktid, look->attr, sizeof(look->attr), 0) == 0;
}

long gs_wired_apply(struct gs_worker *w, long nr, const long *a, int at, bool *changed)
{
	struct gs_wired_look before, after;
	long b[GS_WIRED_ARGS], ret;
	bool known = gs_wired_looks(w->ktid, &before);

	memcpy(b, a, sizeof(b));
	b[at] = w->ktid;
	ret = gs_sys6(nr, b[0], b[1], b[2], b[3], b[4], b[5]);
	if (ret >= 0 && !(known && gs_wired_looks(w->ktid, &after) &&
			  memcmp(&before, &after, sizeof(before)) == 0))
		*changed = true;
	return ret;
}

static bool gs_wired_same(int a, int b)
{
	struct gs_wired_look one, other;

	return gs_wired_looks(a, &one) && gs_wired_looks(b, &other) &&
	       memcmp(&one, &other, sizeof(one)) == 0;
}

/* Takes self, which has a home, there. Inside the runtime. */
static void gs_wired_move(struct gs_thread *self)
{
	struct gs_worker *home = gs_wired_home(self);

	if (!home || self->wired)
		return;
	self->wired = 1;
	gs_home_open(home);
	gs_sched_leave(self);
	if (self->name[0])
		gs_sys2(__NR_prctl, PR_SET_NAME, self->name);
}

/* Is self main, and on the process's first kernel thread? */
static bool gs_wired_leads(const struct gs_thread *self)
{
	return self->worker->id == 0 && self->tid == self->worker->ktid;
}

static bool gs_wired_stay(struct gs_thread *self)
{
	struct gs_worker *w = self->worker;

	if (!gs_wired_leads(self) || !gs_wired_claim(self, w))
		return false;
	gs_wire_thread(self);
	return true;
}

/* Gives self a home and takes it there. Inside the runtime. Returns 0 or -EAGAIN. */
static int gs_wired_become(struct gs_thread *self)
{
	if (!gs_wired_home(self) && !gs_wired_stay(self)) {
		struct gs_worker *w = gs_home_make(false);

		if (!w)
			return -EAGAIN;
		w->wired = self;
		if (!gs_wired_claim(self, w))
			gs_home_discard(w);
	}
	gs_wired_move(self);
	return 0;
}

/* Is this the process's only kernel thread, as in the child of a fork? Then what it has is
   what those it makes will have, and calls that want a process of one thread (unshare with
   CLONE_NEWUSER) have that. */
static bool gs_wired_alone(const struct gs_thread *self)
{
	/* relaxed: nobody else is there to change them */
	return !gs_monitor_running && self->worker->id == 0 &&
	       atomic_load_explicit(&gs_thread_count, memory_order_relaxed) == 1 &&
	       atomic_load_explicit(&gs_worker_count, memory_order_relaxed) == 1;
}

long gs_wired_call(struct gs_thread *self, long nr, const long *a, bool inherited)
{
	long ret;

	if (inherited && gs_wired_alone(self))
		return gs_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	gs_enter(self);
	ret = inherited && !gs_home_guard() ? -EAGAIN : gs_wired_become(self);
	gs_leave(self);
	if (ret != 0)
		return ret;
	gs_region_enter(self);
	ret = gs_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	gs_region_leave(self);
	if (inherited && !(ret < 0 && ret > -4096))
		gs_home_alter(self->home);
	return ret;
}

/* t is to move to w, its home. */
static void gs_wired_send(struct gs_thread *self, struct gs_thread *t)
{
	if (t == self) {
		gs_wired_move(self);
		return;
	}
	/* PREEMPT too: the handler of gs_preempt_kick looks for that one. seq_cst: before
	   the look at who runs t */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_WISH | GS_ATT_PREEMPT,
				 memory_order_seq_cst);
	/* Not out of a system call, which might fail for it: it will leave that anyway. */
	if (atomic_load_explicit(&t->state, memory_order_relaxed) == GS_STATE_RUNNING)
		gs_preempt_kick(t);
}

/* w is the home of a thread, and there is a template. */
static long gs_wired_alter(struct gs_worker *w, long nr, const long *a, int at)
{
	bool changed = false;
	long ret = gs_wired_apply(w, nr, a, at, &changed);

	if (changed)
		gs_home_compare(w, gs_wired_same);
	return ret;
}

/* Is the policy and priority asked for what kernel thread ktid has? The commonest request that
   changes nothing (GNAT makes two in a rendezvous), and one that can be told beforehand. */
static bool gs_wired_has(struct gs_thread *self, int ktid, long nr, const long *a,
			 struct sched_param *param)
{
	struct sched_param has;

	if (nr != __NR_sched_setscheduler || !self ||
	    gs_sys1(__NR_sched_getscheduler, ktid) != a[1] ||
	    gs_sys2(__NR_sched_getparam, ktid, &has) != 0 ||
	    !gs_access_readable(self, (const void *)a[2], sizeof(*param)))
		return false;
	*param = *(const struct sched_param *)a[2];
	return param->sched_priority == has.sched_priority;
}

/* t has had no home. Inside the runtime. */
static long gs_wired_set_first(struct gs_thread *self, struct gs_thread *t, long nr, const long *a,
			       int at)
{
	int ktid = gs_wired_ask(self, t);
	struct sched_param param;
	struct gs_worker *w;
	bool changed = false;
	long ret;

	if (gs_wired_has(self, ktid, nr, a, &param))
		return gs_sys3(nr, ktid, a[1], &param);
	w = gs_home_make(false);
	if (!w)
		return -EAGAIN;
	ret = gs_wired_apply(w, nr, a, at, &changed);
	if (!changed || !gs_home_guard()) {
		gs_home_discard(w);
		return changed ? -EAGAIN : ret;
	}
	if (t == self && gs_wired_stay(self)) {
		gs_home_discard(w);
		return gs_wired_alter(self->home, nr, a, at);
	}
	w->wired = t;
	if (!gs_wired_claim(t, w)) {
		gs_home_discard(w);
		return gs_wired_alter(gs_wired_home(t), nr, a, at);
	}
	gs_home_compare(w, gs_wired_same);
	gs_wired_send(self, t);
	return ret;
}

/* May a thread change itself only, and not its home from outside, says a filter? */
static bool gs_wired_confined(const struct gs_thread *self, long nr, const long *b)
{
	/* relaxed: the filter that counts was put on by self, or before it got here */
	return atomic_load_explicit(&gs_filter_on, memory_order_relaxed) && gs_filter_bars(nr, b);
}

long gs_wired_set(struct gs_thread *self, struct gs_thread *t, long nr, const long *a, int at)
{
	struct gs_worker *home;
	long b[GS_WIRED_ARGS], ret;

	memcpy(b, a, sizeof(b));
	if (self)
		gs_enter(self);
	b[at] = self ? self->worker->ktid : 0;
	if (t == self && gs_wired_confined(self, nr, b)) {
		gs_leave(self);
		b[at] = 0;
		return gs_wired_call(self, nr, b, true);
	}
	home = gs_wired_home(t);
	if (!home) {
		ret = gs_wired_set_first(self, t, nr, a, at);
	} else if (!gs_home_guard()) {
		ret = -EAGAIN;
	} else {
		ret = gs_wired_alter(home, nr, a, at);
	}
	if (self)
		gs_leave(self);
	return ret;
}

static bool gs_wired_ordinary(const struct gs_worker *w)
{
	return !w->wired;
}

static bool gs_wired_unaltered(const struct gs_worker *w)
{
	return !gs_home_is_altered(w);
}

/* The number of a worker's kernel thread; 0: there is no such one. */
static int gs_wired_find(bool (*such)(const struct gs_worker *w))
{
	/* acquire: pairs with the release that put it there */
	struct gs_worker *w = atomic_load_explicit(&gs_workers, memory_order_acquire);

	for (; w; w = w->all_next)
		if (w->ktid != 0 && such(w))
			return w->ktid;
	return 0;
}

int gs_wired_ask(struct gs_thread *self, struct gs_thread *t)
{
	struct gs_worker *w = gs_wired_home(t);
	int ktid;

	if (w) /* of itself a thread asks as the program does: a filter may allow no other */
		return t == self && self->wired ? 0 : w->ktid;
	if (self && !gs_wired_home(self))
		return 0;
	/* An ordinary worker: somebody's home may just be being altered. */
	ktid = gs_wired_find(gs_wired_ordinary);
	return ktid ? ktid : gs_wired_find(gs_wired_unaltered);
}

int gs_wired_ktid(struct gs_thread *self, struct gs_thread *t)
{
	struct gs_worker *w;
	int ret = 0;

	if (self)
		gs_enter(self);
	w = gs_wired_home(t);
	if (!w && t == self) {
		ret = gs_wired_become(self);
	} else if (!w) {
		w = gs_home_make(false);
		ret = w ? 0 : -EAGAIN;
		if (w) {
			w->wired = t;
			if (gs_wired_claim(t, w))
				gs_wired_send(self, t);
			else
				gs_home_discard(w);
		}
	}
	if (ret == 0)
		ret = gs_wired_home(t)->ktid;
	if (self)
		gs_leave(self);
	return ret;
}

struct gs_thread *gs_wired_whose(int ktid)
{
	/* acquire: pairs with the release that put it there */
	struct gs_worker *w = atomic_load_explicit(&gs_workers, memory_order_acquire);

	for (; w; w = w->all_next)
		if (w->ktid == ktid && w->wired && w->wired != &w->g0)
			return w->wired;
	return NULL;
}

bool gs_wired_inherits(const struct gs_thread *self)
{
	return self->wired && gs_home_is_altered(self->home);
}

struct gs_worker *gs_wired_new(struct gs_thread *self)
{
	struct gs_worker *w;

	gs_enter(self);
	w = gs_home_guard() ? gs_home_make(true) : NULL;
	gs_leave(self);
	return w;
}

void gs_wired_bind(struct gs_thread *t, struct gs_worker *w)
{
	/* It was made because it differs: what t creates is to differ too. */
	gs_home_alter(w);
	w->wired = t;
	t->home = w;
	/* relaxed: t has not started */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_WISH, memory_order_relaxed);
}

void gs_wired_discard(struct gs_worker *w)
{
	struct gs_thread *self = gs_self;

	gs_enter(self);
	gs_home_discard(w);
	gs_leave(self);
}

void gs_wired_rename(struct gs_thread *t)
{
	struct gs_worker *home = gs_wired_home(t);
	char path[48];
	struct gs_text text = { path, sizeof(path), 0 };
	int ktid = home ? home->ktid : 0, pid = gs_sys_getpid();
	size_t n = 0;
	long fd;

	if (t->tid == pid)
		ktid = pid;
	if (ktid == 0)
		return;
	if (t == gs_self && t->worker->ktid == ktid) {
		gs_sys2(__NR_prctl, PR_SET_NAME, t->name);
		return;
	}
	gs_log_format(&text, "/proc/self/task/%d/comm", ktid);
	fd = gs_sys_try4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	while (n < sizeof(t->name) && t->name[n])
		n++;
	gs_sys3(__NR_write, fd, t->name, n);
	gs_sys1(__NR_close, fd);
}

void gs_wired_end(struct gs_thread *self)
{
	struct gs_worker *home = gs_wired_home(self);

	if (!self->wired) {
		gs_home_discard(home);
		return;
	}
	gs_wire_end(self);
}

void gs_wired_attend(struct gs_thread *self)
{
	/* acquire: pairs with the release of the bit: the home was bound before that */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_WISH, memory_order_acquire);
	gs_enter(self);
	gs_wired_move(self);
	gs_barrier();
	self->inrt--;
}

void gs_wired_init(void)
{
	gs_sched_ops.wish = gs_wired_attend;
	gs_cputime_init(gs_workers);
}

void gs_wired_after_fork(struct gs_thread *self)
{
	/* What the parent's kernel thread had, the child's has; it is the ordinary now. */
	self->home = NULL;
	self->wired = 0;
	gs_home_after_fork();
	gs_cputime_after_fork(self);
}
