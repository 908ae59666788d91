/* SPDX-License-Identifier: MIT */
/*
 * layout.h - the exported descriptor of the library's own data, for those who look
 * from outside: the goshim command, goshim-gdb.py. As libc's for libthread_db.
 *
 * It is a table of {name, value}: addresses in the process, byte offsets, sizes.
 * A reader looks values up by name, so a library and a tool of different ages
 * understand each other as far as they know the same names; version changes when
 * a name changes its meaning.
 *
 * Everything but the table itself is read while it changes.
 */
#ifndef GS_LAYOUT_H
#define GS_LAYOUT_H

#include "base.h"

#define GS_LAYOUT_MAGIC 0x314d494853474fULL /* "OGSHIM1" as it lies in memory */
#define GS_LAYOUT_SYMBOL "goshim_layout"

enum { GS_LAYOUT_VERSION = 1, GS_LAYOUT_NAME = 24, GS_LAYOUT_ENTRIES = 112 };

struct goshim_layout_entry {
	char name[GS_LAYOUT_NAME]; /* NUL-terminated */
	uint64_t value;
};

struct goshim_layout {
	uint64_t magic;
	uint32_t version;
	uint32_t size;       /* of this struct, as the library has it */
	uint32_t entries_at; /* offset of the entries, and the size of one */
	uint32_t entry_size;
	struct goshim_layout_entry entries[GS_LAYOUT_ENTRIES]; /* the last ones are empty */
};

extern const struct goshim_layout goshim_layout GS_EXPORT;

#endif
