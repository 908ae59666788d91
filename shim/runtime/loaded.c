/* SPDX-License-Identifier: MIT */
/*
 * loaded.c - objects that come and go while green threads live.
 *
 * libc sets up an object's static thread-local block, and makes stacks executable for
 * an object that wants that, in the threads it has on its lists; green threads are on
 * none. So whenever the dynamic linker's counts of loads and unloads have moved:
 *  1. a fresh thread of libc's own, whose dtv knows every object, lists the static
 *     blocks anew;
 *  2. blocks that are gone become zero, in the snapshot and in every green thread;
 *  3. new ones get their first contents in the snapshot, and in those green threads
 *     where they are still all zero (the object's constructors may have written to
 *     the loading thread's block, and libc itself has set up main's);
 *  4. if an object asks for executable stacks, green stacks become so.
 * dlopen looks before it begins, so that an object that was closed is gone from the
 * list even if it comes back to the same place; dlsym and pthread_create look before
 * new code can be reached.
 *
 * The dynamic linker's locks may be held by a green thread that waits for something
 * else, so the survey runs in a blocking region.
 *
 * Locks: gs_loaded_busy, a futex, one survey at a time; under it gs_snapshot.lock
 * while the parts change.
 * Called from: hooks/dlfcn.c, life.c.
 */
#include "loaded.h"

#include "host.h"
#include "region.h"
#include "snapshot.h"
#include "stack.h"
#include "sys.h"
#include "tcb.h"

#include <link.h>
#include <string.h>

/* What one walk over the objects finds. */
struct gs_loaded_look {
	uint64_t adds, subs;
	bool all;   /* look at every object, not just at the counts */
	bool execs; /* one of them wants executable stacks */
	uint64_t tls; /* which of them have thread-local storage, as one number */
};

/* The counts that have been dealt with. */
static _Atomic uint64_t gs_loaded_adds, gs_loaded_subs;
static uint64_t gs_loaded_tls; /* under gs_loaded_busy */
/* How often the parts have changed. */
static _Atomic uint32_t gs_loaded_changes;
static _Atomic uint32_t gs_loaded_busy; /* 0 free, 1 held, 2 held and waited for */

static struct gs_snapshot_parts gs_loaded_found; /* by the survey; under gs_loaded_busy */

static int gs_loaded_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct gs_loaded_look *look = arg;
	bool execs = true; /* what the linker takes no word for */

	look->adds = info->dlpi_adds;
	look->subs = info->dlpi_subs;
	if (!look->all)
		return 1;
	if (info->dlpi_addr == gs_host.vdso) /* mapped by the kernel: asks for nothing */
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_GNU_STACK)
			execs = info->dlpi_phdr[i].p_flags & PF_X;
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			look->tls = (look->tls + info->dlpi_addr + 1) * 0x9e3779b97f4a7c15;
	}
	look->execs |= execs;
	return 0;
}

static void gs_loaded_lock(void)
{
	uint32_t free = 0;

	/* acquire: pairs with the release in gs_loaded_unlock */
	if (atomic_compare_exchange_strong_explicit(&gs_loaded_busy, &free, 1,
						    memory_order_acquire, memory_order_relaxed))
		return;
	while (atomic_exchange_explicit(&gs_loaded_busy, 2, memory_order_acquire) != 0)
		gs_sys_futex_wait(&gs_loaded_busy, 2, NULL);
}

static void gs_loaded_unlock(void)
{
	/* release: pairs with the acquires in gs_loaded_lock */
	if (atomic_exchange_explicit(&gs_loaded_busy, 0, memory_order_release) == 2)
		gs_sys_futex_wake(&gs_loaded_busy, 1);
}

static bool gs_loaded_lists(const struct gs_snapshot_parts *parts, const struct gs_snapshot_part *p)
{
	for (unsigned i = 0; i < parts->n; i++)
		if (parts->list[i].off == p->off && parts->list[i].len == p->len &&
		    parts->list[i].object == p->object)
			return true;
	return false;
}

static char *gs_loaded_pristine(const struct gs_snapshot_part *p)
{
	return gs_snapshot.copy + gs_snapshot.below + p->off;
}

static bool gs_loaded_clear(struct gs_thread *t, void *arg)
{
	const struct gs_snapshot_part *p = arg;

	/* Main's own TCB is on libc's list. */
	if (t->kind == GS_KIND_GREEN && t->stack.base)
		memset((char *)t->tp + p->off, 0, p->len);
	return true;
}

