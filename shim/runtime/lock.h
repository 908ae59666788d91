/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the short lock of the runtime: spins briefly, then sleeps in the kernel.
 *
 * Who may take it: code inside the runtime only (gs_thread.inrt > 0), so that no
 * signal handler of the program runs, and no switch happens, while it is held.
 *
 * Order, parent before child; a thread that holds one takes only those below it:
 *   everywhere      everywhere.c, one call on all kernel threads at a time
 *   signal table    sigact.c
 *   thread life     spare.c, records to use again and to take apart
 *   template        home.c, the request to it
 *   park bucket     park.c; two buckets (requeue) in address order
 *   fd              fd.c, one descriptor's record
 *   retake          wire.c, taking a processor from its worker
 *   idle            idle.c, who sleeps
 *   global queue    globq.c
 *   timers          timer.c, one processor's heap
 *   spares          crew.c, home.c: records of kernel threads that ended
 *   lend            lend.c, who waits for whom
 *   priority        priority.c, what one thread was given and lent
 *   thread pool     thread.c, the registry and free records
 *   stack           stack.c, slabs
 *   snapshot        snapshot.c, the parts that come and go; spare warm parts
 *   pools           mem.c, one pool's free objects
 * fork takes thread life, thread pool, stack and snapshot, in this order.
 * Nothing that parks is called with any of them held.
 */
#ifndef GS_LOCK_H
#define GS_LOCK_H

#include "base.h"

/* Taken and released by its first byte alone; lock.c has the protocol. */
struct gs_lock {
	union {
		_Atomic uint32_t word;
		struct {
			_Atomic uint8_t held;
			_Atomic uint8_t asleep; /* somebody sleeps, or is about to */
		};
	};
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "GS_LOCK_SLEPT names bytes of a word");

#define GS_LOCK_INIT { { 0 } }

void gs_lock_slow(struct gs_lock *l);
void gs_lock_wake(struct gs_lock *l);

static inline bool gs_trylock(struct gs_lock *l)
{
	uint8_t zero = 0;

	/* acquire: pairs with the release in gs_unlock */
	return atomic_compare_exchange_strong_explicit(&l->held, &zero, 1, memory_order_acquire,
						       memory_order_relaxed);
}

static inline void gs_lock(struct gs_lock *l)
{
	if (GS_UNLIKELY(!gs_trylock(l)))
		gs_lock_slow(l);
}

static inline void gs_unlock(struct gs_lock *l)
{
	/* release: pairs with the acquire in gs_trylock */
	atomic_store_explicit(&l->held, 0, memory_order_release);
	gs_barrier(); /* step 3 of lock.c: nothing dearer, since the sleeper pays for both */
	/* relaxed: the sleeper's membarrier orders it after the store */
	if (GS_UNLIKELY(atomic_load_explicit(&l->asleep, memory_order_relaxed)))
		gs_lock_wake(l);
}

void gs_lock_patient_slow(struct gs_lock *l);

/* For a lock that fork holds while it waits for libc's own (child.c): a green thread leaves
   the processor meanwhile, or whoever holds libc's would have none. No other lock held, no
   wait begun; not in scheduler context. */
static inline void gs_lock_patient(struct gs_lock *l)
{
	if (GS_UNLIKELY(!gs_trylock(l)))
		gs_lock_patient_slow(l);
}

/* How to leave it for a moment; NULL until there are green threads. */
extern void (*gs_lock_give_way)(const struct gs_lock *l);

#endif
