/* SPDX-License-Identifier: MIT */
/*
 * shared_word.h - what the files of mutexes that are waited for in the kernel have in
 * common: shared.c, robust.c, ceiling.c, inherit.c.
 */
#ifndef GS_SHARED_WORD_H
#define GS_SHARED_WORD_H

#include "mutex.h"

static inline int gs_shared_owner(const struct gs_mutex *m)
{
	/* relaxed: matters only if it is the caller */
	return atomic_load_explicit(&((struct gs_mutex *)m)->owner, memory_order_relaxed);
}

static inline uint32_t gs_shared_word(const struct gs_mutex *m)
{
	/* relaxed: what is done with it is done by compare-and-swap */
	return atomic_load_explicit(&((struct gs_mutex *)m)->lock, memory_order_relaxed);
}

static inline bool gs_shared_swap(struct gs_mutex *m, uint32_t *old, uint32_t new)
{
	/* acq_rel: pairs with itself, of the last owner and for the next */
	return atomic_compare_exchange_strong_explicit(&m->lock, old, new, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* Is the caller the owner already, and what then? -EBUSY: it is not. */
int gs_shared_again(struct gs_mutex *m, bool owned);

/* Sleeps while the word is val. d may be NULL. Returns 0 to look again, or -ETIMEDOUT. */
int gs_shared_sleep(struct gs_thread *self, struct gs_mutex *m, uint32_t val,
		    const struct gs_deadline *d);

/* Wakes so many of those who sleep on the word of m, which was of this kind. */
void gs_shared_wake(struct gs_mutex *m, int kind, int many);

#endif
