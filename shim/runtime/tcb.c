/* SPDX-License-Identifier: MIT */
/*
 * tcb.c - glibc's thread control block and static thread-local block, made
 * without knowing its layout.
 *
 * A new TCB is a copy of the pristine snapshot (snapshot.c) with these
 * corrections:
 *   1. the dtv (db_dtvp) is its own, from _dl_allocate_tls;
 *   2. every word of the snapshot that pointed into the snapshot's own range
 *      (self pointers, list heads, the first block of thread-specific data)
 *      points to the same place in the new one;
 *   3. every word that pointed elsewhere into the snapshot thread's stack is
 *      zero, but for stackblock and stackblock_size, found as the pair that was
 *      given to pthread_attr_setstack;
 *   4. the thread-list node is linked to itself (fork unlinks it), tid is the
 *      thread's synthetic number, rseq says "registration failed" (-2), because
 *      the kernel writes to the kernel thread's own area only.
 *
 * On reuse the warm parts stay as they are: libc's own thread-local block
 * (malloc's cache, arena), the resolver's state, the second-level blocks of
 * thread-specific data. Everything else starts afresh. A TCB that is given up
 * leaves its warm parts for the next one that is made, because there is no way
 * to ask libc to free them.
 *
 * Invariants: gs_tcb_size is written once.
 * Locks: gs_snapshot.lock for warm parts without a TCB, and, once objects come and
 * go, while the snapshot is copied. Makers run outside the runtime, because the
 * allocator is the program's.
 * Called from: init.c (init), spare.c and worker.c (make), spare.c and loaded.c (renew),
 * kthread.c, robust.c (set_tid), cancel.c, life.c (cancel_word).
 */
#include "tcb.h"

#include "arch.h"
#include "host.h"
#include "mem.h"
#include "snapshot.h"
#include "stack.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

size_t gs_tcb_size;
bool gs_tcb_grows;

enum {
	GS_TCB_RSEQ_FAILED = -2,
	GS_TCB_SECOND_LEVEL = 32,
};

struct gs_tcb_saved {
	struct gs_tcb_saved *next;
	char bytes[];
};

static struct gs_pool gs_tcb_saved; /* warm parts of TCBs given up */
static struct gs_tcb_saved *gs_tcb_spare;

/* glibc's dtv: a counter in the slot before the first, then {value, to_free} pairs. */
struct gs_tcb_dtv {
	void *value;
	void *to_free;
};

/* Of length 0. */
static struct gs_tcb_dtv gs_tcb_no_dtv[2];

static ptrdiff_t gs_tcb_self_offset(void)
{
	return (char *)&gs_self - (char *)gs_arch_thread_pointer();
}

struct gs_thread *gs_tcb_thread(const void *tp)
{
	return *(struct gs_thread *const *)((const char *)tp + gs_tcb_self_offset());
}

void gs_tcb_adopt(struct gs_thread *t)
{
	*(struct gs_thread **)((char *)t->tp + gs_tcb_self_offset()) = t;
}

_Atomic uint32_t *gs_tcb_cancel_word(const void *tp)
{
	return (_Atomic uint32_t *)((char *)tp + gs_snapshot_field(gs_host.db_cancelhandling));
}

void gs_tcb_set_tid(void *tp, int tid)
{
	memcpy((char *)tp + gs_snapshot_field(gs_host.db_tid), &tid, sizeof(tid));
}

int gs_tcb_tid(const void *tp)
{
	int tid;

	memcpy(&tid, (const char *)tp + gs_snapshot_field(gs_host.db_tid), sizeof(tid));
	return tid;
}

int gs_tcb_init(const char **why)
{
	int err = gs_snapshot_take(why);

	if (err != 0)
		return err;
	gs_tcb_size = GS_ALIGN_UP(gs_snapshot.below + gs_snapshot.pthread, gs_snapshot.align) +
		      gs_snapshot.align;
	gs_tcb_saved.size = GS_ALIGN_UP(sizeof(struct gs_tcb_saved) + gs_snapshot.warm[0].len +
						gs_snapshot.warm[1].len,
					(size_t)GS_CACHE_LINE);
	return 0;
}

/* Corrections 2 to 4, on a TCB that holds the snapshot's bytes. */
static void gs_tcb_correct(struct gs_thread *t, char *tp)
{
	char *node = tp + gs_snapshot_field(gs_host.db_list);

	for (unsigned i = 0; i < gs_snapshot.rebases; i++)
		*(char **)(tp + gs_snapshot.rebase[i]) =
			tp + *(ptrdiff_t *)(gs_snapshot.copy + gs_snapshot.below + gs_snapshot.rebase[i]);
	*(void **)(tp + gs_snapshot.stackblock) = t->stack.base;
	*(size_t *)(tp + gs_snapshot.stackblock + (ptrdiff_t)sizeof(void *)) = t->stack.size;
	((char **)node)[0] = node;
	((char **)node)[1] = node;
	gs_tcb_set_tid(tp, t->tid);
	if (gs_host.rseq_offset && gs_host.rseq_size && *gs_host.rseq_size)
		((int32_t *)(tp + *gs_host.rseq_offset))[1] = GS_TCB_RSEQ_FAILED;
	*(struct gs_thread **)(tp + gs_tcb_self_offset()) = t;
}

static void *gs_tcb_stack_top(char *tp)
{
	return (void *)GS_ALIGN_DOWN((uintptr_t)(tp - gs_snapshot.below), 64);
}

