/* SPDX-License-Identifier: MIT */
/*
 * key.c - destructors of thread-specific data, recorded from program start.
 *
 * Invariants: gs_key_limit is above every key that ever had a destructor.
 * Locks: none; the table's entries are single words.
 * Called from: the pthread_key_* hooks; life.c when a thread finishes.
 */
#include "key.h"

#include "host.h"

enum {
	GS_KEY_MAX = 1024,  /* PTHREAD_KEYS_MAX */
	GS_KEY_ROUNDS = 4,  /* PTHREAD_DESTRUCTOR_ITERATIONS */
};

typedef void gs_key_destructor(void *);

static gs_key_destructor *_Atomic gs_key_table[GS_KEY_MAX];
static _Atomic unsigned gs_key_limit;

void gs_key_record(unsigned key, void (*destroy)(void *))
{
	unsigned limit = atomic_load_explicit(&gs_key_limit, memory_order_relaxed);

	if (key >= GS_KEY_MAX)
		return;
	/* release: pairs with the acquire in gs_key_round */
	atomic_store_explicit(&gs_key_table[key], destroy, memory_order_release);
	while (destroy && limit <= key &&
	       !atomic_compare_exchange_weak_explicit(&gs_key_limit, &limit, key + 1,
						      memory_order_release, memory_order_relaxed))
		;
}

void gs_key_forget(unsigned key)
{
	if (key < GS_KEY_MAX)
		atomic_store_explicit(&gs_key_table[key], NULL, memory_order_release);
}

static bool gs_key_round(void)
{
	/* acquire: pairs with the release in gs_key_record */
	unsigned limit = atomic_load_explicit(&gs_key_limit, memory_order_acquire);
	bool ran = false;

	for (unsigned key = 0; key < limit; key++) {
		gs_key_destructor *destroy =
			atomic_load_explicit(&gs_key_table[key], memory_order_acquire);
		void *value;

		if (!destroy)
			continue;
		value = gs_host.getspecific(key);
		if (!value)
			continue;
		gs_host.setspecific(key, NULL);
		destroy(value);
		ran = true;
	}
	return ran;
}

void gs_key_run_destructors(void)
{
	for (int round = 0; round < GS_KEY_ROUNDS && gs_key_round(); round++)
		;
}
