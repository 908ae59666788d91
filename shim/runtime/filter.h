/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the program's system call filters that end, or trap, who makes a call they do
 * not know. Calls that the library can do without are made by gs_sys_try (sys.h).
 */
#ifndef GS_FILTER_H
#define GS_FILTER_H

#include "base.h"

struct gs_filter;
struct sock_fprog;

/* Does prog end, or trap, who makes a call it does not know? Its author knew what the
   program calls, and not what the library does. */
bool gs_filter_is_harsh(const struct sock_fprog *prog);

/* prog is about to go on: what is returned is to be dropped if it does not; NULL: no memory.
   Inside the runtime. */
struct gs_filter *gs_filter_add(const struct sock_fprog *prog);
void gs_filter_drop(struct gs_filter *f);

/* Meanwhile no filter is added: for the monitor, which blocks SIGSYS, so that a trap ends the
   process. */
void gs_filter_hold(void);
void gs_filter_release(void);

void gs_filter_after_fork(void);

#endif
