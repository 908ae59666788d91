/* SPDX-License-Identifier: MIT */
/*
 * libc.c - the slow path of libc's own locks (stdio, malloc, the resolver), which
 * comes here through the second door only: these names are not interposed.
 *
 * The protocol is glibc's lll_lock: 0 free, 1 held, 2 held and somebody waits.
 */
#include "hooks/libc.h"

#include "gate.h"
#include "runtime/park.h"

void gs_libc_lock_wait(int *word)
{
	struct gs_thread *self = gs_gate();

	if (self)
		gs_enter(self);
	/* acquire: pairs with the release in libc's lll_unlock */
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) {
		struct gs_park_waiter w = { .reason = GS_REASON_LIBC_LOCK };
		struct gs_park_hold hold;

		gs_park_lock(&hold, word);
		/* relaxed: an unlock that came before takes the bucket's lock after us */
		if (__atomic_load_n(word, __ATOMIC_RELAXED) != 2) {
			gs_park_unlock(&hold);
			continue;
		}
		gs_park_queue(&w, self, word, GS_PARK_TAIL);
		gs_park_unlock(&hold);
		gs_park_sleep(&w, NULL);
	}
	if (self)
		gs_leave(self);
}

void gs_libc_lock_wake(int *word)
{
	struct gs_thread *self = gs_gate();

	if (self)
		gs_enter(self);
	gs_park_wake(word, 1);
	if (self)
		gs_leave(self);
}
