/* SPDX-License-Identifier: MIT */
/*
 * tcb.h - glibc's thread control block, as far as it can be known without its
 * layout: made from a pristine snapshot of one real thread's. The sole file
 * that knows; how is said at the top of tcb.c.
 */
#ifndef GS_TCB_H
#define GS_TCB_H

#include "thread.h"

/* Bytes a TCB with its thread-local block takes off the top of a stack. */
extern size_t gs_tcb_size;

/* Takes the snapshot: starts one real thread and waits for it. Called when only
   one thread exists. Returns 0, or -errno with *why set to what was not
   understood (the library then stays off). */
int gs_tcb_init(const char **why);

/* Lays a TCB out at the top of [base, base+size) and returns the thread pointer;
   the usable stack ends at *stack_top. NULL when the dtv cannot be allocated.
   First use of that memory; calls the host's allocator. */
void *gs_tcb_make(struct gs_thread *t, void *base, size_t size, void **stack_top);

/* The same for a kernel thread of the library's own, which is out of libc's sight: without
   a dtv, so without asking the allocator, for code that uses no thread-local variables
   but those of objects present from the start. t->stack is set. */
void *gs_tcb_make_bare(struct gs_thread *t, void *base, size_t size, void **stack_top);
/* What such a thread does first, on its own TCB. */
void gs_tcb_begin(void *tp);

/* Makes a TCB that served another thread fresh again, in place; libc's own
   thread-local block (malloc's cache, resolver state) is kept warm. */
int gs_tcb_renew(struct gs_thread *t, void *tp, void **stack_top);

/* Gives back what hangs off a TCB (dtv, lazily allocated blocks, libc's caches stay). */
void gs_tcb_discard(void *tp);

/* The gs_self stored in a TCB's thread-local block. */
struct gs_thread *gs_tcb_thread(const void *tp);
/* Stores it there (main and workers adopt their own natively made TCBs). */
void gs_tcb_adopt(struct gs_thread *t);

/* glibc's cancelhandling word of a TCB, and its bits: nptl/descr.h, unchanged since 2.1.
   The first two are tried out by gs_tcb_init; trying the third would make every program
   load libgcc_s. */
_Atomic uint32_t *gs_tcb_cancel_word(const void *tp);
enum {
	GS_TCB_CANCEL_DISABLED = 0x01,
	GS_TCB_CANCEL_ASYNC = 0x02,
	GS_TCB_CANCEL_REQUESTED = 0x08,
	GS_TCB_CANCEL_LEAVING = 0x10 | 0x20, /* EXITING, TERMINATED: on its way out */
};

/* glibc's tid field. */
void gs_tcb_set_tid(void *tp, int tid);
int gs_tcb_tid(const void *tp);

/* Set by the dlopen hook: from now on objects may come and go (loaded.c). */
extern bool gs_tcb_grows;

/* Held across fork, see child.c. */
void gs_tcb_fork_lock(void);
void gs_tcb_fork_unlock(void);

#endif
