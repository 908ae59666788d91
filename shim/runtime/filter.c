/* SPDX-License-Identifier: MIT */
/*
 * filter.c - the program's system call filters, and which of the library's calls they bar.
 *
 * A sandbox may go on when there are threads (Firefox's content processes). It lets in what
 * its author has seen the program call. So of the library's own calls those that it can do
 * without are made only if no filter would end or trap who makes them; else the answer is
 * ENOSYS, as on an older kernel. To know, the filters are kept and run here. One that
 * is on one thread only counts for all: that costs the others no more than these calls.
 *
 * A filter is added before the kernel has it. Whoever looked before that and calls after it,
 * which is a matter of a few instructions, is trapped; but for the monitor's looks at what
 * threads do, which are many: these are under the lock.
 *
 * Invariants: records are complete when they come on the list, and stay there. What was not
 * taken by the kernel has length 0 and bars nothing. The kernel has not checked it when it is
 * first run: nothing outside data, memory words and code may be reached.
 * Locks: gs_filter_lock. Called from: hooks/identity.c; preempt.c; gs_sys_try.
 */
#include "filter.h"

#include "lock.h"
#include "mem.h"
#include "sys.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

enum { GS_FILTER_WORDS = sizeof(struct seccomp_data) / sizeof(uint32_t) };

struct gs_filter {
	struct gs_filter *next;
	_Atomic uint32_t len;
	struct sock_filter code[];
};

_Atomic bool gs_filter_on;

static struct gs_lock gs_filter_lock;
static struct gs_filter *_Atomic gs_filter_list;

/* May the library make a call that is answered so? */
static bool gs_filter_mild(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_ERRNO ||
	       action == SECCOMP_RET_LOG;
}

bool gs_filter_is_harsh(const struct sock_fprog *prog)
{
	for (unsigned i = 0; i < prog->len; i++)
		if (BPF_CLASS(prog->filter[i].code) == BPF_RET &&
		    (BPF_RVAL(prog->filter[i].code) == BPF_A || !gs_filter_mild(prog->filter[i].k)))
			return true;
	return false;
}

struct gs_filter *gs_filter_add(const struct sock_fprog *prog)
{
	size_t size = prog->len * sizeof(*prog->filter);
	struct gs_filter *f = gs_mem_map(GS_ALIGN_UP(sizeof(*f) + size, GS_PAGE));

	if (!f)
		return NULL;
	memcpy(f->code, prog->filter, size);
	/* relaxed: published below */
	atomic_store_explicit(&f->len, prog->len, memory_order_relaxed);
	gs_lock(&gs_filter_lock);
	f->next = atomic_load_explicit(&gs_filter_list, memory_order_relaxed);
	/* release: pairs with the acquire in gs_filter_bars */
	atomic_store_explicit(&gs_filter_list, f, memory_order_release);
	/* release: pairs with the acquire in gs_sys_try */
	atomic_store_explicit(&gs_filter_on, true, memory_order_release);
	gs_unlock(&gs_filter_lock);
	return f;
}

void gs_filter_drop(struct gs_filter *f)
{
	/* relaxed: seen late, it bars for longer than need be */
	atomic_store_explicit(&f->len, 0, memory_order_relaxed);
}

static uint32_t gs_filter_compute(uint32_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default: /* BPF_NEG */
		return -a;
	}
}

static bool gs_filter_holds(uint32_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return a & b;
	}
}

/* What f, of length len, answers. Jumps lead forwards only, so this ends. */
static uint32_t gs_filter_run(const struct gs_filter *f, uint32_t len, const uint32_t *data)
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = { 0 };

	for (uint64_t at = 0; at < len; at++) {
		const struct sock_filter *i = &f->code[at];
		uint32_t code = i->code, b = BPF_SRC(code) == BPF_X ? x : i->k, value = i->k;

		if (BPF_MODE(code) == BPF_ABS)
			value = data[i->k / sizeof(*data) % GS_FILTER_WORDS];
		else if (BPF_MODE(code) == BPF_MEM)
			value = memory[i->k % BPF_MEMWORDS];
		else if (BPF_MODE(code) == BPF_LEN)
			value = sizeof(struct seccomp_data);
		switch (BPF_CLASS(code)) {
		case BPF_LD:
			a = value;
			break;
		case BPF_LDX:
			x = value;
			break;
		case BPF_ST:
			memory[i->k % BPF_MEMWORDS] = a;
			break;
		case BPF_STX:
			memory[i->k % BPF_MEMWORDS] = x;
			break;
		case BPF_ALU:
			a = gs_filter_compute(BPF_OP(code), a, b);
			break;
		case BPF_JMP:
			if (BPF_OP(code) == BPF_JA)
				at += i->k;
			else
				at += gs_filter_holds(BPF_OP(code), a, b) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(code) == BPF_A ? a : i->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(code) == BPF_TXA)
				a = x;
			else
				x = a;
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool gs_filter_bars(long nr, const long *args)
{
	struct seccomp_data call = { .nr = (int)nr, .arch = AUDIT_ARCH_X86_64 };
	/* acquire: pairs with the release in gs_filter_add */
	const struct gs_filter *f = atomic_load_explicit(&gs_filter_list, memory_order_acquire);
	uint32_t data[GS_FILTER_WORDS];

	memcpy(call.args, args, sizeof(call.args));
	memcpy(data, &call, sizeof(data));
	for (; f; f = f->next) {
		/* relaxed: the code is there whatever the length */
		uint32_t len = atomic_load_explicit(&f->len, memory_order_relaxed);

		if (len > 0 && !gs_filter_mild(gs_filter_run(f, len, data)))
			return true;
	}
	return false;
}

void gs_filter_hold(void)
{
	gs_lock(&gs_filter_lock);
}

void gs_filter_release(void)
{
	gs_unlock(&gs_filter_lock);
}

void gs_filter_after_fork(void)
{
	gs_filter_lock = (struct gs_lock)GS_LOCK_INIT;
}
