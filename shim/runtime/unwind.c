/* SPDX-License-Identifier: MIT */
/*
 * unwind.c - one step up a stack.
 *
 * The tables are found as the C++ runtime finds them, by the binary search table
 * of .eh_frame_hdr, but read out of the process's memory with system calls, so
 * that stacks may vanish meanwhile. libunwind, which the goshim command uses from
 * outside, allocates, locks and drags in libraries; this must run beside threads
 * that hold the allocator's locks, in a process that may depend on libc only.
 *
 * Code without tables (just-in-time compiled) is tried with the frame pointer.
 *
 * Invariants: every step but the one out of a signal's trampoline moves towards
 * the bottom of the stack, so a walk ends.
 * Locks: none.
 * Called from: dump.c.
 */
#include "unwind.h"

#include "cfi.h"

#include <errno.h>
#include <string.h>

enum {
	GS_UNWIND_PCREL_SDATA4 = 0x1b,
	GS_UNWIND_UDATA4 = 0x03,
	GS_UNWIND_DATAREL_SDATA4 = 0x3b,
	GS_UNWIND_MAX_FP_FRAME = 1 << 20, /* bytes; a larger one is not believed */
	GS_UNWIND_MCONTEXT = 40,          /* of the kernel's struct ucontext: its registers */
};

/* Registers in the kernel's struct sigcontext, in order; DWARF numbers. */
static const uint8_t gs_unwind_sigcontext[] = { 8,  9, 10, 11, 12, 13, 14, 15, 5,
						4,  6, 3,  1,  0,  2,  7,  16 };

/* Out of a signal's trampoline: what was interrupted. */
static int gs_unwind_signal(struct gs_objects *os, struct gs_unwind_frame *f)
{
	uint64_t saved[GS_UNWIND_REGS];
	int err;

	_Static_assert(GS_UNWIND_REGS == sizeof(gs_unwind_sigcontext), "one number each");
	err = gs_peek_read(&os->peek, f->reg[GS_UNWIND_RSP] + GS_UNWIND_MCONTEXT, saved,
			   sizeof(saved));
	if (err != 0)
		return err;
	for (unsigned i = 0; i < GS_UNWIND_REGS; i++)
		gs_unwind_set(f, gs_unwind_sigcontext[i], saved[i]);
	f->exact = true;
	return f->reg[GS_UNWIND_PC] != 0;
}

