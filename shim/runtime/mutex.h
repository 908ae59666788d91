/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - mutexes: glibc's object, glibc's lock word, our waiting.
 *
 * The lock word is 0 free, 1 held, 2 held and somebody may wait; any other value
 * (the tids of glibc's priority-inheriting mutexes) counts as 2. The owner is the
 * thread's tid as gettid gives it, so mutexes locked before the first thread was
 * made stay valid.
 */
#ifndef GS_MUTEX_H
#define GS_MUTEX_H

#include "park.h"

/* Overlays struct __pthread_mutex_s. */
struct gs_mutex {
	_Atomic uint32_t lock;
	uint32_t count;       /* recursive: how often the owner holds it */
	_Atomic int owner;
	uint32_t nusers;      /* holders and condition waiters; pthread_mutex_destroy looks */
	int kind;
};

/* Bits of kind, as glibc's nptl/pthreadP.h has them. */
enum {
	GS_MUTEX_NORMAL = 0,
	GS_MUTEX_RECURSIVE = 1,
	GS_MUTEX_ERRORCHECK = 2,
	GS_MUTEX_ADAPTIVE = 3,
	GS_MUTEX_TYPE = 3,
	GS_MUTEX_ROBUST = 16,
	GS_MUTEX_INHERIT = 32,
	GS_MUTEX_PROTECT = 64,
	GS_MUTEX_SHARED = 128,
	GS_MUTEX_ELISION = 256 | 512,
};

/* Not for mutex.c: robust, process-shared, with a priority ceiling, or destroyed. One of
   this process with priority inheritance is an ordinary one (lend.c says why). */
static inline bool gs_mutex_foreign(const struct gs_mutex *m)
{
	return m->kind & ~(GS_MUTEX_TYPE | GS_MUTEX_INHERIT | GS_MUTEX_ELISION);
}

/* The tid glibc keeps for a thread that is not green. */
int gs_mutex_native_tid(void);

static inline int gs_mutex_tid(void)
{
	struct gs_thread *self = gs_self;

	return GS_LIKELY(self && self->tid) ? self->tid : gs_mutex_native_tid();
}

/* Takes a free lock word. */
static inline bool gs_mutex_grab(struct gs_mutex *m)
{
	uint32_t zero = 0;

	/* acquire: pairs with the release of whoever let go of the word */
	return atomic_compare_exchange_strong_explicit(&m->lock, &zero, 1, memory_order_acquire,
						       memory_order_relaxed);
}

/* Lets go of a lock word nobody waits for; false when somebody may. */
static inline bool gs_mutex_drop(struct gs_mutex *m)
{
	uint32_t one = 1;

	/* release: pairs with the acquires in gs_mutex_grab and gs_mutex_wait */
	return atomic_compare_exchange_strong_explicit(&m->lock, &one, 0, memory_order_release,
						       memory_order_relaxed);
}

/* The caller has the word; the rest of what owning means. */
static inline void gs_mutex_own(struct gs_mutex *m, int tid)
{
	/* relaxed: only the owner itself can find its own tid here */
	atomic_store_explicit(&m->owner, tid, memory_order_relaxed);
	m->nusers++;
}

/* Locks if that needs no waiting; for every kind that is ours. Returns 0, -EBUSY,
   -EAGAIN (too many recursions). */
int gs_mutex_try(struct gs_mutex *m);

/* Waits for the mutex; gs_mutex_try has said -EBUSY. abs may be NULL. Returns 0,
   -EDEADLK, -ETIMEDOUT, -EINVAL. self is NULL on a kernel thread that is not ours. */
int gs_mutex_lock(struct gs_thread *self, struct gs_mutex *m, clockid_t clock,
		  const struct timespec *abs);

/* Lets go of the lock word any way; owner and nusers are put right already. */
void gs_mutex_let_go(struct gs_thread *self, struct gs_mutex *m);

/* Returns 0 or -EPERM. */
int gs_mutex_unlock(struct gs_thread *self, struct gs_mutex *m);

/* For condition variables, inside the runtime. A waiter counts as a user: nusers
   stays as it is. How gs_mutex_cond_lock comes by the mutex: */
enum gs_mutex_back {
	GS_MUTEX_BACK_WAITED, /* as one that is waited for: waiters may have been moved to its
	                         queue on the word of this thread */
	GS_MUTEX_BACK_ALONE,  /* like anybody */
	GS_MUTEX_BACK_HANDED, /* it has it */
};

int gs_mutex_cond_check(const struct gs_mutex *m);
void gs_mutex_cond_unlock(struct gs_thread *self, struct gs_mutex *m);
void gs_mutex_cond_lock(struct gs_thread *self, struct gs_mutex *m, enum gs_mutex_back back);

/* Somebody waits, or has waited, on mutexes in libc's own code (before the library
   was on): wake-ups go to the kernel too. */
extern bool gs_mutex_strays;

/* libc's own locks (stdio, malloc): the body of __lll_lock_wait_private and
   __lll_lock_wake_private. Green threads outside the runtime, or self NULL. */
void gs_mutex_libc_wait(struct gs_thread *self, _Atomic uint32_t *word);
void gs_mutex_libc_wake(struct gs_thread *self, _Atomic uint32_t *word);

#endif
