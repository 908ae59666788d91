/* SPDX-License-Identifier: MIT */
/*
 * cfi_expr.c - DWARF expressions, as far as call frame information uses them: a
 * stack machine over registers and memory. The linker's PLT, signal trampolines
 * and functions that align their stack need them.
 *
 * Invariants: bounded in stack and steps, whatever the tables hold.
 * Locks: none.
 * Called from: unwind.c.
 */
#include "cfi.h"

#include <errno.h>

enum {
	GS_EXPR_STACK = 32,
	GS_EXPR_STEPS = 1000,

	GS_OP_ADDR = 0x03,
	GS_OP_DEREF = 0x06,
	GS_OP_CONST1U = 0x08, /* then 1s, 2u, 2s, 4u, 4s, 8u, 8s */
	GS_OP_CONST8S = 0x0f,
	GS_OP_CONSTU = 0x10,
	GS_OP_CONSTS = 0x11,
	GS_OP_DUP = 0x12,
	GS_OP_DROP = 0x13,
	GS_OP_OVER = 0x14,
	GS_OP_PICK = 0x15,
	GS_OP_SWAP = 0x16,
	GS_OP_ABS = 0x19,
	GS_OP_AND = 0x1a,
	GS_OP_MINUS = 0x1c,
	GS_OP_MUL = 0x1e,
	GS_OP_NEG = 0x1f,
	GS_OP_NOT = 0x20,
	GS_OP_OR = 0x21,
	GS_OP_PLUS = 0x22,
	GS_OP_PLUS_UCONST = 0x23,
	GS_OP_SHL = 0x24,
	GS_OP_SHR = 0x25,
	GS_OP_SHRA = 0x26,
	GS_OP_XOR = 0x27,
	GS_OP_BRA = 0x28,
	GS_OP_EQ = 0x29,
	GS_OP_GE = 0x2a,
	GS_OP_GT = 0x2b,
	GS_OP_LE = 0x2c,
	GS_OP_LT = 0x2d,
	GS_OP_NE = 0x2e,
	GS_OP_SKIP = 0x2f,
	GS_OP_LIT0 = 0x30,
	GS_OP_LIT31 = 0x4f,
	GS_OP_BREG0 = 0x70,
	GS_OP_BREG31 = 0x8f,
	GS_OP_DEREF_SIZE = 0x94,
	GS_OP_NOP = 0x96,
};

struct gs_expr {
	struct gs_cfi_reader *r;
	const struct gs_unwind_frame *f;
	uint64_t stack[GS_EXPR_STACK];
	unsigned n;
};

static void gs_expr_push(struct gs_expr *x, uint64_t v)
{
	if (x->n == GS_EXPR_STACK)
		x->r->bad = true;
	else
		x->stack[x->n++] = v;
}

static uint64_t gs_expr_pop(struct gs_expr *x)
{
	if (x->n == 0) {
		x->r->bad = true;
		return 0;
	}
	return x->stack[--x->n];
}

/* The element that lies depth below the top. */
static uint64_t gs_expr_peek(struct gs_expr *x, uint64_t depth)
{
	if (depth >= x->n) {
		x->r->bad = true;
		return 0;
	}
	return x->stack[x->n - 1 - depth];
}

static void gs_expr_register(struct gs_expr *x, unsigned reg, int64_t offset)
{
	if (reg >= GS_UNWIND_REGS || !(x->f->known & 1U << reg))
		x->r->bad = true;
	else
		gs_expr_push(x, x->f->reg[reg] + (uint64_t)offset);
}

static void gs_expr_deref(struct gs_expr *x, uint64_t bytes)
{
	uint64_t v = 0, at = gs_expr_pop(x);

	if (bytes > sizeof(v) || gs_peek_read(x->r->peek, at, &v, bytes) != 0)
		x->r->bad = true;
	gs_expr_push(x, v);
}

static void gs_expr_constant(struct gs_expr *x, unsigned op)
{
	unsigned bytes = 1U << (op - GS_OP_CONST1U) / 2;

	if ((op - GS_OP_CONST1U) % 2)
		gs_expr_push(x, (uint64_t)gs_cfi_signed(x->r, bytes));
	else
		gs_expr_push(x, gs_cfi_fixed(x->r, bytes));
}

static void gs_expr_jump(struct gs_expr *x, bool taken)
{
	int64_t by = gs_cfi_signed(x->r, 2);

	if (taken)
		x->r->at += (uint64_t)by;
}

