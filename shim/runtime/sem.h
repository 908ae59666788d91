/* SPDX-License-Identifier: MIT */
/*
 * sem.h - unnamed, process-private semaphores: glibc's object, value in the low
 * half of one word, number of waiters in the high half.
 */
#ifndef GS_SEM_H
#define GS_SEM_H

#include "park.h"

/* Overlays glibc's struct new_sem. */
struct gs_sem {
	_Atomic uint64_t data;
	int shared; /* 0: private to the process */
	int theirs;
};

static const uint64_t gs_sem_value = 0xffffffff, gs_sem_waiter = 1ULL << 32;

/* Takes a token if there is one. */
static inline bool gs_sem_try(struct gs_sem *s)
{
	/* relaxed: the compare-and-swap acquires */
	uint64_t d = atomic_load_explicit(&s->data, memory_order_relaxed);

	while (d & gs_sem_value)
		/* acquire: pairs with the release in gs_sem_post */
		if (atomic_compare_exchange_weak_explicit(&s->data, &d, d - 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

/* Waits for a token; d may be NULL. Returns 0, -ETIMEDOUT, or -EINTR: a signal ended
   the wait, whose handler has run, or a cancellation is due. */
int gs_sem_wait(struct gs_thread *self, struct gs_sem *s, const struct gs_deadline *d);

/* Returns 0 or -EOVERFLOW. Any context of the program, signal handlers included. */
int gs_sem_post(struct gs_thread *self, struct gs_sem *s);

#endif
