/* SPDX-License-Identifier: MIT */
/*
 * symbol.h - names of functions, from the symbol table of the mapped file.
 */
#ifndef GS_SYMBOL_H
#define GS_SYMBOL_H

#include "objects.h"

/* The function that covers addr: its name (valid until gs_symbol_close) and how far
   into it addr is. False when the file has no such symbol. */
bool gs_symbol_find(struct gs_objects *os, struct gs_object *o, uint64_t addr, const char **name,
		    uint64_t *offset);

/* Where the symbol of that name is in the process; 0: o has none. */
uint64_t gs_symbol_address(struct gs_objects *os, struct gs_object *o, const char *name);

/* Gives back what the two above have read. */
void gs_symbol_close(struct gs_object *o);

#endif
