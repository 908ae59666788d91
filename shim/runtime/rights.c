/* SPDX-License-Identifier: MIT */
/*
 * rights.c - a thread's rights to memory with protection keys.
 *
 * They are in a register, which a program that has keys changes without asking anybody.
 * Until there is a key all threads have the same rights and no switch looks at them; a
 * thread that has not run since has those still.
 *
 * Locks: none. Called from: switch.h (every switch); life.c; hooks/identity.c.
 */
#include "rights.h"

_Atomic bool gs_rights_keys;
uint32_t gs_rights_first;

void gs_rights_keyed(int key)
{
	/* relaxed: two at once write the same */
	if (atomic_load_explicit(&gs_rights_keys, memory_order_relaxed))
		return;
	gs_rights_first = gs_arch_rights_without(gs_arch_rights(), key);
	/* release: pairs with the acquire in gs_rights_exchange */
	atomic_store_explicit(&gs_rights_keys, true, memory_order_release);
}

uint64_t gs_rights_now(void)
{
	/* relaxed: whoever has rights of its own has seen it */
	if (GS_LIKELY(!atomic_load_explicit(&gs_rights_keys, memory_order_relaxed)))
		return 0;
	return 1ULL << GS_RIGHTS_KNOWN | gs_arch_rights();
}
