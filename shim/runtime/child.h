/* SPDX-License-Identifier: MIT */
/*
 * child.h - fork: what holds still in the parent, and the fresh start in the child.
 */
#ifndef GS_CHILD_H
#define GS_CHILD_H

#include "thread.h"

/* The three halves of pthread_atfork. They are registered before anything the
   program registers, so prepare runs after the program's own prepare handlers,
   and child before its child handlers, which thus find a working runtime. */
void gs_child_prepare(void);
void gs_child_parent(void);
void gs_child_fresh(void);

/* gs_lock_give_way: green threads that wait for what a forking thread holds. */
struct gs_lock;
void gs_child_give_way(const struct gs_lock *l);

/* Is the caller in the child of a fork already, but not fresh yet? Then nobody waits for
   anything here, and what the runtime knows is the parent's. */
bool gs_child_unborn(void);

#endif
