/* SPDX-License-Identifier: MIT */
/*
 * cfi.h - DWARF call frame information: reads its encodings, and runs the little
 * programs that say where a frame keeps its caller's registers.
 */
#ifndef GS_CFI_H
#define GS_CFI_H

#include "unwind.h"

/* Reads forward through constant memory; bad is set, and zeros are read, behind
   the end or where nothing is mapped. */
struct gs_cfi_reader {
	struct gs_peek *peek;
	uint64_t at, end;
	bool bad;
};

uint64_t gs_cfi_fixed(struct gs_cfi_reader *r, unsigned bytes);
int64_t gs_cfi_signed(struct gs_cfi_reader *r, unsigned bytes);
uint64_t gs_cfi_uleb(struct gs_cfi_reader *r);
int64_t gs_cfi_sleb(struct gs_cfi_reader *r);
/* A pointer in one of the DW_EH_PE encodings; data is what DW_EH_PE_datarel adds. */
uint64_t gs_cfi_pointer(struct gs_cfi_reader *r, unsigned encoding, uint64_t data);

enum gs_cfi_how {
	GS_CFI_UNSPECIFIED,
	GS_CFI_UNDEFINED,
	GS_CFI_SAME,
	GS_CFI_OFFSET,     /* saved at CFA + value */
	GS_CFI_VAL_OFFSET, /* is CFA + value */
	GS_CFI_REGISTER,   /* is in, or for the CFA: is value added to, register reg */
	GS_CFI_EXPRESSION, /* saved where the expression at value says */
	GS_CFI_VAL_EXPRESSION,
};

struct gs_cfi_rule {
	uint8_t how; /* enum gs_cfi_how */
	uint8_t reg;
	uint16_t len; /* of the expression */
	int64_t value;
};

/* Where everything is at one place of a function. */
struct gs_cfi_row {
	struct gs_cfi_rule cfa;
	struct gs_cfi_rule reg[GS_UNWIND_REGS];
};

/* What the FDE that covers a place, and its CIE, say. */
struct gs_cfi_entry {
	struct gs_cfi_reader initial, program; /* instructions */
	uint64_t start;                        /* of the code covered */
	uint64_t code_align;
	int64_t data_align;
	unsigned encoding;
	bool signal; /* a signal's trampoline */
};

/* The row for the code at pc. Returns 0 or -EINVAL: not understood. */
int gs_cfi_row_at(const struct gs_cfi_entry *e, uint64_t pc, struct gs_cfi_row *row);

/* The value of the expression in r, with f's registers, and *push on the stack at
   first unless NULL. Returns 0 or -errno. */
int gs_cfi_evaluate(struct gs_cfi_reader *r, const struct gs_unwind_frame *f,
		    const uint64_t *push, uint64_t *result);

#endif
