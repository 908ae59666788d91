/* SPDX-License-Identifier: MIT */
/*
 * cputime.h - how long a green thread has run.
 *
 * Called from: any context.
 */
#ifndef GS_CPUTIME_H
#define GS_CPUTIME_H

#include "thread.h"

/* Nanoseconds that t has had the processor, in its lifetime; for main, also what it
   used before there were others. */
uint64_t gs_cputime(const struct gs_thread *t);

/* Start-up, on main. */
void gs_cputime_init(void);
void gs_cputime_after_fork(struct gs_thread *self);

#endif
