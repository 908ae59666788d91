/* SPDX-License-Identifier: MIT */
/*
 * init.h - turning the library on.
 */
#ifndef GS_INIT_H
#define GS_INIT_H

#include "runtime/base.h"

/* Called by the thread-making hooks. True when green threads can be made: on the
   first call by the process's first thread the runtime is started. False: the
   library stays out of the way, use libc's own function. */
bool gs_init_activate(void);

/* After that was false: there could be no kernel thread just then. Nothing has changed, and
   it is tried again at the next call. */
bool gs_init_lacks_thread(void);

/* Before the first thread: it is not to be made green, and why. */
void gs_init_step_aside(const char *why);

/* The environment the process was started with. */
extern char **gs_init_environ;

#endif
