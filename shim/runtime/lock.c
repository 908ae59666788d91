/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the contended half of the runtime's lock: Drepper's three-state
 * futex mutex ("Futexes are tricky", mutex 2), with a bounded spin first.
 *
 * Invariants: the word is 2 whenever a thread may be asleep on it.
 * Called from: gs_lock, gs_lock_patient and gs_unlock.
 */
#include "lock.h"

#include "sys.h"

enum { GS_LOCK_SPINS = 200 };

void (*gs_lock_give_way)(const struct gs_lock *l);

static bool gs_lock_spin(struct gs_lock *l)
{
	for (int i = 0; i < GS_LOCK_SPINS; i++) {
		/* relaxed: gs_trylock acquires */
		if (atomic_load_explicit(&l->word, memory_order_relaxed) == 0 && gs_trylock(l))
			return true;
		gs_arch_pause();
	}
	return false;
}

void gs_lock_slow(struct gs_lock *l)
{
	if (gs_lock_spin(l))
		return;
	/* acquire: pairs with the release in gs_unlock */
	while (atomic_exchange_explicit(&l->word, 2, memory_order_acquire) != 0)
		gs_sys_futex_wait(&l->word, 2, NULL);
}

void gs_lock_patient_slow(struct gs_lock *l)
{
	while (!gs_lock_spin(l)) {
		if (!gs_lock_give_way) {
			gs_lock_slow(l);
			return;
		}
		gs_lock_give_way(l);
	}
}

void gs_lock_wake(struct gs_lock *l)
{
	gs_sys_futex_wake(&l->word, 1);
}
