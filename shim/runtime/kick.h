/* SPDX-License-Identifier: MIT */
/*
 * kick.h - the library's own signals to kernel threads, and how exec keeps them out.
 */
#ifndef GS_KICK_H
#define GS_KICK_H

#include <stdbool.h>

struct gs_worker;

/* Sends sig, one of the library's own, to kernel thread ktid. Returns 0, -EBUSY when that
   is sealed (it will look by itself if it goes on), or the kernel's -errno. Inside the runtime,
   or with signals blocked. */
long gs_kick(int ktid, int sig);

/* The caller's worker, in a blocking region, is about to become another program: when this
   returns none of the library's signals is on its way to it, and none is sent before
   gs_kick_unseal. Those that had come are forgotten. */
void gs_kick_seal(struct gs_worker *w);

/* The caller's worker goes on after all, and looks at what it was to be told. False: it was
   not sealed. */
bool gs_kick_unseal(struct gs_worker *w);

void gs_kick_after_fork(void);

#endif
