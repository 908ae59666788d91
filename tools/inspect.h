/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - looks into a running process that has the library loaded, by the
 * library's own descriptor. Nothing in the process is stopped or changed; the
 * kernel decides who may look.
 */
#ifndef GS_INSPECT_H
#define GS_INSPECT_H

#include "runtime/layout.h"
#include "runtime/view.h"

struct gs_inspect {
	int pid;
	struct gs_view view;
	struct goshim_layout layout;
	unsigned entries;    /* of the layout that are used */
	struct gs_inspect_known *known; /* values asked for before */
	char *records;       /* room for gs_inspect_each */
	size_t records_size;
	char (*states)[32], (*reasons)[32], (*stats)[32]; /* words, by number */
	unsigned n_states, n_reasons, n_stats;
	uint8_t *objects;    /* enum gs_view_object for each reason */
	bool active;         /* the library has been turned on */
};

/* Finds the library in process pid (a number in words). False after a line that
   says what is wrong. */
bool gs_inspect_open(struct gs_inspect *in, const char *pid);
void gs_inspect_close(struct gs_inspect *in);

/* A value of the layout. A name the library does not know ends the command. name is a
   literal: its address is remembered, so asking again for every thread is cheap. */
uint64_t gs_inspect_value(const struct gs_inspect *in, const char *name);

/* A little-endian number of the process; 0 where it cannot be read. */
uint64_t gs_inspect_number(const struct gs_inspect *in, uint64_t addr, size_t bytes);
/* The number at the address the layout has under name. */
uint64_t gs_inspect_at(const struct gs_inspect *in, const char *name, size_t bytes);

/* Calls fn with a copy of every green thread's record and its address in the process. */
typedef void gs_inspect_fn(struct gs_inspect *in, const char *record, uint64_t addr, void *arg);
bool gs_inspect_each(struct gs_inspect *in, gs_inspect_fn *fn, void *arg);

/* A field of a record. */
uint64_t gs_inspect_field(const struct gs_inspect *in, const char *record, const char *name,
			  size_t bytes);

/* The word for number i, or "?". */
const char *gs_inspect_word(char (*words)[32], unsigned n, uint64_t i);

/* When the library was turned on, and now: gs_view_age's two moments. */
void gs_inspect_moments(const struct gs_inspect *in, struct gs_view_moment *first,
			struct gs_view_moment *now);

/* The process's own name, "?" when that cannot be told. */
void gs_inspect_command(const struct gs_inspect *in, char *buf, size_t size);

/* Says on standard output that the library is loaded and does nothing. */
void gs_inspect_inactive(const struct gs_inspect *in);

/* Is the process still the one that was opened? */
bool gs_inspect_alive(const struct gs_inspect *in);

#endif
