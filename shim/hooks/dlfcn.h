/* SPDX-License-Identifier: MIT */
/*
 * dlfcn.h - what real.c tells the dlopen hook.
 */
#ifndef GS_HOOKS_DLFCN_H
#define GS_HOOKS_DLFCN_H

/* Once gs_real is filled. */
void gs_dlfcn_init(void);

#endif