/* Operators on the two topmost elements; false: op is not one. */
static bool gs_expr_binary(struct gs_expr *x, unsigned op)
{
	uint64_t b = gs_expr_peek(x, 0), a = x->n >= 2 ? gs_expr_peek(x, 1) : 0, v;
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	switch (op) {
	case GS_OP_AND: v = a & b; break;
	case GS_OP_MINUS: v = a - b; break;
	case GS_OP_MUL: v = a * b; break;
	case GS_OP_OR: v = a | b; break;
	case GS_OP_PLUS: v = a + b; break;
	case GS_OP_SHL: v = b < 64 ? a << b : 0; break;
	case GS_OP_SHR: v = b < 64 ? a >> b : 0; break;
	case GS_OP_SHRA: v = (uint64_t)(sa >> (b < 64 ? b : 63)); break;
	case GS_OP_XOR: v = a ^ b; break;
	case GS_OP_EQ: v = a == b; break;
	case GS_OP_GE: v = sa >= sb; break;
	case GS_OP_GT: v = sa > sb; break;
	case GS_OP_LE: v = sa <= sb; break;
	case GS_OP_LT: v = sa < sb; break;
	case GS_OP_NE: v = a != b; break;
	default: return false;
	}
	gs_expr_pop(x);
	gs_expr_pop(x);
	gs_expr_push(x, v);
	return true;
}

static void gs_expr_step(struct gs_expr *x)
{
	unsigned op = (unsigned)gs_cfi_fixed(x->r, 1);
	uint64_t v;

	if (op >= GS_OP_LIT0 && op <= GS_OP_LIT31) {
		gs_expr_push(x, op - GS_OP_LIT0);
		return;
	}
	if (op >= GS_OP_BREG0 && op <= GS_OP_BREG31) {
		gs_expr_register(x, op - GS_OP_BREG0, gs_cfi_sleb(x->r));
		return;
	}
	if (op >= GS_OP_CONST1U && op <= GS_OP_CONST8S) {
		gs_expr_constant(x, op);
		return;
	}
	switch (op) {
	case GS_OP_ADDR:
		gs_expr_push(x, gs_cfi_fixed(x->r, 8));
		break;
	case GS_OP_DEREF:
		gs_expr_deref(x, 8);
		break;
	case GS_OP_DEREF_SIZE:
		gs_expr_deref(x, gs_cfi_fixed(x->r, 1));
		break;
	case GS_OP_CONSTU:
		gs_expr_push(x, gs_cfi_uleb(x->r));
		break;
	case GS_OP_CONSTS:
		gs_expr_push(x, (uint64_t)gs_cfi_sleb(x->r));
		break;
	case GS_OP_PLUS_UCONST:
		v = gs_expr_pop(x);
		gs_expr_push(x, v + gs_cfi_uleb(x->r));
		break;
	case GS_OP_DUP:
		gs_expr_push(x, gs_expr_peek(x, 0));
		break;
	case GS_OP_OVER:
		gs_expr_push(x, gs_expr_peek(x, 1));
		break;
	case GS_OP_PICK:
		gs_expr_push(x, gs_expr_peek(x, gs_cfi_fixed(x->r, 1)));
		break;
	case GS_OP_DROP:
		gs_expr_pop(x);
		break;
	case GS_OP_SWAP:
		v = gs_expr_peek(x, 1);
		if (!x->r->bad) {
			x->stack[x->n - 2] = x->stack[x->n - 1];
			x->stack[x->n - 1] = v;
		}
		break;
	case GS_OP_ABS:
		v = gs_expr_pop(x);
		gs_expr_push(x, (int64_t)v < 0 ? 0 - v : v);
		break;
	case GS_OP_NEG:
		gs_expr_push(x, 0 - gs_expr_pop(x));
		break;
	case GS_OP_NOT:
		gs_expr_push(x, ~gs_expr_pop(x));
		break;
	case GS_OP_SKIP:
		gs_expr_jump(x, true);
		break;
	case GS_OP_BRA:
		gs_expr_jump(x, gs_expr_pop(x) != 0);
		break;
	case GS_OP_NOP:
		break;
	default:
		if (!gs_expr_binary(x, op))
			x->r->bad = true;
	}
}

int gs_cfi_evaluate(struct gs_cfi_reader *r, const struct gs_unwind_frame *f,
		    const uint64_t *push, uint64_t *result)
{
	struct gs_expr x = { .r = r, .f = f };
	uint64_t start = r->at;

	if (push)
		gs_expr_push(&x, *push);
	for (unsigned steps = 0; r->at < r->end && !r->bad; steps++) {
		if (steps == GS_EXPR_STEPS || r->at < start)
			return -EINVAL;
		gs_expr_step(&x);
	}
	*result = gs_expr_pop(&x);
	return r->bad ? -EINVAL : 0;
}
