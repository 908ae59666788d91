/* SPDX-License-Identifier: MIT */
/*
 * stack.h - stacks with guard pages, from slabs per size class.
 *
 * A stack has room for its thread's record at the top, and is handed out with whatever
 * its last owner left there; thread records, stacks and TCBs are recycled together by
 * spare.c, so this file only sees stacks come and (rarely) go.
 */
#ifndef GS_STACK_H
#define GS_STACK_H

#include "thread.h"

enum { GS_STACK_USER = 0xffff };

/* The stack size a thread without an attribute gets, bytes. */
size_t gs_stack_default_size(void);

/* The smallest stack the kernel's signal frames and the red zone fit in. */
size_t gs_stack_min_size(void);

/* Fills *s with a stack of at least size bytes above a guard of at least guard
   bytes. Returns 0 or -ENOMEM. */
int gs_stack_get(struct gs_stack *s, size_t size, size_t guard);
void gs_stack_put(struct gs_stack *s);

/* Where the record is of a stack from gs_stack_get, zero to begin with: what is below it is
   the thread's. Its first word is this file's while the stack is not handed out. */
void *gs_stack_room(const struct gs_stack *s);

/* Programs built the old way run code on their stacks: from now on they can. */
void gs_stack_allow_code(void);

/* Is addr in the guard of t's stack? For the overflow message. */
bool gs_stack_in_guard(const struct gs_stack *s, const void *addr);

/* Held across fork, see child.c. */
void gs_stack_fork_lock(void);
void gs_stack_fork_unlock(void);

#endif
