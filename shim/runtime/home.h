/* SPDX-License-Identifier: MIT */
/*
 * home.h - kernel threads made to be one green thread's own. What they are for is
 * wired.c's business.
 *
 * A home is a worker: gs_worker_loop runs on it once it was opened.
 */
#ifndef GS_HOME_H
#define GS_HOME_H

#include "worker.h"

/* Starts a kernel thread that waits. inherit: with what the calling kernel thread
   has; else with what ordinary workers have. NULL when the kernel refuses. Inside the
   runtime, or on kernel threads that are not ours; so are all of these. */
struct gs_worker *gs_home_make(bool inherit);
/* Its thread comes. */
void gs_home_open(struct gs_worker *w);
/* Nobody comes. */
void gs_home_discard(struct gs_worker *w);

/* From now on ordinary workers are not started by altered kernel threads. Called
   before the first is altered; false when that cannot be seen to. */
bool gs_home_guard(void);
/* w, the home of a thread, was or will be altered: what is cloned from it differs. */
void gs_home_alter(struct gs_worker *w);
/* The same, if it is not again as an ordinary worker in what can be seen from outside:
   same, given two kernel threads. After gs_home_guard. */
void gs_home_compare(struct gs_worker *w, bool (*same)(int a, int b));
bool gs_home_is_altered(const struct gs_worker *w);

void gs_home_after_fork(void);

#endif
