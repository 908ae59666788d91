/* SPDX-License-Identifier: MIT */
/*
 * cfi.c - DWARF's encodings and call frame instructions (DWARF 5, section 6.4,
 * with the .eh_frame extensions of the Linux Standard Base).
 *
 * Invariants: nothing read from the tables is trusted: every count and number is
 * bounded, and what is not understood is an error.
 * Locks: none.
 * Called from: unwind.c, cfi_expr.c.
 */
#include "cfi.h"

#include <errno.h>
#include <string.h>

enum {
	GS_CFI_REMEMBER = 4, /* rows DW_CFA_remember_state may have put aside */

	GS_CFA_ADVANCE = 1, /* in the upper two bits; operand in the lower six */
	GS_CFA_OFFSET = 2,
	GS_CFA_RESTORE = 3,

	GS_CFA_NOP = 0x00,
	GS_CFA_SET_LOC = 0x01,
	GS_CFA_ADVANCE1 = 0x02,
	GS_CFA_ADVANCE2 = 0x03,
	GS_CFA_ADVANCE4 = 0x04,
	GS_CFA_OFFSET_EXTENDED = 0x05,
	GS_CFA_RESTORE_EXTENDED = 0x06,
	GS_CFA_UNDEFINED = 0x07,
	GS_CFA_SAME_VALUE = 0x08,
	GS_CFA_REGISTER = 0x09,
	GS_CFA_REMEMBER_STATE = 0x0a,
	GS_CFA_RESTORE_STATE = 0x0b,
	GS_CFA_DEF_CFA = 0x0c,
	GS_CFA_DEF_CFA_REGISTER = 0x0d,
	GS_CFA_DEF_CFA_OFFSET = 0x0e,
	GS_CFA_DEF_CFA_EXPRESSION = 0x0f,
	GS_CFA_EXPRESSION = 0x10,
	GS_CFA_OFFSET_EXTENDED_SF = 0x11,
	GS_CFA_DEF_CFA_SF = 0x12,
	GS_CFA_DEF_CFA_OFFSET_SF = 0x13,
	GS_CFA_VAL_OFFSET = 0x14,
	GS_CFA_VAL_OFFSET_SF = 0x15,
	GS_CFA_VAL_EXPRESSION = 0x16,
	GS_CFA_GNU_ARGS_SIZE = 0x2e,
	GS_CFA_GNU_NEGATIVE_OFFSET = 0x2f,
};

uint64_t gs_cfi_fixed(struct gs_cfi_reader *r, unsigned bytes)
{
	uint64_t n = 0;

	if (r->bad || r->at > r->end || r->end - r->at < bytes ||
	    gs_peek_read_constant(r->peek, r->at, &n, bytes) != 0) {
		r->bad = true;
		return 0;
	}
	r->at += bytes;
	return n;
}

int64_t gs_cfi_signed(struct gs_cfi_reader *r, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;

	return (int64_t)(gs_cfi_fixed(r, bytes) << shift) >> shift;
}

/* Seven bits a byte, the lowest first. *last is the last byte, *bits how many there were. */
static uint64_t gs_cfi_leb(struct gs_cfi_reader *r, uint64_t *last, unsigned *bits)
{
	uint64_t n = 0;

	*bits = 0;
	do {
		*last = gs_cfi_fixed(r, 1);
		if (*bits < 64)
			n |= (*last & 0x7f) << *bits;
		*bits += 7;
	} while (*last & 0x80);
	return n;
}

uint64_t gs_cfi_uleb(struct gs_cfi_reader *r)
{
	uint64_t last;
	unsigned bits;

	return gs_cfi_leb(r, &last, &bits);
}

int64_t gs_cfi_sleb(struct gs_cfi_reader *r)
{
	uint64_t last;
	unsigned bits;
	uint64_t n = gs_cfi_leb(r, &last, &bits);

	if (bits < 64 && (last & 0x40))
		n |= ~0ULL << bits;
	return (int64_t)n;
}

