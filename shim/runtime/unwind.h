/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from one frame of a stack to its caller's, by the unwind tables of
 * the objects in the process's memory. x86-64's register numbers are DWARF's.
 */
#ifndef GS_UNWIND_H
#define GS_UNWIND_H

#include "objects.h"

enum gs_unwind_reg {
	GS_UNWIND_RBX = 3,
	GS_UNWIND_RBP = 6,
	GS_UNWIND_RSP = 7,
	GS_UNWIND_R12 = 12,
	GS_UNWIND_R13,
	GS_UNWIND_R14,
	GS_UNWIND_R15,
	GS_UNWIND_PC,
	GS_UNWIND_REGS
};

struct gs_unwind_frame {
	uint64_t reg[GS_UNWIND_REGS];
	uint32_t known; /* bit n: reg[n] is known */
	bool exact;     /* pc is where the frame stopped, not where a call returns to */
};

static inline void gs_unwind_set(struct gs_unwind_frame *f, unsigned reg, uint64_t value)
{
	f->reg[reg] = value;
	f->known |= 1U << reg;
}

/* Turns f into its caller's frame. Returns 1, 0 when f was the outermost, or
   -errno when nothing says how to go on; -ENODATA: a register would that is not known. */
int gs_unwind_step(struct gs_objects *os, struct gs_unwind_frame *f);

#endif
