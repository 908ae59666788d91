/* SPDX-License-Identifier: MIT */
/*
 * shared.c - locking mutexes with the kernel's help.
 *
 * Words. Plain: 0 free, 1 held, 2 held and waited for; with a priority ceiling the
 * same below the ceiling's bits. Robust: the owner's tid, FUTEX_WAITERS,
 * FUTEX_OWNER_DIED; such a mutex is on its owner's list in the TCB while it is held,
 * for whoever buries the thread: the kernel for a kernel thread, gs_shared_exit for a
 * green one. If the whole process is killed, only the kernel can tell other processes,
 * and it knows kernel threads: to lock a mutex that is robust and process-shared a
 * thread is wired to its worker, whose number is in the lock word and whose list is
 * that in the thread's TCB.
 *
 * libc's own code is not called, for the entries of pthread_mutex_lock and _unlock
 * may lead back here (redirect.c).
 *
 * Locks: none. Called from: hooks/pthread_sync.c, hooks/pthread_cond.c.
 */
#include "shared.h"

#include "region.h"
#include "sys.h"
#include "wire.h"
#include "wired.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>

enum {
	GS_SHARED_INCONSISTENT = INT_MAX,        /* owner: the one before died */
	GS_SHARED_NOTRECOVERABLE = INT_MAX - 1,  /* owner: and nobody put it right */
	GS_SHARED_LIST_LIMIT = 1 << 20,
};

static const uint32_t gs_shared_ceiling = 0xfff80000;
static const int gs_shared_bits = GS_MUTEX_TYPE | GS_MUTEX_ROBUST | GS_MUTEX_INHERIT |
				  GS_MUTEX_PROTECT | GS_MUTEX_SHARED | GS_MUTEX_ELISION;

static ptrdiff_t gs_shared_head; /* of the robust list, from the thread pointer; 0: unknown */

/* The bits of the lock word that are no part of the lock. */
static uint32_t gs_shared_fixed(const struct gs_mutex *m)
{
	return m->kind & GS_MUTEX_PROTECT ? gs_shared_ceiling : 0;
}

static int gs_shared_owner(const struct gs_mutex *m)
{
	/* relaxed: matters only if it is the caller */
	return atomic_load_explicit(&((struct gs_mutex *)m)->owner, memory_order_relaxed);
}

static uint32_t gs_shared_word(const struct gs_mutex *m)
{
	/* relaxed: what is done with it is done by compare-and-swap */
	return atomic_load_explicit(&((struct gs_mutex *)m)->lock, memory_order_relaxed);
}

