/* SPDX-License-Identifier: MIT */
/*
 * real.h - libc's own functions behind the hooks: gs_real.NAME for every
 * GS_HOOK_REAL line of hooks.def. Resolved once, in the constructor.
 *
 * Called from: hooks and shim/, never the runtime (it has struct gs_host).
 */
#ifndef GS_REAL_H
#define GS_REAL_H

#include "prototypes.h"

struct gs_real {
#define GS_HOOK(group, name)
#define GS_HOOK_REAL(group, name) __typeof__(name) *name;
#include "hooks.def"
#undef GS_HOOK
#undef GS_HOOK_REAL
};

extern struct gs_real gs_real;

/* Two of them once more, and dlsym, where assembly can name them; see hooks/dlfcn.c. */
extern void *gs_real_dlopen, *gs_real_dlmopen;
extern void *(*gs_real_dlsym)(void *, const char *);
/* libc's part of pthread_atfork, which is linked into every object. */
extern int (*gs_real_register_atfork)(void (*prepare)(void), void (*parent)(void),
				      void (*child)(void), void *object);
void gs_real_find_dlsym(void);

/* Fills gs_real and gs_host. Returns NULL, or the name that libc lacks. */
const char *gs_real_resolve(void);

#endif
