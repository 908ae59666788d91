/* SPDX-License-Identifier: MIT */
/*
 * symbols.c - the tables of hooks.def and costs.def, to look names up in.
 *
 * Called from: facts.c.
 */
#include "symbols.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct gs_symbol {
	const char *name;
	unsigned kind;
};

static struct gs_symbol gs_symbols[] = {
#define GS_HOOK(group, name) { #name, GS_SYMBOL_HOOKED },
#define GS_HOOK_REAL(group, name) GS_HOOK(group, name)
#include "hooks.def"
#undef GS_HOOK
#undef GS_HOOK_REAL
#define GS_COST_WIRED(name) { #name, GS_SYMBOL_WIRED },
#define GS_COST_BLOCK(name) { #name, GS_SYMBOL_BLOCK },
#include "costs.def"
#undef GS_COST_WIRED
#undef GS_COST_BLOCK
};

enum { GS_SYMBOLS_COUNT = sizeof(gs_symbols) / sizeof(gs_symbols[0]) };

static int gs_symbols_compare(const void *a, const void *b)
{
	return strcmp(((const struct gs_symbol *)a)->name, ((const struct gs_symbol *)b)->name);
}

unsigned gs_symbols_kind(const char *name)
{
	static bool sorted;
	struct gs_symbol key = { name, 0 }, *hit;
	unsigned kind;

	if (!sorted)
		qsort(gs_symbols, GS_SYMBOLS_COUNT, sizeof(key), gs_symbols_compare);
	sorted = true;
	hit = bsearch(&key, gs_symbols, GS_SYMBOLS_COUNT, sizeof(key), gs_symbols_compare);
	if (!hit)
		return 0;
	/* A name may be in both tables: then it is there twice. */
	kind = hit->kind;
	if (hit > gs_symbols && strcmp(hit[-1].name, name) == 0)
		kind |= hit[-1].kind;
	if (hit + 1 < gs_symbols + GS_SYMBOLS_COUNT && strcmp(hit[1].name, name) == 0)
		kind |= hit[1].kind;
	return kind;
}
