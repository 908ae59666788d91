/* SPDX-License-Identifier: MIT */
/*
 * rights.h - a thread's rights to memory with protection keys.
 */
#ifndef GS_RIGHTS_H
#define GS_RIGHTS_H

#include "arch.h"
#include "thread.h"

enum { GS_RIGHTS_KNOWN = 32 }; /* this bit of gs_thread.rights: not those of a thread before */

extern _Atomic bool gs_rights_keys; /* there is a key */
extern uint32_t gs_rights_first;    /* of threads that have not run since */

/* The kernel has handed out this key: from now on rights are the threads', not the kernel
   threads'. */
void gs_rights_keyed(int key);

/* What a thread begins with that the caller makes, for its field rights. */
uint64_t gs_rights_now(void);

/* Part of a switch. */
static inline __attribute__((always_inline)) void gs_rights_exchange(struct gs_thread *from,
								      struct gs_thread *to)
{
	uint32_t now, next;

	/* acquire: pairs with the release in gs_rights_keyed */
	if (GS_LIKELY(!atomic_load_explicit(&gs_rights_keys, memory_order_acquire)))
		return;
	now = gs_arch_rights();
	from->rights = 1ULL << GS_RIGHTS_KNOWN | now;
	if (to->kind != GS_KIND_GREEN) /* the scheduler's own memory has no key */
		return;
	next = to->rights ? (uint32_t)to->rights : gs_rights_first;
	if (next != now)
		gs_arch_set_rights(next);
}

#endif
