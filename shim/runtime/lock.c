/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the contended half of the runtime's lock: spins a while, then sleeps.
 *
 * A futex mutex whose release is a plain store. In the usual one ("Futexes are tricky",
 * mutex 2) it is an exchange, which finds out in one step whether somebody sleeps; here
 * the sleeper, who is rare, pays for the order of the two steps with a membarrier.
 *
 *  1. The sleeper sets asleep and tries the lock again; it has it, or goes on.
 *  2. It calls membarrier, then sleeps if the lock is still held and asleep still set.
 *  3. The owner clears held, then looks at asleep. Had it looked before the membarrier,
 *     its store is out by then, and step 2 sees it; else it sees asleep set.
 *  4. It clears asleep and wakes one, who begins again at step 1: so asleep is set as long
 *     as others sleep. Whoever was about to sleep meanwhile sees it cleared, or is asleep
 *     already and may be the one that is woken.
 *
 * Where membarrier is denied, nobody sleeps for longer than GS_LOCK_BLIND_NS.
 *
 * Called from: gs_lock, gs_lock_patient and gs_unlock.
 */
#include "lock.h"

#include "sys.h"

#include <time.h>

enum {
	GS_LOCK_SPINS = 200,
	GS_LOCK_SLEPT = 0x101, /* held and asleep, as one word */
	GS_LOCK_BLIND_NS = 1000000,
};

void (*gs_lock_give_way)(const struct gs_lock *l);

static bool gs_lock_spin(struct gs_lock *l)
{
	for (int i = 0; i < GS_LOCK_SPINS; i++) {
		/* relaxed: gs_trylock acquires */
		if (atomic_load_explicit(&l->held, memory_order_relaxed) == 0 && gs_trylock(l))
			return true;
		gs_arch_pause();
	}
	return false;
}

void gs_lock_slow(struct gs_lock *l)
{
	static const struct timespec blind = { .tv_nsec = GS_LOCK_BLIND_NS };

	if (gs_lock_spin(l))
		return;
	for (;;) {
		/* relaxed: the membarrier orders it, see step 3 */
		atomic_store_explicit(&l->asleep, 1, memory_order_relaxed);
		if (gs_trylock(l))
			return;
		gs_sys_futex_wait(&l->word, GS_LOCK_SLEPT, gs_sys_membarrier() ? NULL : &blind);
	}
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
	/* relaxed: the futex call orders it before the look for sleepers */
	atomic_store_explicit(&l->asleep, 0, memory_order_relaxed);
	gs_sys_futex_wake(&l->word, 1);
}