uint64_t gs_cfi_pointer(struct gs_cfi_reader *r, unsigned encoding, uint64_t data)
{
	uint64_t at = r->at, n;

	switch (encoding & 0x0f) {
	case 0x00: /* absptr */
	case 0x04: /* udata8 */
	case 0x0c: /* sdata8 */
		n = gs_cfi_fixed(r, 8);
		break;
	case 0x01:
		n = gs_cfi_uleb(r);
		break;
	case 0x02:
		n = gs_cfi_fixed(r, 2);
		break;
	case 0x03:
		n = gs_cfi_fixed(r, 4);
		break;
	case 0x09:
		n = (uint64_t)gs_cfi_sleb(r);
		break;
	case 0x0a:
		n = (uint64_t)gs_cfi_signed(r, 2);
		break;
	case 0x0b:
		n = (uint64_t)gs_cfi_signed(r, 4);
		break;
	default:
		r->bad = true;
		return 0;
	}
	switch (encoding & 0x70) {
	case 0x00:
		return n;
	case 0x10: /* pcrel */
		return n + at;
	case 0x30: /* datarel */
		return n + data;
	default:
		r->bad = true;
		return 0;
	}
}

/* A factored offset; unsigned, since what the table holds may overflow. */
static int64_t gs_cfi_scaled(const struct gs_cfi_entry *e, uint64_t factor)
{
	return (int64_t)(factor * (uint64_t)e->data_align);
}

static void gs_cfi_set(struct gs_cfi_row *row, uint64_t reg, enum gs_cfi_how how, int64_t value)
{
	/* Registers that are not followed (SSE, mask registers) are nobody's concern here. */
	if (reg < GS_UNWIND_REGS)
		row->reg[reg] = (struct gs_cfi_rule){ .how = (uint8_t)how, .value = value };
}

static struct gs_cfi_rule gs_cfi_block(struct gs_cfi_reader *r, enum gs_cfi_how how)
{
	uint64_t len = gs_cfi_uleb(r);
	struct gs_cfi_rule rule = {
		.how = (uint8_t)how,
		.len = (uint16_t)len,
		.value = (int64_t)r->at,
	};

	if (len > UINT16_MAX || len > r->end - r->at)
		r->bad = true;
	else
		r->at += len;
	return rule;
}

static void gs_cfi_cfa(struct gs_cfi_reader *r, struct gs_cfi_row *row, uint64_t reg,
		       int64_t offset)
{
	if (reg >= GS_UNWIND_PC)
		r->bad = true;
	row->cfa = (struct gs_cfi_rule){
		.how = GS_CFI_REGISTER,
		.reg = (uint8_t)reg,
		.value = offset,
	};
}

/* One instruction without operand bits that changes the row. */
static void gs_cfi_extended(const struct gs_cfi_entry *e, struct gs_cfi_reader *r, unsigned op,
			    struct gs_cfi_row *row, const struct gs_cfi_row *initial)
{
	uint64_t reg = 0;

	if (op != GS_CFA_DEF_CFA_OFFSET && op != GS_CFA_DEF_CFA_OFFSET_SF &&
	    op != GS_CFA_DEF_CFA_EXPRESSION && op != GS_CFA_GNU_ARGS_SIZE)
		reg = gs_cfi_uleb(r);
	switch (op) {
	case GS_CFA_OFFSET_EXTENDED:
		gs_cfi_set(row, reg, GS_CFI_OFFSET, gs_cfi_scaled(e, gs_cfi_uleb(r)));
		break;
	case GS_CFA_OFFSET_EXTENDED_SF:
		gs_cfi_set(row, reg, GS_CFI_OFFSET, gs_cfi_scaled(e, (uint64_t)gs_cfi_sleb(r)));
		break;
	case GS_CFA_GNU_NEGATIVE_OFFSET:
		gs_cfi_set(row, reg, GS_CFI_OFFSET, gs_cfi_scaled(e, 0 - gs_cfi_uleb(r)));
		break;
	case GS_CFA_VAL_OFFSET:
		gs_cfi_set(row, reg, GS_CFI_VAL_OFFSET, gs_cfi_scaled(e, gs_cfi_uleb(r)));
		break;
	case GS_CFA_VAL_OFFSET_SF:
		gs_cfi_set(row, reg, GS_CFI_VAL_OFFSET, gs_cfi_scaled(e, (uint64_t)gs_cfi_sleb(r)));
		break;
	case GS_CFA_RESTORE_EXTENDED:
		if (reg < GS_UNWIND_REGS)
			row->reg[reg] = initial->reg[reg];
		break;
	case GS_CFA_UNDEFINED:
		gs_cfi_set(row, reg, GS_CFI_UNDEFINED, 0);
		break;
	case GS_CFA_SAME_VALUE:
		gs_cfi_set(row, reg, GS_CFI_SAME, 0);
		break;
	case GS_CFA_REGISTER: {
		uint64_t in = gs_cfi_uleb(r);

		gs_cfi_set(row, reg, in < GS_UNWIND_REGS ? GS_CFI_REGISTER : GS_CFI_UNDEFINED, 0);
		if (reg < GS_UNWIND_REGS)
			row->reg[reg].reg = (uint8_t)in;
		break;
	}
	case GS_CFA_EXPRESSION:
	case GS_CFA_VAL_EXPRESSION: {
		struct gs_cfi_rule rule = gs_cfi_block(
			r, op == GS_CFA_EXPRESSION ? GS_CFI_EXPRESSION : GS_CFI_VAL_EXPRESSION);

		if (reg < GS_UNWIND_REGS)
			row->reg[reg] = rule;
		break;
	}
	case GS_CFA_DEF_CFA:
		gs_cfi_cfa(r, row, reg, (int64_t)gs_cfi_uleb(r));
		break;
	case GS_CFA_DEF_CFA_SF:
		gs_cfi_cfa(r, row, reg, gs_cfi_scaled(e, (uint64_t)gs_cfi_sleb(r)));
		break;
	case GS_CFA_DEF_CFA_REGISTER:
		gs_cfi_cfa(r, row, reg, row->cfa.value);
		break;
	case GS_CFA_DEF_CFA_OFFSET:
		gs_cfi_cfa(r, row, row->cfa.reg, (int64_t)gs_cfi_uleb(r));
		break;
	case GS_CFA_DEF_CFA_OFFSET_SF:
		gs_cfi_cfa(r, row, row->cfa.reg, gs_cfi_scaled(e, (uint64_t)gs_cfi_sleb(r)));
		break;
	case GS_CFA_DEF_CFA_EXPRESSION:
		row->cfa = gs_cfi_block(r, GS_CFI_VAL_EXPRESSION);
		break;
	case GS_CFA_GNU_ARGS_SIZE:
		gs_cfi_uleb(r);
		break;
	default:
		r->bad = true;
	}
}

