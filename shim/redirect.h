/* SPDX-License-Identifier: MIT */
/*
 * redirect.h - the second door: libc's internal calls reach the hooks too.
 */
#ifndef GS_REDIRECT_H
#define GS_REDIRECT_H

#include "runtime/base.h"

/* Replaces the first bytes of libc's blocking functions by jumps to the hooks.
   Called once, at activation, when the process has one thread. Returns how many
   were redirected; what is refused keeps its body, and the monitor covers it. */
int gs_redirect_install(void);

#endif
