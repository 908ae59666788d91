/* SPDX-License-Identifier: MIT */
/*
 * robust.c - robust mutexes, and the list of them that a thread leaves behind.
 *
 * The word is the owner's tid, FUTEX_WAITERS, FUTEX_OWNER_DIED. Such a mutex is on its
 * owner's list in the TCB while it is held, for whoever buries the thread: the kernel
 * for a kernel thread, gs_robust_exit for a green one. If the whole process is killed,
 * only the kernel can tell other processes, and it knows kernel threads: to lock a mutex
 * that is robust and process-shared (glibc calls every robust one so) a thread is wired to
 * its worker, whose number is in the lock word and whose list is that in the thread's TCB.
 *
 * Locks: none. Called from: shared.c, inherit.c; hooks/pthread_cond.c; life.c, init.c.
 */
#include "robust.h"

#include "region.h"
#include "shared_word.h"
#include "sys.h"
#include "tcb.h"
#include "wire.h"
#include "wired.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>

enum { GS_ROBUST_LIST_LIMIT = 1 << 20 };

static ptrdiff_t gs_robust_head; /* of the robust list, from the thread pointer; 0: unknown */

/* The robust list: pointers to the next field of nodes that are {prev, next}, the head's
   prev lying before it likewise. */
static inline void **gs_robust_node(struct gs_mutex *m)
{
	return (void **)((char *)m + offsetof(struct __pthread_mutex_s, __list.__next));
}

static void **gs_robust_untag(void *p)
{
	return (void **)((uintptr_t)p & ~(uintptr_t)GS_ROBUST_INHERITS);
}

static struct robust_list_head *gs_robust_list(void)
{
	return (void *)((char *)gs_arch_thread_pointer() + gs_robust_head);
}

/* Whoever dies between two steps is found with the mutex pending. */
void gs_robust_pending(struct gs_mutex *m)
{
	uintptr_t tag = m && (m->kind & GS_MUTEX_INHERIT) ? GS_ROBUST_INHERITS : 0;
	void *node = m ? (char *)gs_robust_node(m) + tag : NULL;

	gs_barrier();
	if (gs_robust_head)
		*(void *volatile *)&gs_robust_list()->list_op_pending = node;
	gs_barrier();
}

void gs_robust_enlist(struct gs_mutex *m)
{
	uintptr_t tag = m->kind & GS_MUTEX_INHERIT ? GS_ROBUST_INHERITS : 0;
	struct robust_list_head *head = gs_robust_list();
	void **node = gs_robust_node(m);

	if (!gs_robust_head)
		return;
	gs_robust_untag(head->list.next)[-1] = node;
	node[0] = head->list.next;
	node[-1] = head;
	gs_barrier();
	head->list.next = (void *)((char *)node + tag);
}

void gs_robust_delist(struct gs_mutex *m)
{
	void **node = gs_robust_node(m);

	if (!gs_robust_head || !node[0])
		return;
	gs_robust_untag(node[0])[-1] = node[-1];
	gs_robust_untag(node[-1])[0] = node[0]; /* with its tag */
	node[0] = node[-1] = NULL;
}

/* The caller's number in the lock words of mutexes the kernel must understand. */
static int gs_robust_kernel_tid(void)
{
	struct gs_thread *self = gs_self;

	return self && self->wired ? self->worker->ktid : gs_mutex_tid();
}

int gs_robust_settle(const struct gs_mutex *m)
{
	struct gs_thread *self = gs_self && gs_self->kind == GS_KIND_GREEN ? gs_self : NULL;

	if (!(m->kind & GS_MUTEX_SHARED) || !(m->kind & (GS_MUTEX_ROBUST | GS_MUTEX_INHERIT)))
		return gs_mutex_tid();
	if (self && gs_robust_head && !self->robust) {
		if (gs_wired_ktid(self, self) < 0)
			gs_wire_thread(self); /* no kernel thread to be had: this one, then */
		gs_sys2(__NR_set_robust_list, gs_robust_list(), sizeof(struct robust_list_head));
		self->robust = 1;
	}
	return gs_robust_kernel_tid();
}

bool gs_robust_mine(uint32_t word)
{
	int tid = (int)(word & FUTEX_TID_MASK);

	/* It may have been locked before the thread was wired. */
	return tid == gs_mutex_tid() || tid == gs_robust_kernel_tid();
}

void gs_robust_lend(const struct gs_mutex *m)
{
	uint32_t word = gs_shared_word(m);
	struct gs_thread *self = gs_self;

	if (self && (m->kind & (GS_MUTEX_ROBUST | GS_MUTEX_INHERIT)) && gs_robust_mine(word))
		gs_tcb_set_tid(self->tp, (int)(word & FUTEX_TID_MASK));
}

void gs_robust_reclaim(void)
{
	struct gs_thread *self = gs_self;

	if (self)
		gs_tcb_set_tid(self->tp, self->tid);
}