/* The address of the FDE for pc by the search table at hdr, 0 when there is none. */
static uint64_t gs_unwind_search(struct gs_objects *os, uint64_t hdr, uint64_t pc)
{
	struct gs_cfi_reader r = { .peek = &os->peek, .at = hdr, .end = UINT64_MAX };
	uint64_t table, low = 0, high;
	uint32_t entry[2];

	if (gs_cfi_fixed(&r, 1) != 1)
		return 0;
	if (gs_cfi_fixed(&r, 1) != GS_UNWIND_PCREL_SDATA4 ||
	    gs_cfi_fixed(&r, 1) != GS_UNWIND_UDATA4 ||
	    gs_cfi_fixed(&r, 1) != GS_UNWIND_DATAREL_SDATA4)
		return 0; /* no linker writes another kind */
	gs_cfi_fixed(&r, 4);
	high = gs_cfi_fixed(&r, 4);
	table = r.at;
	/* The last entry that starts at or before pc is entry low - 1. */
	while (low < high && !r.bad) {
		uint64_t mid = (low + high) / 2;

		r.at = table + mid * sizeof(entry);
		if (hdr + (uint64_t)gs_cfi_signed(&r, 4) <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || r.bad)
		return 0;
	r.at = table + (low - 1) * sizeof(entry) + sizeof(entry[0]);
	high = hdr + (uint64_t)gs_cfi_signed(&r, 4);
	return r.bad ? 0 : high;
}

/* Starts reading an entry of .eh_frame: *id is the field behind its length. */
static bool gs_unwind_open(struct gs_objects *os, uint64_t at, struct gs_cfi_reader *r,
			   uint64_t *id_at, uint64_t *id)
{
	uint64_t len;

	*r = (struct gs_cfi_reader){ .peek = &os->peek, .at = at, .end = UINT64_MAX };
	len = gs_cfi_fixed(r, 4);
	if (len == 0 || len >= 0xfffffff0) /* the end, or an entry of over 4 GB */
		return false;
	r->end = r->at + len;
	*id_at = r->at;
	*id = gs_cfi_fixed(r, 4);
	return !r->bad;
}

static bool gs_unwind_cie(struct gs_objects *os, uint64_t at, struct gs_cfi_entry *e,
			  bool *augmented)
{
	char augmentation[8] = "";
	struct gs_cfi_reader r;
	uint64_t id_at, id, version, end;

	if (!gs_unwind_open(os, at, &r, &id_at, &id) || id != 0)
		return false;
	version = gs_cfi_fixed(&r, 1);
	if (version != 1 && version != 3)
		return false;
	for (unsigned i = 0;; i++) {
		if (i == sizeof(augmentation))
			return false;
		augmentation[i] = (char)gs_cfi_fixed(&r, 1);
		if (!augmentation[i])
			break;
	}
	e->code_align = gs_cfi_uleb(&r);
	e->data_align = gs_cfi_sleb(&r);
	if ((version == 1 ? gs_cfi_fixed(&r, 1) : gs_cfi_uleb(&r)) != GS_UNWIND_PC)
		return false;
	e->encoding = 0;
	e->signal = false;
	*augmented = augmentation[0] == 'z';
	if (*augmented) {
		end = gs_cfi_uleb(&r);
		end += r.at;
		for (const char *c = augmentation + 1; *c; c++) {
			if (*c == 'R')
				e->encoding = (unsigned)gs_cfi_fixed(&r, 1);
			else if (*c == 'L')
				gs_cfi_fixed(&r, 1);
			else if (*c == 'P')
				gs_cfi_pointer(&r, gs_cfi_fixed(&r, 1) & 0x7f, 0);
			else if (*c == 'S')
				e->signal = true;
			else
				break; /* of unknown length; but end is known */
		}
		r.at = end;
	} else if (augmentation[0]) {
		return false;
	}
	e->initial = r;
	return !r.bad;
}

/* Everything the tables say about the code at pc. */
static bool gs_unwind_entry(struct gs_objects *os, const struct gs_object *o, uint64_t pc,
			    struct gs_cfi_entry *e)
{
	uint64_t fde = gs_unwind_search(os, o->unwind, pc), id_at, back, len;
	struct gs_cfi_reader r;
	bool augmented;

	if (!fde || !gs_unwind_open(os, fde, &r, &id_at, &back) || back == 0 ||
	    !gs_unwind_cie(os, id_at - back, e, &augmented))
		return false;
	e->start = gs_cfi_pointer(&r, e->encoding, 0);
	len = gs_cfi_pointer(&r, e->encoding & 0x0f, 0);
	if (augmented) {
		uint64_t skip = gs_cfi_uleb(&r);

		r.at += skip;
	}
	e->program = r;
	return !r.bad && pc >= e->start && pc - e->start < len;
}

static int gs_unwind_expression(struct gs_objects *os, const struct gs_cfi_rule *rule,
				const struct gs_unwind_frame *f, const uint64_t *push,
				uint64_t *result)
{
	struct gs_cfi_reader r = {
		.peek = &os->peek,
		.at = (uint64_t)rule->value,
		.end = (uint64_t)rule->value + rule->len,
	};

	return gs_cfi_evaluate(&r, f, push, result);
}

static int gs_unwind_cfa(struct gs_objects *os, const struct gs_cfi_rule *rule,
			 const struct gs_unwind_frame *f, uint64_t *cfa)
{
	if (rule->how == GS_CFI_VAL_EXPRESSION)
		return gs_unwind_expression(os, rule, f, NULL, cfa);
	if (rule->how != GS_CFI_REGISTER)
		return -EINVAL;
	if (!(f->known & 1U << rule->reg))
		return -ENODATA;
	*cfa = f->reg[rule->reg] + (uint64_t)rule->value;
	return 0;
}

static bool gs_unwind_kept(unsigned reg)
{
	return reg == GS_UNWIND_RBX || reg == GS_UNWIND_RBP ||
	       (reg >= GS_UNWIND_R12 && reg <= GS_UNWIND_R15);
}

/* The caller's register by its rule; false: not known. */
static bool gs_unwind_restore(struct gs_objects *os, unsigned reg, const struct gs_cfi_rule *rule,
			      const struct gs_unwind_frame *f, uint64_t cfa, uint64_t *value)
{
	uint64_t at = cfa + (uint64_t)rule->value;
	unsigned from = reg;

	switch (rule->how) {
	case GS_CFI_UNSPECIFIED:
		/* The ABI says which registers a function keeps without saying so. */
		if (!gs_unwind_kept(reg))
			return false;
		break;
	case GS_CFI_SAME:
		break;
	case GS_CFI_REGISTER:
		from = rule->reg;
		break;
	case GS_CFI_OFFSET:
		return gs_peek_read(&os->peek, at, value, sizeof(*value)) == 0;
	case GS_CFI_VAL_OFFSET:
		*value = at;
		return true;
	case GS_CFI_EXPRESSION:
		return gs_unwind_expression(os, rule, f, &cfa, &at) == 0 &&
		       gs_peek_read(&os->peek, at, value, sizeof(*value)) == 0;
	case GS_CFI_VAL_EXPRESSION:
		return gs_unwind_expression(os, rule, f, &cfa, value) == 0;
	default:
		return false;
	}
	*value = f->reg[from];
	return f->known & 1U << from;
}

static int gs_unwind_by_table(struct gs_objects *os, const struct gs_cfi_entry *e, uint64_t pc,
			      struct gs_unwind_frame *f)
{
	struct gs_unwind_frame up = { .exact = e->signal };
	struct gs_cfi_row row;
	uint64_t cfa, value;
	int err;

	err = gs_cfi_row_at(e, pc, &row);
	if (err == 0)
		err = gs_unwind_cfa(os, &row.cfa, f, &cfa);
	if (err != 0)
		return err;
	if (row.reg[GS_UNWIND_PC].how == GS_CFI_UNDEFINED)
		return 0;
	if (!e->signal && cfa <= f->reg[GS_UNWIND_RSP])
		return -EINVAL;
	for (unsigned i = 0; i < GS_UNWIND_REGS; i++)
		if (gs_unwind_restore(os, i, &row.reg[i], f, cfa, &value))
			gs_unwind_set(&up, i, value);
	if (row.reg[GS_UNWIND_RSP].how == GS_CFI_UNSPECIFIED)
		gs_unwind_set(&up, GS_UNWIND_RSP, cfa);
	if (!(up.known & 1U << GS_UNWIND_PC))
		return -EFAULT;
	*f = up;
	return f->reg[GS_UNWIND_PC] != 0;
}

/* push %rbp; mov %rsp, %rbp: the caller's pair lies where rbp points. */
static int gs_unwind_by_pointer(struct gs_objects *os, struct gs_unwind_frame *f)
{
	uint64_t rbp = f->reg[GS_UNWIND_RBP], pair[2];

	if (!(f->known & 1U << GS_UNWIND_RBP) || rbp % 8 != 0 || rbp < f->reg[GS_UNWIND_RSP] ||
	    rbp - f->reg[GS_UNWIND_RSP] > GS_UNWIND_MAX_FP_FRAME ||
	    gs_peek_read(&os->peek, rbp, pair, sizeof(pair)) != 0)
		return -ENOENT;
	/* Either a frame further down, or known code. */
	if (pair[0] <= rbp && !gs_objects_find(os, pair[1]))
		return -ENOENT;
	*f = (struct gs_unwind_frame){ 0 };
	gs_unwind_set(f, GS_UNWIND_RBP, pair[0]);
	gs_unwind_set(f, GS_UNWIND_RSP, rbp + sizeof(pair));
	gs_unwind_set(f, GS_UNWIND_PC, pair[1]);
	return pair[1] != 0;
}

int gs_unwind_step(struct gs_objects *os, struct gs_unwind_frame *f)
{
	/* A call may be the last instruction of a function. */
	uint64_t pc = f->reg[GS_UNWIND_PC] - !f->exact;
	const struct gs_object *o = gs_objects_find(os, pc);
	struct gs_cfi_entry e;

	if (gs_objects_sigreturn(os, f->reg[GS_UNWIND_PC]))
		return gs_unwind_signal(os, f);
	if (o && o->unwind && gs_unwind_entry(os, o, pc, &e))
		return gs_unwind_by_table(os, &e, pc, f);
	return gs_unwind_by_pointer(os, f);
}
