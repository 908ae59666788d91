/* SPDX-License-Identifier: MIT */
/*
 * key.h - destructors of thread-specific data. The values live in glibc's own
 * slots; only which keys have which destructor is recorded here, because
 * glibc runs destructors for its own threads only.
 */
#ifndef GS_KEY_H
#define GS_KEY_H

#include "base.h"

/* Remembers the destructor of a key just made. */
void gs_key_record(unsigned key, void (*destroy)(void *));
/* The key is deleted. */
void gs_key_forget(unsigned key);

/* Runs destructors as POSIX has it: up to PTHREAD_DESTRUCTOR_ITERATIONS rounds over
   the keys with values. On the finishing thread, outside the runtime. */
void gs_key_run_destructors(void);

#endif