int gs_robust_lock(struct gs_thread *self, struct gs_mutex *m, bool try,
				 clockid_t clock, const struct timespec *abs)
{
	uint32_t tid = (uint32_t)gs_robust_settle(m), old = gs_shared_word(m), waiters = 0;
	struct gs_deadline d;
	int err;

	gs_robust_pending(m);
	for (;;) {
		err = 0;
		if (old == 0) {
			if (gs_shared_swap(m, &old, tid | waiters))
				break;
			continue;
		}
		if (old & FUTEX_OWNER_DIED) {
			if (!gs_shared_swap(m, &old, tid | (old & FUTEX_WAITERS) | waiters))
				continue;
			m->count = 1;
			atomic_store_explicit(&m->owner, GS_ROBUST_INCONSISTENT,
					      memory_order_relaxed);
			gs_robust_enlist(m);
			err = -EOWNERDEAD;
			goto out; /* the one who died stays counted as a user in our place */
		}
		err = gs_shared_again(m, gs_robust_mine(old));
		if (err != -EBUSY || try)
			goto out;
		err = -EINVAL;
		if (abs && gs_park_deadline(&d, clock, abs) != 0)
			goto out;
		if (!(old & FUTEX_WAITERS) && !gs_shared_swap(m, &old, old | FUTEX_WAITERS))
			continue;
		/* Who has waited takes the lock as one that may be waited for. */
		waiters = FUTEX_WAITERS;
		err = gs_shared_sleep(self, m, old | FUTEX_WAITERS, abs ? &d : NULL);
		if (err)
			goto out;
		old = gs_shared_word(m);
	}
	if (gs_shared_owner(m) == GS_ROBUST_NOTRECOVERABLE) {
		m->count = 0;
		/* release: as in gs_shared_swap */
		if (atomic_exchange_explicit(&m->lock, 0, memory_order_release) & FUTEX_WAITERS)
			gs_shared_wake(m, m->kind, 1);
		err = -ENOTRECOVERABLE;
		goto out;
	}
	m->count = 1;
	gs_robust_enlist(m);
	gs_mutex_own(m, (int)tid);
out:
	gs_robust_pending(NULL);
	return err;
}

int gs_robust_unlock(struct gs_mutex *m)
{
	int owner = 0, type = m->kind & GS_MUTEX_TYPE;
	bool dead = gs_shared_owner(m) == GS_ROBUST_INCONSISTENT;

	if (!gs_robust_mine(gs_shared_word(m)))
		return -EPERM;
	if (type == GS_MUTEX_RECURSIVE && --m->count != 0)
		return dead ? -ENOTRECOVERABLE : 0;
	if (dead)
		owner = GS_ROBUST_NOTRECOVERABLE;
	gs_robust_pending(m);
	gs_robust_delist(m);
	/* relaxed: published by the exchange */
	atomic_store_explicit(&m->owner, owner, memory_order_relaxed);
	m->nusers--;
	/* release: pairs with the acquire in gs_shared_swap */
	if (atomic_exchange_explicit(&m->lock, 0, memory_order_release) & FUTEX_WAITERS)
		gs_shared_wake(m, GS_MUTEX_ROBUST, 1);
	gs_robust_pending(NULL);
	return 0;
}

void gs_robust_init(void)
{
	struct robust_list_head *head = NULL;
	size_t len = 0;

	if (gs_sys3(__NR_get_robust_list, 0, &head, &len) == 0 && head && len == sizeof(*head))
		gs_robust_head = (char *)head - (char *)gs_arch_thread_pointer();
}

/* The kernel has it to pass on, to those who wait for one with inheritance, and passes
   on that its owner died when the kernel thread ends. The first one does not: then owner
   says so, to this library at least. False: nobody waits any more. */
static bool gs_robust_pass_on(struct gs_mutex *m)
{
	/* relaxed: the kernel's lock orders */
	atomic_store_explicit(&m->owner, GS_ROBUST_INCONSISTENT, memory_order_relaxed);
	return gs_sys6(__NR_futex, &m->lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0;
}

static void gs_robust_bury(const struct gs_thread *self, void *node, long offset)
{
	_Atomic uint32_t *word = (void *)((char *)gs_robust_untag(node) + offset);
	bool inherits = (uintptr_t)node & GS_ROBUST_INHERITS;
	/* relaxed: the compare-and-swap orders */
	uint32_t old = atomic_load_explicit(word, memory_order_relaxed);

	do {
		if (!gs_robust_mine(old))
			return;
		if (inherits && (old & FUTEX_WAITERS) && self->worker->id == 0 &&
		    gs_robust_pass_on(GS_CONTAINER_OF(word, struct gs_mutex, lock)))
			return;
		/* release: what the dead did is visible to the next owner */
	} while (!atomic_compare_exchange_weak_explicit(
		word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, memory_order_release,
		memory_order_relaxed));
	/* Those who wait for one with inheritance get it when the kernel thread ends. Until
	   then, too, the kernel wants no number in the word that it does not know as the
	   owner's: it refuses those who come meanwhile. */
	if ((old & FUTEX_WAITERS) && !inherits)
		gs_sys3(__NR_futex, word, FUTEX_WAKE, 1);
}

void gs_robust_exit(struct gs_thread *self)
{
	struct robust_list_head *head = gs_robust_list();
	void *node, *next;

	if (!gs_robust_head)
		return;
	node = head->list.next;
	for (int i = 0; node && gs_robust_untag(node) != (void **)head; i++) {
		if (i == GS_ROBUST_LIST_LIMIT)
			break; /* the program has overwritten it */
		next = *gs_robust_untag(node);
		gs_robust_bury(self, node, head->futex_offset);
		node = next;
	}
	head->list.next = &head->list;
	head->list_op_pending = NULL;
	if (self->robust) /* the kernel thread may outlive the TCB */
		gs_sys2(__NR_set_robust_list, NULL, sizeof(*head));
}
