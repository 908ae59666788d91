/* SPDX-License-Identifier: MIT */
/*
 * snapshot.c - the pristine thread control block, photographed by one real thread
 * before it does anything else.
 *
 * Sizes and offsets come from libc itself, by what libthread_db reads. A word of
 * the photograph that points into the thread's own TCB becomes an offset, one that
 * points elsewhere into its stack becomes zero, and the pair that was given to
 * pthread_attr_setstack tells where libc keeps it.
 *
 * Invariants: nothing here is written after gs_snapshot_take but the parts of
 * objects that come and go, by loaded.c.
 * Locks: gs_snapshot.lock, see snapshot.h.
 * Called from: tcb.c (init), loaded.c.
 */
#include "snapshot.h"

#include "arch.h"
#include "host.h"
#include "mem.h"
#include "sys.h"
#include "tcb.h"

#include <errno.h>
#include <link.h>
#include <string.h>

enum { GS_SNAPSHOT_STACK = 128 * 1024 }; /* and the thread's static block */

struct gs_snapshot gs_snapshot;

static struct {
	char *tp, *stack; /* of the thread that takes the snapshot */
	size_t size;      /* of that stack */
	const char *why;
} gs_snapshot_model;

void gs_snapshot_lock(void)
{
	/* sched.h's gs_enter is a floor above. */
	if (gs_self)
		gs_self->inrt++;
	gs_barrier();
	gs_lock_patient(&gs_snapshot.lock);
}

void gs_snapshot_unlock(void)
{
	gs_unlock(&gs_snapshot.lock);
	gs_barrier();
	if (gs_self)
		gs_self->inrt--;
}

static bool gs_snapshot_add(struct gs_snapshot_parts *parts, ptrdiff_t off, size_t len,
			    uintptr_t object)
{
	if (parts->n == GS_SNAPSHOT_PARTS)
		return false;
	parts->list[parts->n++] = (struct gs_snapshot_part){ off, len, object };
	return true;
}

/* One loaded object, seen from the calling thread: its static block, unless it is libc's. */
static int gs_snapshot_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	char *tp = gs_arch_thread_pointer();
	char *block;

	if (size < offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(void *))
		return 0;
	block = info->dlpi_tls_data;
	if (!block || block < tp - gs_snapshot.below || block >= tp)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *err = (const char *)gs_host.errno_location();

		if (ph->p_type != PT_TLS || ph->p_memsz == 0)
			continue;
		if (err >= block && err < block + ph->p_memsz) {
			gs_snapshot.warm[0] =
				(struct gs_snapshot_part){ block - tp, ph->p_memsz, 0 };
			continue;
		}
		/* The program itself may be loaded at 0. */
		if (!gs_snapshot_add(arg, block - tp, ph->p_memsz, info->dlpi_addr + 1))
			return 1;
	}
	return 0;
}

/* Adds [from, to) of struct pthread, less the hole [at, at + len). */
static void gs_snapshot_add_around(struct gs_snapshot_parts *parts, ptrdiff_t from, ptrdiff_t to,
				   ptrdiff_t at, size_t len)
{
	ptrdiff_t end = at + (ptrdiff_t)len;

	if (len == 0 || at < from || end > to) {
		gs_snapshot_add(parts, from, (size_t)(to - from), 0);
		return;
	}
	if (at > from)
		gs_snapshot_add(parts, from, (size_t)(at - from), 0);
	if (end < to)
		gs_snapshot_add(parts, end, (size_t)(to - end), 0);
}

/* struct pthread, but for the pointers to second-level blocks of specific data
   and the resolver's state; then the blocks of objects. */
bool gs_snapshot_list(struct gs_snapshot_parts *parts)
{
	ptrdiff_t end = (ptrdiff_t)gs_snapshot.pthread, from = 0;
	ptrdiff_t res = (char *)gs_host.res_state() - (char *)gs_arch_thread_pointer();
	struct gs_snapshot_part *warm = &gs_snapshot.warm[1];

	parts->n = 0;
	if (res > 0 && res + (ptrdiff_t)gs_host.sizeof_res_state <= end)
		*warm = (struct gs_snapshot_part){ res, gs_host.sizeof_res_state, 0 };
	if (gs_snapshot.specific > 0 && (warm->len == 0 || warm->off > gs_snapshot.specific)) {
		from = gs_snapshot.specific + 32 * (ptrdiff_t)sizeof(void *);
		gs_snapshot_add(parts, 0, (size_t)gs_snapshot.specific + sizeof(void *), 0);
	} else {
		gs_snapshot.specific = 0;
	}
	gs_snapshot_add_around(parts, from, end, warm->off, warm->len);
	return gs_host.iterate_phdr(gs_snapshot_object, parts) == 0;
}

/* Do the setters of cancellation state change the word that libthread_db names, and
   which bits? */
static bool gs_snapshot_probe_cancel(void)
{
	_Atomic uint32_t *word = (void *)(gs_snapshot_model.tp +
					  gs_snapshot_field(gs_host.db_cancelhandling));
	/* relaxed throughout: the thread's own */
	uint32_t base = atomic_load_explicit(word, memory_order_relaxed), disabled, async;

	gs_host.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	disabled = atomic_load_explicit(word, memory_order_relaxed) ^ base;
	gs_host.pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	async = atomic_load_explicit(word, memory_order_relaxed) ^ base ^ disabled;
	gs_host.pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	gs_host.pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	return atomic_load_explicit(word, memory_order_relaxed) == base &&
	       disabled == GS_TCB_CANCEL_DISABLED && async == GS_TCB_CANCEL_ASYNC;
}

