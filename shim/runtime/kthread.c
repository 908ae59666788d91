/* SPDX-License-Identifier: MIT */
/*
 * kthread.c - kernel threads of the library's own, made without the C library.
 *
 * libc's pthread_create asks the program's allocator, for the dtv. A green thread may
 * hold that allocator's lock and wait for a processor, which it gets when the new kernel
 * thread is there: whoever makes one must not wait for the program. So it has a stack
 * and a thread control block from here, without a dtv (tcb.c), and is libc's business
 * as little as a green thread is.
 *
 * A stack is used again when the kernel has said, by clearing the thread's number, that
 * nobody is on it any more.
 *
 * Invariants: records, each at the top of its stack, are never unmapped and stay on
 * gs_kthread_list. Those with number 0 are nobody's.
 * Locks: none. Called from: crew.c, home.c.
 */
#include "kthread.h"

#include "host.h"
#include "mem.h"
#include "sys.h"
#include "tcb.h"

#include <errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/mman.h>

enum {
	GS_KTHREAD_STACK = 64 * 1024,
	GS_KTHREAD_FRAMES = 32 * 1024, /* above what the kernel needs for a signal */
	GS_KTHREAD_MAKING = -1,
};

struct gs_kthread {
	struct gs_kthread *next;
	/* The kernel's number; 0: free. The kernel sets it, and clears it at the end. */
	_Atomic int tid;
	char *stack; /* a guard page first */
	size_t size;
	void *(*body)(void *);
	void *arg;
};

static struct gs_kthread *_Atomic gs_kthread_list;

static size_t gs_kthread_size(void)
{
	size_t stack = GS_MAX((size_t)GS_KTHREAD_STACK, gs_host.minsigstksz + GS_KTHREAD_FRAMES);

	return GS_ALIGN_UP(stack + gs_tcb_size + sizeof(struct gs_kthread), GS_PAGE) + GS_PAGE;
}

static struct gs_kthread *gs_kthread_reuse(void)
{
	/* acquire: pairs with the release in gs_kthread_map */
	struct gs_kthread *k = atomic_load_explicit(&gs_kthread_list, memory_order_acquire);

	for (; k; k = k->next) {
		int none = 0;

		/* acquire: the kernel wrote 0 when nobody used the stack any more */
		if (atomic_compare_exchange_strong_explicit(&k->tid, &none, GS_KTHREAD_MAKING,
							    memory_order_acquire,
							    memory_order_relaxed))
			return k;
	}
	return NULL;
}

static struct gs_kthread *gs_kthread_map(void)
{
	size_t size = gs_kthread_size();
	char *base = gs_mem_map(size);
	struct gs_kthread *k;

	if (!base)
		return NULL;
	gs_sys3(__NR_mprotect, base, GS_PAGE, PROT_NONE);
	k = (struct gs_kthread *)GS_ALIGN_DOWN((uintptr_t)(base + size - sizeof(*k)), 64);
	k->stack = base;
	k->size = (size_t)((char *)k - base);
	/* relaxed: not published yet */
	atomic_store_explicit(&k->tid, GS_KTHREAD_MAKING, memory_order_relaxed);
	k->next = atomic_load_explicit(&gs_kthread_list, memory_order_relaxed);
	/* release: pairs with the acquire in gs_kthread_reuse */
	while (!atomic_compare_exchange_weak_explicit(&gs_kthread_list, &k->next, k,
						      memory_order_release, memory_order_relaxed))
		;
	return k;
}

GS_NORETURN static void gs_kthread_entry(void *arg)
{
	struct gs_kthread *k = arg;

	gs_arch_outermost();
	gs_tcb_begin(gs_arch_thread_pointer());
	k->body(k->arg);
	for (;;)
		gs_sys1(__NR_exit, 0);
}

int gs_kthread_start(struct gs_thread *g0, void *(*body)(void *), void *arg)
{
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
				    CLONE_CHILD_CLEARTID;
	struct gs_kthread *k = gs_kthread_reuse();
	void *top;
	long ret;

	if (!k)
		k = gs_kthread_map();
	if (!k)
		return -ENOMEM;
	k->body = body;
	k->arg = arg;
	g0->stack.base = k->stack + GS_PAGE;
	g0->stack.size = k->size - GS_PAGE;
	g0->tp = gs_tcb_make_bare(g0, g0->stack.base, g0->stack.size, &top);
	ret = gs_arch_clone(flags, top, &k->tid, g0->tp, gs_kthread_entry, k);
	if (ret < 0)
		/* relaxed: whoever takes it writes everything anew */
		atomic_store_explicit(&k->tid, 0, memory_order_relaxed);
	return (int)ret;
}

void gs_kthread_after_fork(void)
{
	/* relaxed throughout: one thread, and it is on a green thread's stack */
	struct gs_kthread *k = atomic_load_explicit(&gs_kthread_list, memory_order_relaxed);

	for (; k; k = k->next)
		atomic_store_explicit(&k->tid, 0, memory_order_relaxed);
}
