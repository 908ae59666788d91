/* SPDX-License-Identifier: MIT */
/*
 * lend.c - priority inheritance without the kernel's help.
 *
 * The kernel passes a lock on to kernel threads; the owner of a mutex of ours is a green
 * thread, and most of those who lock one have no priority to lend and would each cost a
 * kernel thread. So those who wait are on a list here. Who has a real-time priority (and
 * then a kernel thread of its own) lends it to the owner, who gets a kernel thread of its
 * own for that; and the owner, if it waits itself, to the one it waits for.
 *
 * Who is the owner:
 *   waiter                            owner
 *   1. counts up, locks the list      1. writes its tid into the mutex, or 0 before it
 *   2. joins it, reads the owner's       lets go of the word
 *      tid, and lends it its          2. if somebody counts: under the lock, claims
 *      priority, if there is one         those who wait, or drops them
 * Both have a fence between their first step and their second, so one sees the other, and
 * the lock decides who comes first: a waiter after a drop reads 0, one after a claim the
 * owner's tid, and one before is claimed or dropped.
 *
 * Records of threads are never unmapped. One that ends says so (beyond) before it looks at
 * the count, and waits for lenders that are at work on its priority (users).
 *
 * Locks: gs_lend_lock, taken inside the runtime; below it: gs_priority.lock.
 * Called from: mutex.c, life.c, child.c.
 */
#include "lend.h"

#include "sched.h"
#include "sys.h"
#include "wired.h"

#include <sched.h>

enum { GS_LEND_CHAIN = 16 }; /* how far it goes on */

_Atomic uint32_t gs_lend_count;

static struct gs_lock gs_lend_lock;
static struct gs_list gs_lend_list = GS_LIST_INIT(gs_lend_list);

/* Those whose priorities have changed. */
struct gs_lend_debts {
	unsigned n;
	struct gs_thread *t[GS_LEND_CHAIN];
	struct gs_priority *p[GS_LEND_CHAIN];
};

static struct gs_lend *gs_lend_at(struct gs_list *n)
{
	return GS_CONTAINER_OF(n, struct gs_lend, node);
}

/* The lock held, in this and the next three. */
static struct gs_thread *gs_lend_owner(const struct gs_mutex *m)
{
	/* seq_cst: after the count; see the essay */
	int tid = atomic_load_explicit(&m->owner, memory_order_seq_cst);
	struct gs_thread *t = tid ? gs_thread_by_tid(tid) : NULL;

	/* seq_cst: after the count; pairs with gs_lend_close. Its tid again: the record may
	   have become another thread's. */
	if (!t || atomic_load_explicit(&t->beyond, memory_order_seq_cst) || t->tid != tid)
		return NULL;
	return t;
}

static struct gs_lend *gs_lend_of(const struct gs_thread *from)
{
	gs_list_for_each(n, &gs_lend_list)
		if (gs_lend_at(n)->from == from)
			return gs_lend_at(n);
	return NULL;
}

/* What is lent to t has changed, perhaps. Returns what the kernel is to be told of, or NULL. */
static struct gs_priority *gs_lend_sum(struct gs_thread *t)
{
	struct gs_priority *p = gs_priority_of(t);
	int lent = 0;

	gs_list_for_each(n, &gs_lend_list)
		if (gs_lend_at(n)->to == t)
			lent = GS_MAX(lent, gs_lend_at(n)->priority);
	if (!p && lent > 0)
		p = gs_priority_get(gs_self, t);
	if (!p || p->lent == lent)
		return NULL;
	gs_lock(&p->lock);
	p->lent = lent;
	p->version++;
	gs_unlock(&p->lock);
	return p;
}

/* The same for t and all that it waits for. */
static void gs_lend_follow(struct gs_thread *t, struct gs_lend_debts *debts)
{
	debts->n = 0;
	while (t && debts->n < GS_LEND_CHAIN) {
		struct gs_priority *p = gs_lend_sum(t);
		struct gs_lend *l = p ? gs_lend_of(t) : NULL;

		if (!p)
			return;
		/* relaxed: under the lock; see gs_lend_close */
		atomic_fetch_add_explicit(&p->users, 1, memory_order_relaxed);
		debts->t[debts->n] = t;
		debts->p[debts->n++] = p;
		if (!l)
			return;
		l->priority = GS_MAX(l->own, p->lent);
		if (!l->to)
			l->to = gs_lend_owner(l->m);
		t = l->to;
	}
}

/* No lock held. */
static void gs_lend_settle(struct gs_thread *self, const struct gs_lend_debts *debts)
{
	for (unsigned i = 0; i < debts->n; i++) {
		gs_priority_settle(self, debts->t[i], debts->p[i]);
		/* release: pairs with the acquire in gs_lend_close */
		atomic_fetch_sub_explicit(&debts->p[i]->users, 1, memory_order_release);
	}
}

