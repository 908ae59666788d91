/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the contended half of the runtime's lock: Drepper's three-state
 * futex mutex ("Futexes are tricky", mutex 2), with a bounded spin first.
 *
 * Invariants: the word is 2 whenever a thread may be asleep on it.
 * Called from: gs_lock and gs_unlock.
 */
#include "lock.h"

#include "sys.h"

enum { GS_LOCK_SPINS = 200 };

void gs_lock_slow(struct gs_lock *l)
{
	for (int i = 0; i < GS_LOCK_SPINS; i++) {
		uint32_t zero = 0;

		/* acquire: pairs with the release in gs_unlock */
		if (atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_weak_explicit(&l->word, &zero, 1, memory_order_acquire,
							  memory_order_relaxed))
			return;
		gs_arch_pause();
	}
	/* acquire: pairs with the release in gs_unlock */
	while (atomic_exchange_explicit(&l->word, 2, memory_order_acquire) != 0)
		gs_sys_futex_wait(&l->word, 2, NULL);
}

void gs_lock_wake(struct gs_lock *l)
{
	gs_sys_futex_wake(&l->word, 1);
}
