/* SPDX-License-Identifier: MIT */
/*
 * cfi.c - call frame information: known programs give known rows and values, and
 * nonsense of any kind is refused or bounded, never a crash or an endless loop.
 */
#include "runtime/cfi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;
static struct gs_peek peek;

static void expect(int ok, const char *what)
{
	if (!ok) {
		printf("not so: %s\n", what);
		failures++;
	}
}

/* Constants are kept by page: each program gets a page of its own. */
static struct gs_cfi_reader reader(const void *bytes, size_t n)
{
	static char *next;
	char *page;

	if (!next)
		next = aligned_alloc(4096, 64 * 4096);
	page = next;
	next += 4096;
	memcpy(page, bytes, n);
	return (struct gs_cfi_reader){
		.peek = &peek,
		.at = (uintptr_t)page,
		.end = (uintptr_t)page + n,
	};
}

#define READER(...) \
	reader((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void numbers(void)
{
	struct gs_cfi_reader r = READER(0xe5, 0x8e, 0x26, 0x7f, 0x80, 0x7f, 0xfe, 0xff, 0xff, 0xff);

	expect(gs_cfi_uleb(&r) == 624485, "a ULEB128 of three bytes");
	expect(gs_cfi_sleb(&r) == -1, "a SLEB128 of one byte");
	expect(gs_cfi_sleb(&r) == -128, "a SLEB128 of two bytes");
	expect(gs_cfi_signed(&r, 4) == -2, "a signed word");
	expect(!r.bad, "all of it was there");
	expect(gs_cfi_fixed(&r, 1) == 0 && r.bad, "the end is the end");
}

/* What gcc writes for push %rbp; mov %rsp, %rbp; ...; leave; ret. */
static void rows(void)
{
	struct gs_cfi_entry e = {
		.initial = READER(0x0c, 7, 8, 0x90, 1),
		.program = READER(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 0x40, 0x0a, 0xc6,
				  0x0c, 7, 8, 0x41, 0x0b),
		.start = 0x1000,
		.code_align = 1,
		.data_align = -8,
	};
	struct gs_cfi_row row;

	expect(gs_cfi_row_at(&e, 0x1000, &row) == 0 && row.cfa.reg == 7 && row.cfa.value == 8 &&
		       row.reg[GS_UNWIND_PC].how == GS_CFI_OFFSET &&
		       row.reg[GS_UNWIND_PC].value == -8,
	       "the first instruction");
	expect(gs_cfi_row_at(&e, 0x1001, &row) == 0 && row.cfa.reg == 7 && row.cfa.value == 16 &&
		       row.reg[GS_UNWIND_RBP].how == GS_CFI_OFFSET &&
		       row.reg[GS_UNWIND_RBP].value == -16,
	       "after the push");
	expect(gs_cfi_row_at(&e, 0x1010, &row) == 0 && row.cfa.reg == 6 && row.cfa.value == 16,
	       "the body");
	expect(gs_cfi_row_at(&e, 0x1044, &row) == 0 && row.cfa.reg == 7 && row.cfa.value == 8 &&
		       row.reg[GS_UNWIND_RBP].how == GS_CFI_UNSPECIFIED,
	       "after the leave");
	expect(gs_cfi_row_at(&e, 0x1045, &row) == 0 && row.cfa.reg == 6, "the state is put back");
}

/* The linker's rule for an entry of the PLT. */
static void expressions(void)
{
	static const uint8_t plt[] = { 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22 };
	struct gs_unwind_frame f = { 0 };
	struct gs_cfi_reader r = reader(plt, sizeof(plt)), again = r;
	uint64_t cfa = 0;

	gs_unwind_set(&f, GS_UNWIND_RSP, 0x7000);
	gs_unwind_set(&f, GS_UNWIND_PC, 0x401026);
	expect(gs_cfi_evaluate(&r, &f, NULL, &cfa) == 0 && cfa == 0x7008, "before the push");
	gs_unwind_set(&f, GS_UNWIND_PC, 0x40102b);
	expect(gs_cfi_evaluate(&again, &f, NULL, &cfa) == 0 && cfa == 0x7010, "after the push");
	r = READER(0x2f, 0xfd, 0xff);
	expect(gs_cfi_evaluate(&r, &f, NULL, &cfa) != 0, "an endless loop ends");
	r = READER(0x73, 0);
	expect(gs_cfi_evaluate(&r, &f, NULL, &cfa) != 0, "an unknown register is no value");
}

static void nonsense(void)
{
	enum { ROUNDS = 300000, SIZE = 48 };
	static uint8_t bytes[64 * 4096];
	struct gs_unwind_frame f = { 0 };

	for (unsigned i = 0; i < GS_UNWIND_REGS; i++)
		gs_unwind_set(&f, i, i % 2 ? i : (uintptr_t)bytes);
	srand(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(rand() >> 8);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t at = (uintptr_t)bytes + (uint64_t)rand() % (sizeof(bytes) - SIZE), v = 0;
		struct gs_cfi_reader r = { .peek = &peek, .at = at, .end = at + SIZE };
		struct gs_cfi_entry e = {
			.initial = r,
			.program = r,
			.code_align = 1,
			.data_align = -8,
			.encoding = (unsigned)rand() & 0xff,
		};
		struct gs_cfi_row row;

		gs_cfi_row_at(&e, (uint64_t)rand(), &row);
		gs_cfi_evaluate(&r, &f, i % 2 ? &v : NULL, &v);
	}
}

int main(void)
{
	if (gs_peek_open(&peek, getpid()) != 0)
		return 2;
	numbers();
	rows();
	expressions();
	nonsense();
	gs_peek_close(&peek);
	if (failures == 0)
		puts("ok");
	return failures != 0;
}