static void gs_snapshot_robust(void)
{
	char *tp = gs_snapshot_model.tp, *head = NULL;
	size_t len = 0;

	if (gs_sys3(__NR_get_robust_list, 0, &head, &len) == 0 && head >= tp &&
	    head + len <= tp + gs_snapshot.pthread) {
		gs_snapshot.robust = head - tp;
		gs_snapshot.robust_len = len;
	}
}

/* The snapshot thread. */
static void *gs_snapshot_photograph(void *arg)
{
	gs_snapshot_model.tp = gs_arch_thread_pointer();
	memcpy(gs_snapshot.copy, gs_snapshot_model.tp - gs_snapshot.below,
	       gs_snapshot.below + gs_snapshot.pthread);
	gs_snapshot_robust();
	if (!gs_snapshot_list(&gs_snapshot.parts))
		gs_snapshot_model.why = "too many objects with thread-local storage";
	else if (!gs_snapshot_probe_cancel())
		gs_snapshot_model.why = "cancelhandling is not where libthread_db says";
	return NULL;
}

/* Word by word: what points into the snapshot thread's own memory? */
static bool gs_snapshot_analyse(void)
{
	char *tp = gs_snapshot_model.tp, *stack = gs_snapshot_model.stack;
	char *lo = tp - gs_snapshot.below, *hi = tp + gs_snapshot.pthread;

	gs_snapshot.stackblock = -1;
	for (size_t i = 0; i + sizeof(char *) <= (size_t)(hi - lo); i += sizeof(char *)) {
		char **word = (char **)(gs_snapshot.copy + i);
		ptrdiff_t off = (ptrdiff_t)i - (ptrdiff_t)gs_snapshot.below;

		if (*word >= lo && *word < hi) {
			if (gs_snapshot.rebases == GS_SNAPSHOT_FIXUPS)
				return false;
			*word = (char *)(*word - tp);
			gs_snapshot.rebase[gs_snapshot.rebases++] = off;
		} else if (*word == stack && (size_t)word[1] == gs_snapshot_model.size && off > 0) {
			gs_snapshot.stackblock = off;
		} else if (*word >= stack && *word < stack + gs_snapshot_model.size) {
			*word = NULL;
		}
	}
	return gs_snapshot.stackblock > 0;
}

static bool gs_snapshot_known(void)
{
	return gs_host.sizeof_pthread && gs_host.db_tid && gs_host.db_list && gs_host.db_dtvp &&
	       gs_host.db_cancelhandling && gs_host.tls_allocate && gs_host.tls_static_info &&
	       gs_host.call_tls_dtors && gs_host.uselocale;
}

/* Runs the thread on a stack whose address is known. */
static int gs_snapshot_run(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	gs_host.pthread_attr_init(&attr);
	gs_host.pthread_attr_setstack(&attr, gs_snapshot_model.stack, gs_snapshot_model.size);
	err = gs_host.pthread_create(&thread, &attr, gs_snapshot_photograph, NULL);
	gs_host.pthread_attr_destroy(&attr);
	return err == 0 ? gs_host.pthread_join(thread, NULL) : err;
}

int gs_snapshot_take(const char **why)
{
	size_t total;
	int err;

	if (!gs_snapshot_known()) {
		*why = "libc does not export what libthread_db uses";
		return -ENOSYS;
	}
	gs_host.tls_static_info(&total, &gs_snapshot.align);
	gs_snapshot.pthread = *gs_host.sizeof_pthread;
	gs_snapshot.align = GS_MAX(gs_snapshot.align, (size_t)GS_CACHE_LINE);
	if (total < gs_snapshot.pthread || gs_snapshot.pthread > 16384 || total > 1 << 30) {
		*why = "the size of a thread control block makes no sense";
		return -ENOSYS;
	}
	gs_snapshot.below = total - gs_snapshot.pthread;
	if (gs_host.db_specific)
		gs_snapshot.specific = gs_snapshot_field(gs_host.db_specific);
	gs_snapshot.copy = gs_mem_map(GS_ALIGN_UP(total, GS_PAGE));
	gs_snapshot_model.size = GS_SNAPSHOT_STACK + GS_ALIGN_UP(total, GS_PAGE);
	gs_snapshot_model.stack = gs_mem_map(gs_snapshot_model.size);
	if (!gs_snapshot.copy || !gs_snapshot_model.stack) {
		*why = "no memory";
		return -ENOMEM;
	}
	err = gs_snapshot_run();
	if (err != 0) {
		gs_mem_unmap(gs_snapshot.copy, GS_ALIGN_UP(total, GS_PAGE));
		gs_mem_unmap(gs_snapshot_model.stack, gs_snapshot_model.size);
		*why = "libc cannot make a thread";
		return -err;
	}
	if (!gs_snapshot_model.why && !gs_snapshot_analyse())
		gs_snapshot_model.why = "the stack's address is not in the thread control block";
	gs_mem_unmap(gs_snapshot_model.stack, gs_snapshot_model.size);
	*why = gs_snapshot_model.why;
	return *why ? -ENOSYS : 0;
}