static bool gs_shared_swap(struct gs_mutex *m, uint32_t *old, uint32_t new)
{
	/* acq_rel: pairs with itself, of the last owner and for the next */
	return atomic_compare_exchange_strong_explicit(&m->lock, old, new, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* Sleeps while the word is val. Returns 0 to look again, or -ETIMEDOUT. */
static int gs_shared_sleep(struct gs_thread *self, struct gs_mutex *m, uint32_t val,
			   const struct gs_deadline *d)
{
	int op = FUTEX_WAIT_BITSET;
	struct timespec ts;
	long err;

	if (!(m->kind & (GS_MUTEX_SHARED | GS_MUTEX_ROBUST)))
		op |= FUTEX_PRIVATE_FLAG;
	if (d && d->clock == CLOCK_REALTIME)
		op |= FUTEX_CLOCK_REALTIME;
	if (d && d->at != GS_NEVER) {
		ts.tv_sec = (time_t)(d->at / GS_NSEC);
		ts.tv_nsec = (long)(d->at % GS_NSEC);
	} else {
		d = NULL;
	}
	if (self)
		gs_region_enter(self);
	err = gs_sys6(__NR_futex, &m->lock, op, val, d ? &ts : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
	if (self)
		gs_region_leave(self);
	return err == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

static void gs_shared_wake(struct gs_mutex *m, int kind)
{
	bool shared = kind & (GS_MUTEX_SHARED | GS_MUTEX_ROBUST);

	gs_sys3(__NR_futex, &m->lock, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1);
}

/* Is the caller the owner already, and what then? -EBUSY: it is not. */
static int gs_shared_again(struct gs_mutex *m, bool owned)
{
	int type = m->kind & GS_MUTEX_TYPE;

	if (!owned || (type != GS_MUTEX_RECURSIVE && type != GS_MUTEX_ERRORCHECK))
		return -EBUSY;
	if (type == GS_MUTEX_ERRORCHECK)
		return -EDEADLK;
	if (m->count + 1 == 0)
		return -EAGAIN;
	m->count++;
	return 0;
}

/* The robust list: pointers to the next field of nodes that are {prev, next}, the head's
   prev lying before it likewise. */
static inline void **gs_shared_node(struct gs_mutex *m)
{
	return (void **)((char *)m + offsetof(struct __pthread_mutex_s, __list.__next));
}

static void **gs_shared_untag(void *p)
{
	return (void **)((uintptr_t)p & ~1UL);
}

static struct robust_list_head *gs_shared_list(void)
{
	return (void *)((char *)gs_arch_thread_pointer() + gs_shared_head);
}

/* Whoever dies between two steps is found with the mutex pending. */
static void gs_shared_pending(void *node)
{
	gs_barrier();
	if (gs_shared_head)
		*(void *volatile *)&gs_shared_list()->list_op_pending = node;
	gs_barrier();
}

static void gs_shared_enlist(struct gs_mutex *m)
{
	struct robust_list_head *head = gs_shared_list();
	void **node = gs_shared_node(m);

	if (!gs_shared_head)
		return;
	gs_shared_untag(head->list.next)[-1] = node;
	node[0] = head->list.next;
	node[-1] = head;
	gs_barrier();
	head->list.next = (void *)node;
}

static void gs_shared_delist(struct gs_mutex *m)
{
	void **node = gs_shared_node(m);

	if (!gs_shared_head || !node[0])
		return;
	gs_shared_untag(node[0])[-1] = node[-1];
	gs_shared_untag(node[-1])[0] = node[0];
	node[0] = node[-1] = NULL;
}

/* The caller's number in the lock words of mutexes the kernel must understand. */
static int gs_shared_kernel_tid(void)
{
	struct gs_thread *self = gs_self;

	return self && self->wired ? self->worker->ktid : gs_mutex_tid();
}

/* The same, for a thread that is going to lock m: it gets its kernel thread. */
static int gs_shared_settle(const struct gs_mutex *m)
{
	struct gs_thread *self = gs_self && gs_self->kind == GS_KIND_GREEN ? gs_self : NULL;

	if ((m->kind & (GS_MUTEX_ROBUST | GS_MUTEX_SHARED)) !=
	    (GS_MUTEX_ROBUST | GS_MUTEX_SHARED))
		return gs_mutex_tid();
	if (self && gs_shared_head && !self->robust) {
		if (gs_wired_ktid(self, self) < 0)
			gs_wire_thread(self); /* no kernel thread to be had: this one, then */
		gs_sys2(__NR_set_robust_list, gs_shared_list(), sizeof(struct robust_list_head));
		self->robust = 1;
	}
	return gs_shared_kernel_tid();
}

static bool gs_shared_mine(uint32_t word)
{
	int tid = (int)(word & FUTEX_TID_MASK);

	/* It may have been locked before the thread was wired. */
	return tid == gs_mutex_tid() || tid == gs_shared_kernel_tid();
}

static int gs_shared_lock_robust(struct gs_thread *self, struct gs_mutex *m, bool try,
				 clockid_t clock, const struct timespec *abs)
{
	uint32_t tid = (uint32_t)gs_shared_settle(m), old = gs_shared_word(m), waiters = 0;
	struct gs_deadline d;
	int err;

	gs_shared_pending(gs_shared_node(m));
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
			atomic_store_explicit(&m->owner, GS_SHARED_INCONSISTENT,
					      memory_order_relaxed);
			gs_shared_enlist(m);
			err = -EOWNERDEAD;
			goto out; /* the one who died stays counted as a user in our place */
		}
		err = gs_shared_again(m, gs_shared_mine(old));
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
	if (gs_shared_owner(m) == GS_SHARED_NOTRECOVERABLE) {
		m->count = 0;
		/* release: as in gs_shared_swap */
		if (atomic_exchange_explicit(&m->lock, 0, memory_order_release) & FUTEX_WAITERS)
			gs_shared_wake(m, m->kind);
		err = -ENOTRECOVERABLE;
		goto out;
	}
	m->count = 1;
	gs_shared_enlist(m);
	gs_mutex_own(m, (int)tid);
out:
	gs_shared_pending(NULL);
	return err;
}

static int gs_shared_lock_plain(struct gs_thread *self, struct gs_mutex *m, bool try,
				clockid_t clock, const struct timespec *abs)
{
	uint32_t fixed = gs_shared_fixed(m), old = gs_shared_word(m), new = 1;
	int tid = gs_mutex_tid(), err;
	struct gs_deadline d;

	err = gs_shared_again(m, gs_shared_owner(m) == tid);
	/* glibc tells the owner only of those with a ceiling. */
	if (try && err == -EDEADLK && !(m->kind & GS_MUTEX_PROTECT))
		err = -EBUSY;
	if (err != -EBUSY)
		return err;
	for (;;) {
		if ((old & ~fixed) == 0) {
			if (gs_shared_swap(m, &old, (old & fixed) | new))
				break;
			continue;
		}
		if (try)
			return -EBUSY;
		if (abs && gs_park_deadline(&d, clock, abs) != 0)
			return -EINVAL;
		new = 2;
		if ((old & ~fixed) != 2 && !gs_shared_swap(m, &old, (old & fixed) | 2))
			continue;
		err = gs_shared_sleep(self, m, (old & fixed) | 2, abs ? &d : NULL);
		if (err)
			return err;
		old = gs_shared_word(m);
	}
	m->count = 1;
	gs_mutex_own(m, tid);
	return 0;
}

static int gs_shared_any(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
			 const struct timespec *abs)
{
	if (m->kind & ~gs_shared_bits)
		return -EINVAL;
	if (m->kind & GS_MUTEX_INHERIT)
		return -ENOTSUP;
	return m->kind & GS_MUTEX_ROBUST ? gs_shared_lock_robust(self, m, try, clock, abs) :
					   gs_shared_lock_plain(self, m, try, clock, abs);
}

int gs_shared_try(struct gs_mutex *m)
{
	return gs_shared_any(NULL, m, true, CLOCK_REALTIME, NULL);
}

int gs_shared_lock(struct gs_thread *self, struct gs_mutex *m, clockid_t clock,
		   const struct timespec *abs)
{
	return gs_shared_any(self, m, false, clock, abs);
}

static int gs_shared_unlock_robust(struct gs_mutex *m)
{
	int owner = 0, type = m->kind & GS_MUTEX_TYPE;
	bool dead = gs_shared_owner(m) == GS_SHARED_INCONSISTENT;

	if (!gs_shared_mine(gs_shared_word(m)))
		return -EPERM;
	if (type == GS_MUTEX_RECURSIVE && --m->count != 0)
		return dead ? -ENOTRECOVERABLE : 0;
	if (dead)
		owner = GS_SHARED_NOTRECOVERABLE;
	gs_shared_pending(gs_shared_node(m));
	gs_shared_delist(m);
	/* relaxed: published by the exchange */
	atomic_store_explicit(&m->owner, owner, memory_order_relaxed);
	m->nusers--;
	/* release: pairs with the acquire in gs_shared_swap */
	if (atomic_exchange_explicit(&m->lock, 0, memory_order_release) & FUTEX_WAITERS)
		gs_shared_wake(m, GS_MUTEX_ROBUST);
	gs_shared_pending(NULL);
	return 0;
}

int gs_shared_unlock(struct gs_mutex *m)
{
	uint32_t fixed = gs_shared_fixed(m), old;
	int kind = m->kind, type = kind & GS_MUTEX_TYPE;

	if (kind & (~gs_shared_bits | GS_MUTEX_INHERIT))
		return -EINVAL;
	if (kind & GS_MUTEX_ROBUST)
		return gs_shared_unlock_robust(m);
	if ((type == GS_MUTEX_RECURSIVE || type == GS_MUTEX_ERRORCHECK) &&
	    (gs_shared_owner(m) != gs_mutex_tid() || (gs_shared_word(m) & ~fixed) == 0))
		return -EPERM;
	if (type == GS_MUTEX_RECURSIVE && --m->count != 0)
		return 0;
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, 0, memory_order_relaxed);
	m->nusers--;
	/* release: pairs with the acquire in gs_shared_swap */
	old = atomic_fetch_and_explicit(&m->lock, fixed, memory_order_release);
	if ((old & ~fixed) > 1)
		gs_shared_wake(m, kind);
	return 0;
}

void gs_shared_init(void)
{
	struct robust_list_head *head = NULL;
	size_t len = 0;

	if (gs_sys3(__NR_get_robust_list, 0, &head, &len) == 0 && head && len == sizeof(*head))
		gs_shared_head = (char *)head - (char *)gs_arch_thread_pointer();
}

static void gs_shared_bury(void *node, long offset)
{
	_Atomic uint32_t *word = (void *)((char *)gs_shared_untag(node) + offset);
	/* relaxed: the compare-and-swap orders */
	uint32_t old = atomic_load_explicit(word, memory_order_relaxed);

	do {
		if (!gs_shared_mine(old))
			return;
		/* release: what the dead did is visible to the next owner */
	} while (!atomic_compare_exchange_weak_explicit(
		word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, memory_order_release,
		memory_order_relaxed));
	if (old & FUTEX_WAITERS)
		gs_sys3(__NR_futex, word, FUTEX_WAKE, 1);
}

void gs_shared_exit(struct gs_thread *self)
{
	struct robust_list_head *head = gs_shared_list();
	void *node, *next;

	if (!gs_shared_head)
		return;
	node = head->list.next;
	for (int i = 0; node && gs_shared_untag(node) != (void **)head; i++) {
		if (i == GS_SHARED_LIST_LIMIT)
			break; /* the program has overwritten it */
		next = *gs_shared_untag(node);
		gs_shared_bury(node, head->futex_offset);
		node = next;
	}
	head->list.next = &head->list;
	head->list_op_pending = NULL;
	if (self->robust) /* the kernel thread may outlive the TCB */
		gs_sys2(__NR_set_robust_list, NULL, sizeof(*head));
}