/* Runs instructions until the row for pc is complete. */
static int gs_cfi_run(const struct gs_cfi_entry *e, struct gs_cfi_reader r, uint64_t pc,
		      struct gs_cfi_row *row, const struct gs_cfi_row *initial)
{
	struct gs_cfi_row aside[GS_CFI_REMEMBER];
	uint64_t at = e->start;
	unsigned depth = 0;

	while (!r.bad && r.at < r.end) {
		unsigned op = (unsigned)gs_cfi_fixed(&r, 1), operand = op & 0x3f;

		switch (op >> 6) {
		case GS_CFA_ADVANCE:
			at += operand * e->code_align;
			goto moved;
		case GS_CFA_OFFSET:
			gs_cfi_set(row, operand, GS_CFI_OFFSET,
				   gs_cfi_scaled(e, gs_cfi_uleb(&r)));
			continue;
		case GS_CFA_RESTORE:
			if (operand < GS_UNWIND_REGS)
				row->reg[operand] = initial->reg[operand];
			continue;
		}
		switch (op) {
		case GS_CFA_NOP:
			break;
		case GS_CFA_SET_LOC:
			at = gs_cfi_pointer(&r, e->encoding, 0);
			goto moved;
		case GS_CFA_ADVANCE1:
			at += gs_cfi_fixed(&r, 1) * e->code_align;
			goto moved;
		case GS_CFA_ADVANCE2:
			at += gs_cfi_fixed(&r, 2) * e->code_align;
			goto moved;
		case GS_CFA_ADVANCE4:
			at += gs_cfi_fixed(&r, 4) * e->code_align;
			goto moved;
		case GS_CFA_REMEMBER_STATE:
			if (depth == GS_CFI_REMEMBER)
				return -EINVAL;
			aside[depth++] = *row;
			break;
		case GS_CFA_RESTORE_STATE:
			if (depth == 0)
				return -EINVAL;
			*row = aside[--depth];
			break;
		default:
			gs_cfi_extended(e, &r, op, row, initial);
		}
		continue;
moved:
		if (at > pc)
			break;
	}
	return r.bad ? -EINVAL : 0;
}

int gs_cfi_row_at(const struct gs_cfi_entry *e, uint64_t pc, struct gs_cfi_row *row)
{
	struct gs_cfi_row initial;
	int err;

	memset(row, 0, sizeof(*row));
	memset(&initial, 0, sizeof(initial));
	err = gs_cfi_run(e, e->initial, UINT64_MAX, row, &initial);
	if (err != 0)
		return err;
	initial = *row;
	return gs_cfi_run(e, e->program, pc, row, &initial);
}