void gs_lend_prepare(struct gs_lend *l, struct gs_thread *self, const struct gs_mutex *m)
{
	struct gs_priority *p = gs_priority_of(self);
	struct sched_param param = { 0 };
	int policy;

	*l = (struct gs_lend){ .m = m, .from = self };
	/* Not what it is lent itself, which may end sooner: gs_lend_begin adds that. */
	if (p) {
		l->own = GS_MAX(p->priority, p->highest);
	} else if (self->wired) {
		policy = (int)gs_sys1(__NR_sched_getscheduler, 0);
		gs_sys2(__NR_sched_getparam, 0, &param);
		if (policy == SCHED_FIFO || policy == SCHED_RR)
			l->own = param.sched_priority;
	}
	l->priority = l->own;
}

void gs_lend_begin(struct gs_lend *l)
{
	struct gs_thread *self = l->from;
	struct gs_lend_debts debts;
	struct gs_priority *p;

	if (l->joined)
		return;
	l->joined = true;
	/* seq_cst: see the essay */
	atomic_fetch_add_explicit(&gs_lend_count, 1, memory_order_seq_cst);
	gs_enter(self);
	gs_lock(&gs_lend_lock);
	gs_list_add_tail(&gs_lend_list, &l->node);
	p = gs_priority_of(self);
	l->priority = p ? GS_MAX(l->own, p->lent) : l->own;
	l->to = l->priority > 0 ? gs_lend_owner(l->m) : NULL;
	gs_lend_follow(l->to, &debts);
	gs_unlock(&gs_lend_lock);
	gs_lend_settle(self, &debts);
	gs_leave(self);
}

void gs_lend_end(struct gs_lend *l)
{
	struct gs_thread *self = l->from;
	struct gs_lend_debts debts;

	if (!l->joined)
		return;
	l->joined = false;
	gs_enter(self);
	gs_lock(&gs_lend_lock);
	gs_list_del(&l->node);
	gs_lend_follow(l->to, &debts);
	gs_unlock(&gs_lend_lock);
	gs_lend_settle(self, &debts);
	/* release: whoever ends, and sees nobody, need not wait for us; pairs with the
	   seq_cst load in gs_lend_close */
	atomic_fetch_sub_explicit(&gs_lend_count, 1, memory_order_release);
	gs_leave(self);
}

void gs_lend_claim_from(struct gs_thread *self, const struct gs_mutex *m)
{
	struct gs_lend_debts debts;

	gs_enter(self);
	gs_lock(&gs_lend_lock);
	gs_list_for_each(n, &gs_lend_list) {
		struct gs_lend *l = gs_lend_at(n);

		if (l->m == m && l->from != self)
			l->to = self;
	}
	gs_lend_follow(self, &debts);
	gs_unlock(&gs_lend_lock);
	gs_lend_settle(self, &debts);
	gs_leave(self);
}

struct gs_priority *gs_lend_drop_from(struct gs_thread *self, const struct gs_mutex *m)
{
	struct gs_priority *p;

	gs_enter(self);
	gs_lock(&gs_lend_lock);
	gs_list_for_each(n, &gs_lend_list) {
		struct gs_lend *l = gs_lend_at(n);

		if (l->m == m && l->to == self)
			l->to = NULL;
	}
	p = gs_lend_sum(self);
	gs_unlock(&gs_lend_lock);
	gs_leave(self);
	return p;
}

void gs_lend_repay(struct gs_priority *p)
{
	gs_priority_settle(gs_self, gs_self, p);
}

void gs_lend_close(struct gs_thread *self)
{
	struct gs_priority *p;

	/* seq_cst: before the count; pairs with gs_lend_owner */
	atomic_store_explicit(&self->beyond, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&gs_lend_count, memory_order_seq_cst) > 0) {
		gs_enter(self);
		gs_lock(&gs_lend_lock);
		gs_list_for_each(n, &gs_lend_list)
			if (gs_lend_at(n)->to == self)
				gs_lend_at(n)->to = NULL;
		gs_lend_sum(self);
		gs_unlock(&gs_lend_lock);
		gs_leave(self);
	}
	p = gs_priority_of(self);
	/* acquire: pairs with the release in gs_lend_settle */
	for (unsigned round = 0;
	     p && atomic_load_explicit(&p->users, memory_order_acquire) > 0; round++)
		gs_park_give_way(self, p, round);
}

void gs_lend_after_fork(void)
{
	gs_lend_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_list_init(&gs_lend_list);
	gs_lend_count = 0;
}
