/* SPDX-License-Identifier: MIT */
/*
 * peek.h - reads a process's memory without ever faulting: this process's own or,
 * for the goshim command, another's.
 */
#ifndef GS_PEEK_H
#define GS_PEEK_H

#include "base.h"

struct gs_peek_page;

struct gs_peek {
	int pid;
	struct gs_peek_page *pages; /* copies of memory that does not change */
};

/* Returns 0 or -ENOMEM. */
int gs_peek_open(struct gs_peek *peek, int pid);
void gs_peek_close(struct gs_peek *peek);

/* Copies n bytes at addr of the process. Returns 0 or -errno: nothing usable was copied. */
int gs_peek_read(const struct gs_peek *peek, uint64_t addr, void *buf, size_t n);

/* The same for code and constants, of which whole pages are kept. */
int gs_peek_read_constant(const struct gs_peek *peek, uint64_t addr, void *buf, size_t n);

#endif
