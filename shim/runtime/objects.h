/* SPDX-License-Identifier: MIT */
/*
 * objects.h - which program and libraries a process has mapped, and where their
 * unwind tables are.
 */
#ifndef GS_OBJECTS_H
#define GS_OBJECTS_H

#include "peek.h"

struct gs_symbols;

struct gs_object {
	uint64_t start, end; /* first to last mapping of the file */
	uint64_t first_end;  /* of the first one alone */
	uint64_t bias;       /* added to the file's addresses */
	uint64_t unwind;     /* .eh_frame_hdr in memory; 0: none */
	const char *path;
	size_t path_len;
	struct gs_symbols *symbols; /* symbol.c's */
};

struct gs_objects {
	struct gs_peek peek;
	struct gs_object *list; /* by rising address */
	unsigned n;
	char *names; /* the paths */
	size_t names_len;
};

/* Learns the objects of process pid. Returns 0 or -errno. */
int gs_objects_open(struct gs_objects *os, int pid);
void gs_objects_close(struct gs_objects *os);

/* The object whose mappings addr lies in, or NULL. */
struct gs_object *gs_objects_find(const struct gs_objects *os, uint64_t addr);

/* Is the code at pc what a signal handler returns to? */
bool gs_objects_sigreturn(const struct gs_objects *os, uint64_t pc);

/* The last component of the object's path. */
const char *gs_objects_name(const struct gs_object *o);

/* Opens the file behind o for reading, also when its name
   is gone. Returns a descriptor or -errno. */
int gs_objects_file(const struct gs_objects *os, const struct gs_object *o);

#endif
