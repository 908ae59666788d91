/* SPDX-License-Identifier: MIT */
/*
 * priority.c - the priority that a thread has in the kernel, where that is not what the
 * program gave it: it is raised by the ceilings of mutexes that it holds (ceiling.c), and
 * by threads with a higher one that wait for it (lend.c). Only real-time policies have
 * priorities, and a thread that has one has a kernel thread of its own (wired.c), or gets
 * it when it is raised.
 *
 * Who changes what is wanted of the kernel counts up version under the lock, and tells the
 * kernel outside it; if version has moved meanwhile, again. So the last to tell it tells
 * what is wanted last.
 *
 * Locks: gs_priority.lock, taken inside the runtime, nothing below it.
 * Called from: ceiling.c, lend.c, hooks/sched.c; life.c, child.c.
 */
#include "priority.h"

#include "mem.h"
#include "sched.h"
#include "sys.h"
#include "wired.h"

#include <errno.h>
#include <sched.h>

enum { GS_PRIORITY_ARGS = 6 };

static struct gs_pool gs_priority_pool = GS_POOL_INIT(struct gs_priority);

static bool gs_priority_realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

struct gs_priority *gs_priority_of(struct gs_thread *t)
{
	/* acquire: pairs with the release in gs_priority_make: it is complete */
	return atomic_load_explicit(&t->priority, memory_order_acquire);
}

struct gs_priority *gs_priority_make(struct gs_thread *t, int policy, int priority)
{
	struct gs_thread *self = gs_self;
	struct gs_priority *p, *old = NULL;

	if (self)
		gs_enter(self);
	p = gs_pool_get(&gs_priority_pool);
	if (p) {
		*p = (struct gs_priority){ .policy = policy, .priority = priority };
		/* release: pairs with the acquire in gs_priority_of. On failure, acquire:
		   another was quicker, and its is complete. */
		if (!atomic_compare_exchange_strong_explicit(&t->priority, &old, p,
							     memory_order_release,
							     memory_order_acquire)) {
			gs_pool_put(&gs_priority_pool, p);
			p = old;
		}
	}
	if (self)
		gs_leave(self);
	return p;
}

struct gs_priority *gs_priority_get(struct gs_thread *self, struct gs_thread *t)
{
	struct gs_priority *p = gs_priority_of(t);
	struct sched_param param = { 0 };
	int ktid;

	if (p)
		return p;
	ktid = gs_wired_ask(self, t);
	gs_sys2(__NR_sched_getparam, ktid, &param);
	return gs_priority_make(t, (int)gs_sys1(__NR_sched_getscheduler, ktid),
				param.sched_priority);
}

/* What is wanted of the kernel; the lock held. */
static int gs_priority_wanted(const struct gs_priority *p, int *policy)
{
	int lent = p->lent;

	*policy = p->policy;
	if (lent > 0 && !gs_priority_realtime(p->policy))
		*policy = SCHED_FIFO;
	return GS_MAX(GS_MAX(p->priority, p->highest), lent);
}

/* Tells the kernel. */
static int gs_priority_tell(struct gs_thread *self, struct gs_thread *t, int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	/* As the kernel would say, which is not asked since that may make a kernel thread. */
	if (t == self && !gs_priority_realtime(policy) && (priority != 0 || !self->home))
		return priority == 0 ? 0 : -EINVAL;
	/* The short way, if all that follows from a change has followed already. */
	if (t == self && gs_wired_inherits(self))
		return (int)gs_sys3(__NR_sched_setscheduler, gs_wired_ask(self, self), policy,
				    &param);
	return (int)gs_wired_set(self, t, __NR_sched_setscheduler,
				 (const long[GS_PRIORITY_ARGS]){ 0, policy, (long)&param }, 0);
}

int gs_priority_settle(struct gs_thread *self, struct gs_thread *t, struct gs_priority *p)
{
	int policy, priority, ret;
	uint32_t version;
	bool stale;

	do {
		gs_enter(self);
		gs_lock(&p->lock);
		version = p->version;
		priority = gs_priority_wanted(p, &policy);
		gs_unlock(&p->lock);
		gs_leave(self);
		ret = gs_priority_tell(self, t, policy, priority);
		gs_enter(self);
		gs_lock(&p->lock);
		stale = version != p->version;
		gs_unlock(&p->lock);
		gs_leave(self);
	} while (stale);
	return ret;
}

int gs_priority_give(struct gs_thread *self, struct gs_thread *t, int policy, int priority)
{
	struct gs_priority *p = gs_priority_of(t);
	int err, raised = priority;

	if (!p || !self)
		return -ENOSYS;
	if (policy == GS_PRIORITY_SAME)
		policy = p->policy;
	/* As in glibc. */
	if (p->highest > priority)
		raised = p->highest;
	err = (int)gs_wired_set(self, t, __NR_sched_setscheduler,
				(const long[GS_PRIORITY_ARGS]){
					0, policy, (long)&(struct sched_param){ raised } }, 0);
	if (err < 0)
		return err;
	gs_enter(self);
	gs_lock(&p->lock);
	p->policy = policy;
	p->priority = priority;
	p->version++;
	gs_unlock(&p->lock);
	gs_leave(self);
	if (GS_MAX(GS_MAX(priority, p->highest), p->lent) != raised)
		gs_priority_settle(self, t, p);
	return 0;
}

bool gs_priority_given(struct gs_thread *t, int *policy, int *priority)
{
	struct gs_priority *p = gs_priority_of(t);

	if (!p)
		return false;
	*policy = p->policy;
	*priority = p->priority;
	return true;
}

void gs_priority_born(const struct gs_thread *self, struct gs_thread *t)
{
	struct gs_priority *p = gs_priority_of((struct gs_thread *)self);

	if (p && GS_MAX(p->highest, p->lent) > p->priority)
		gs_priority_make(t, p->policy, p->priority);
}

void gs_priority_end(struct gs_thread *self)
{
	struct gs_priority *p = gs_priority_of(self);

	if (!p)
		return;
	atomic_store_explicit(&self->priority, NULL, memory_order_relaxed);
	gs_enter(self);
	gs_pool_put(&gs_priority_pool, p);
	gs_leave(self);
}

void gs_priority_after_fork(struct gs_thread *self)
{
	struct gs_priority *p = gs_priority_of(self);

	/* Other threads may have been at them. */
	gs_priority_pool = (struct gs_pool)GS_POOL_INIT(struct gs_priority);
	if (p) {
		p->lock = (struct gs_lock)GS_LOCK_INIT;
		p->lent = 0;
	}
}