static bool gs_loaded_fill(struct gs_thread *t, void *arg)
{
	const struct gs_snapshot_part *p = arg;
	const char *at = (const char *)t->tp + p->off;

	if (t->kind != GS_KIND_GREEN || !t->stack.base)
		return true;
	for (size_t i = 0; i < p->len; i++)
		if (at[i])
			return true;
	memcpy((char *)t->tp + p->off, gs_loaded_pristine(p), p->len);
	return true;
}

/* Makes what the survey found the truth; tp is a thread that has used none of it. */
static void gs_loaded_publish(const char *tp)
{
	struct gs_snapshot_parts *old = &gs_snapshot.parts, *new = &gs_loaded_found;

	gs_snapshot_lock();
	/* seq_cst: before the look at the registry; see gs_loaded_missed */
	atomic_fetch_add_explicit(&gs_loaded_changes, 1, memory_order_seq_cst);
	for (unsigned i = 0; i < old->n; i++)
		if (old->list[i].object && !gs_loaded_lists(new, &old->list[i])) {
			memset(gs_loaded_pristine(&old->list[i]), 0, old->list[i].len);
			gs_thread_each(gs_loaded_clear, &old->list[i]);
		}
	for (unsigned i = 0; i < new->n; i++)
		if (new->list[i].object && !gs_loaded_lists(old, &new->list[i])) {
			memcpy(gs_loaded_pristine(&new->list[i]), tp + new->list[i].off,
			       new->list[i].len);
			gs_thread_each(gs_loaded_fill, &new->list[i]);
		}
	*old = *new;
	gs_snapshot_unlock();
}

/* A thread of libc's own. */
static void *gs_loaded_survey(void *arg)
{
	if (gs_snapshot_list(&gs_loaded_found))
		gs_loaded_publish(gs_arch_thread_pointer());
	return NULL;
}

static void gs_loaded_update(void)
{
	struct gs_loaded_look look = { .all = true };
	pthread_t thread;

	gs_host.iterate_phdr(gs_loaded_object, &look);
	/* relaxed: changed under the lock only */
	if (look.adds == atomic_load_explicit(&gs_loaded_adds, memory_order_relaxed) &&
	    look.subs == atomic_load_explicit(&gs_loaded_subs, memory_order_relaxed))
		return;
	if (look.execs)
		gs_stack_allow_code();
	if (look.tls != gs_loaded_tls &&
	    gs_host.pthread_create(&thread, NULL, gs_loaded_survey, NULL) == 0) {
		gs_host.pthread_join(thread, NULL);
		gs_loaded_tls = look.tls;
	}
	/* release: pairs with the acquire in gs_loaded_sync */
	atomic_store_explicit(&gs_loaded_subs, look.subs, memory_order_release);
	atomic_store_explicit(&gs_loaded_adds, look.adds, memory_order_release);
}

void gs_loaded_sync(struct gs_thread *self)
{
	struct gs_loaded_look look = { .all = false };

	gs_host.iterate_phdr(gs_loaded_object, &look);
	/* acquire: pairs with the release in gs_loaded_update: its work is done */
	if (look.adds == atomic_load_explicit(&gs_loaded_adds, memory_order_acquire) &&
	    look.subs == atomic_load_explicit(&gs_loaded_subs, memory_order_acquire))
		return;
	if (self) {
		gs_region_enter(self);
		self->inrt++; /* no handler of the program while the lock is held */
		gs_barrier();
	}
	gs_loaded_lock();
	gs_loaded_update();
	gs_loaded_unlock();
	if (self) {
		gs_barrier();
		self->inrt--;
		gs_region_leave(self);
	}
}

uint32_t gs_loaded_count(void)
{
	/* acquire: pairs with the change; who sees the count copies what it counts, for
	   that is under gs_snapshot.lock */
	return atomic_load_explicit(&gs_loaded_changes, memory_order_acquire);
}

void gs_loaded_missed(struct gs_thread *t, uint32_t count)
{
	void *top;

	/* seq_cst fence: t is in the registry before the look at the count; a change that
	   is counted later finds it there */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&gs_loaded_changes, memory_order_relaxed) == count)
		return;
	gs_tcb_renew(t, t->tp, &top);
}

void gs_loaded_init(void)
{
	struct gs_loaded_look look = { .all = true };

	gs_host.iterate_phdr(gs_loaded_object, &look);
	/* relaxed: one thread */
	atomic_store_explicit(&gs_loaded_adds, look.adds, memory_order_relaxed);
	atomic_store_explicit(&gs_loaded_subs, look.subs, memory_order_relaxed);
	gs_loaded_tls = look.tls;
	if (look.execs)
		gs_stack_allow_code();
}

void gs_loaded_after_fork(void)
{
	/* relaxed: one thread */
	atomic_store_explicit(&gs_loaded_busy, 0, memory_order_relaxed);
}
