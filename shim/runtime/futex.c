/* SPDX-License-Identifier: MIT */
/*
 * futex.c - the futex operations that libstdc++'s atomic waits, Rust's standard
 * library and hand-written locks use, after the kernel's semantics.
 *
 * Locks: the queues'.
 * Called from: hooks/futex.c.
 */
#include "futex.h"

#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <linux/futex.h>

static uint32_t gs_futex_load(const uint32_t *addr)
{
	/* seq_cst: the kernel's own look is ordered like that */
	return atomic_load_explicit((const _Atomic uint32_t *)addr, memory_order_seq_cst);
}

static void gs_futex_enter(struct gs_thread *self)
{
	if (self)
		gs_enter(self);
}

static void gs_futex_leave(struct gs_thread *self)
{
	if (self)
		gs_leave(self);
}

int gs_futex_wait(struct gs_thread *self, uint32_t *addr, uint32_t val, uint32_t bits,
		  const struct gs_deadline *d)
{
	struct gs_park_waiter w = { .reason = GS_REASON_FUTEX, .bits = bits };
	struct gs_park_hold h;
	int err = -EAGAIN;

	gs_futex_enter(self);
	gs_park_lock(&h, addr);
	if (gs_futex_load(addr) == val) {
		w.interruptible = !self || gs_park_open(self);
		gs_park_queue(&w, self, addr, GS_PARK_TAIL);
		gs_park_unlock(&h);
		err = gs_park_sleep(&w, d);
		if (err) {
			if (gs_park_leave(&h, &w) == GS_PARK_WOKEN)
				err = 0;
			gs_park_unlock(&h);
		}
	} else {
		gs_park_unlock(&h);
	}
	gs_futex_leave(self);
	return err;
}

/* Queue locked. */
static int gs_futex_rouse(uint32_t *addr, int n, uint32_t bits)
{
	struct gs_park_waiter *w = gs_park_first(addr), *next;
	int woken = 0;

	for (; w && woken < n; w = next) {
		next = gs_park_next(w);
		if (!(w->bits & bits))
			continue;
		gs_park_take(w);
		woken += gs_park_rouse(w);
	}
	return woken;
}

/* Those who wait in the kernel. */
static int gs_futex_kernel(uint32_t *addr, int n, uint32_t bits)
{
	long r;

	if (n <= 0)
		return 0;
	r = gs_sys6(__NR_futex, addr, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, n, NULL, NULL, bits);
	return r > 0 ? (int)r : 0;
}

int gs_futex_wake(struct gs_thread *self, uint32_t *addr, int n, uint32_t bits)
{
	struct gs_park_hold h;
	int woken;

	gs_futex_enter(self);
	gs_park_lock(&h, addr);
	woken = gs_futex_rouse(addr, n, bits);
	gs_park_unlock(&h);
	gs_futex_leave(self);
	return woken + gs_futex_kernel(addr, n - woken, bits);
}

int gs_futex_requeue(struct gs_thread *self, uint32_t *addr, uint32_t *to, int n, int moves,
		     const uint32_t *compare)
{
	struct gs_park_waiter *w;
	struct gs_park_hold h;
	int done = -EAGAIN;

	gs_futex_enter(self);
	gs_park_lock2(&h, addr, to);
	if (!compare || gs_futex_load(addr) == *compare) {
		done = gs_futex_rouse(addr, n, FUTEX_BITSET_MATCH_ANY);
		/* To where they are, they are counted all the same. */
		for (w = gs_park_first(addr); addr == to && w && moves > 0; w = gs_park_next(w)) {
			done++;
			moves--;
		}
		while (addr != to && moves > 0 && (w = gs_park_first(addr)) != NULL) {
			gs_park_take(w);
			gs_park_move(w, to);
			done++;
			moves--;
		}
	}
	gs_park_unlock(&h);
	gs_futex_leave(self);
	return done;
}

/* The sign-extended 12-bit number at bit shift of op. */
static int32_t gs_futex_arg(uint32_t op, int shift)
{
	return (int32_t)(op << (20 - shift)) >> 20;
}

static int gs_futex_change(_Atomic uint32_t *word, uint32_t op, uint32_t *old)
{
	int32_t arg = gs_futex_arg(op, 12);
	uint32_t v = (uint32_t)arg;

	if (op >> 28 & FUTEX_OP_OPARG_SHIFT)
		v = 1U << (arg & 31);
	/* seq_cst: as the kernel's */
	switch (op >> 28 & 7) {
	case FUTEX_OP_SET:
		*old = atomic_exchange_explicit(word, v, memory_order_seq_cst);
		return 0;
	case FUTEX_OP_ADD:
		*old = atomic_fetch_add_explicit(word, v, memory_order_seq_cst);
		return 0;
	case FUTEX_OP_OR:
		*old = atomic_fetch_or_explicit(word, v, memory_order_seq_cst);
		return 0;
	case FUTEX_OP_ANDN:
		*old = atomic_fetch_and_explicit(word, ~v, memory_order_seq_cst);
		return 0;
	case FUTEX_OP_XOR:
		*old = atomic_fetch_xor_explicit(word, v, memory_order_seq_cst);
		return 0;
	default:
		return -ENOSYS;
	}
}

static bool gs_futex_compare(uint32_t op, int32_t old)
{
	int32_t arg = gs_futex_arg(op, 0);

	switch (op >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	default:
		return old >= arg;
	}
}

int gs_futex_wake_op(struct gs_thread *self, uint32_t *addr, uint32_t *to, int n, int m,
		     uint32_t op)
{
	int first = 0, second = 0, err;
	struct gs_park_hold h;
	uint32_t old;

	if ((op >> 24 & 15) > FUTEX_OP_CMP_GE)
		return -ENOSYS;
	gs_futex_enter(self);
	gs_park_lock2(&h, addr, to);
	err = gs_futex_change((_Atomic uint32_t *)to, op, &old);
	if (!err) {
		first = gs_futex_rouse(addr, n, FUTEX_BITSET_MATCH_ANY);
		if (gs_futex_compare(op, (int32_t)old))
			second = gs_futex_rouse(to, m, FUTEX_BITSET_MATCH_ANY);
		else
			m = 0;
	}
	gs_park_unlock(&h);
	gs_futex_leave(self);
	if (err)
		return err;
	first += gs_futex_kernel(addr, n - first, FUTEX_BITSET_MATCH_ANY);
	second += gs_futex_kernel(to, m - second, FUTEX_BITSET_MATCH_ANY);
	return first + second;
}
