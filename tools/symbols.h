/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - what the library does about a function of libc.
 */
#ifndef GS_SYMBOLS_H
#define GS_SYMBOLS_H

enum gs_symbol_kind {
	GS_SYMBOL_HOOKED = 1, /* the library's own takes its place */
	GS_SYMBOL_WIRED = 2,  /* the green thread concerned gets a kernel thread for good */
	GS_SYMBOL_BLOCK = 4,  /* a kernel thread is occupied while it lasts */
};

/* A set of the above; 0 when it is none of the library's business. */
unsigned gs_symbols_kind(const char *name);

#endif