static void gs_tcb_save(const char *tp)
{
	struct gs_tcb_saved *saved;
	char *at;

	gs_snapshot_lock();
	saved = gs_pool_get(&gs_tcb_saved);
	if (saved) {
		at = saved->bytes;
		for (size_t i = 0; i < GS_ARRAY_SIZE(gs_snapshot.warm); i++) {
			memcpy(at, tp + gs_snapshot.warm[i].off, gs_snapshot.warm[i].len);
			at += gs_snapshot.warm[i].len;
		}
		saved->next = gs_tcb_spare;
		gs_tcb_spare = saved;
	}
	gs_snapshot_unlock();
}

static void gs_tcb_restore(char *tp)
{
	struct gs_tcb_saved *saved;
	char *at;

	gs_snapshot_lock();
	saved = gs_tcb_spare;
	if (saved) {
		gs_tcb_spare = saved->next;
		at = saved->bytes;
		for (size_t i = 0; i < GS_ARRAY_SIZE(gs_snapshot.warm); i++) {
			memcpy(tp + gs_snapshot.warm[i].off, at, gs_snapshot.warm[i].len);
			at += gs_snapshot.warm[i].len;
		}
		gs_pool_put(&gs_tcb_saved, saved);
	}
	gs_snapshot_unlock();
}

void *gs_tcb_make(struct gs_thread *t, void *base, size_t size, void **stack_top)
{
	char *tp = (char *)GS_ALIGN_DOWN((uintptr_t)base + size - gs_snapshot.pthread,
					 gs_snapshot.align);
	ptrdiff_t dtvp = gs_snapshot_field(gs_host.db_dtvp);
	void *dtv;

	memset(tp - gs_snapshot.below, 0, gs_snapshot.below + gs_snapshot.pthread);
	if (!gs_host.tls_allocate(tp))
		return NULL;
	dtv = *(void **)(tp + dtvp);
	gs_snapshot_lock(); /* loaded.c changes it */
	memcpy(tp - gs_snapshot.below, gs_snapshot.copy, gs_snapshot.below + gs_snapshot.pthread);
	gs_snapshot_unlock();
	*(void **)(tp + dtvp) = dtv;
	gs_tcb_restore(tp);
	gs_tcb_correct(t, tp);
	*stack_top = gs_tcb_stack_top(tp);
	return tp;
}

void *gs_tcb_make_bare(struct gs_thread *t, void *base, size_t size, void **stack_top)
{
	char *tp = (char *)GS_ALIGN_DOWN((uintptr_t)base + size - gs_snapshot.pthread,
					 gs_snapshot.align);

	/* Without the lock: a thread in fork holds it, and may wait for one that waits for the
	   kernel thread that this is made for. What loaded.c changes meanwhile is the program's
	   objects' own, which nothing on this block looks at. */
	memcpy(tp - gs_snapshot.below, gs_snapshot.copy, gs_snapshot.below + gs_snapshot.pthread);
	*(void **)(tp + gs_snapshot_field(gs_host.db_dtvp)) = &gs_tcb_no_dtv[1];
	gs_tcb_correct(t, tp);
	*stack_top = gs_tcb_stack_top(tp);
	return tp;
}

void gs_tcb_begin(void *tp)
{
	gs_tcb_set_tid(tp, gs_sys_gettid());
	/* As libc does; programs ask for it. */
	if (gs_snapshot.robust)
		gs_sys2(__NR_set_robust_list, (char *)tp + gs_snapshot.robust,
			gs_snapshot.robust_len);
}

static void gs_tcb_free_dynamic(char *tp)
{
	struct gs_tcb_dtv *dtv = *(struct gs_tcb_dtv **)(tp + gs_snapshot_field(gs_host.db_dtvp));
	size_t n = (size_t)dtv[-1].value;

	for (size_t i = 1; i <= n; i++)
		if (dtv[i].to_free) {
			gs_host.free(dtv[i].to_free);
			dtv[i].value = (void *)-1; /* TLS_DTV_UNALLOCATED */
			dtv[i].to_free = NULL;
		}
}

static void gs_tcb_clear_specific(char *tp)
{
	void **second = (void **)(tp + gs_snapshot.specific);

	if (gs_snapshot.specific > 0)
		for (int i = 1; i < GS_TCB_SECOND_LEVEL; i++)
			if (second[i])
				memset(second[i], 0, GS_TCB_SECOND_LEVEL * 2 * sizeof(void *));
}

int gs_tcb_renew(struct gs_thread *t, void *area, void **stack_top)
{
	char *tp = area;
	ptrdiff_t dtvp = gs_snapshot_field(gs_host.db_dtvp);
	void *dtv = *(void **)(tp + dtvp);
	bool grows = gs_tcb_grows; /* else nobody changes the snapshot */

	gs_tcb_free_dynamic(tp);
	gs_tcb_clear_specific(tp);
	if (grows)
		gs_snapshot_lock();
	for (unsigned i = 0; i < gs_snapshot.parts.n; i++) {
		const struct gs_snapshot_part *s = &gs_snapshot.parts.list[i];

		memcpy(tp + s->off, gs_snapshot.copy + gs_snapshot.below + s->off, s->len);
	}
	if (grows)
		gs_snapshot_unlock();
	*(void **)(tp + dtvp) = dtv;
	gs_tcb_correct(t, tp);
	*stack_top = gs_tcb_stack_top(tp);
	return 0;
}

void gs_tcb_discard(void *tp)
{
	void **second = (void **)((char *)tp + gs_snapshot.specific);

	gs_tcb_save(tp);
	gs_tcb_free_dynamic(tp);
	if (gs_snapshot.specific > 0)
		for (int i = 1; i < GS_TCB_SECOND_LEVEL; i++)
			gs_host.free(second[i]);
	gs_host.tls_deallocate(tp, false);
}

void gs_tcb_fork_lock(void)
{
	gs_lock(&gs_snapshot.lock);
}

void gs_tcb_fork_unlock(void)
{
	gs_unlock(&gs_snapshot.lock);
}
