/* SPDX-License-Identifier: MIT */
/*
 * tcb.c - glibc's thread control block and static thread-local block, made
 * without knowing its layout.
 *
 * A new TCB is a copy of the pristine snapshot, which one real thread took of
 * itself before it did anything else, with these corrections:
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
 * Invariants: nothing here is written after gs_tcb_init but under
 * gs_tcb_loaded.
 * Locks: gs_tcb.lock for warm parts without a TCB. Makers run outside the
 * runtime, because the allocator is the program's.
 * Called from: init.c (init), life.c (make, renew), fork (set_tid).
 */
#include "tcb.h"

#include "arch.h"
#include "host.h"
#include "mem.h"

#include <errno.h>
#include <link.h>
#include <string.h>

size_t gs_tcb_size;
bool gs_tcb_grows;
uint32_t gs_tcb_cancel_disabled, gs_tcb_cancel_async;
/* CANCELED_BITMASK of nptl/descr.h, unchanged since 2.1; finding it by
   experiment would make every program load libgcc_s. */
uint32_t gs_tcb_cancel_requested = 0x08;

enum {
	GS_TCB_FIXUPS = 64,
	GS_TCB_SEGMENTS = 64,
	GS_TCB_STACK = 128 * 1024,
	GS_TCB_RSEQ_FAILED = -2,
};

/* Bytes copied afresh when a TCB is reused, relative to the thread pointer. */
struct gs_tcb_segment {
	ptrdiff_t off;
	size_t len;
};

struct gs_tcb_saved {
	struct gs_tcb_saved *next;
	char bytes[];
};

static struct {
	struct gs_lock lock; /* guards spare */
	char *copy;     /* the snapshot; copy + below is its thread pointer */
	size_t below;   /* thread-local bytes under the thread pointer */
	size_t pthread; /* bytes of struct pthread above it */
	size_t align;
	char *tp;       /* the snapshot thread's own thread pointer */
	char *stack;    /* and stack */
	ptrdiff_t rebase[GS_TCB_FIXUPS], stackblock;
	unsigned rebases;
	struct gs_tcb_segment segments[GS_TCB_SEGMENTS];
	unsigned nsegments;
	ptrdiff_t specific; /* of the second-level pointers; 0 when unknown */
	struct gs_tcb_segment warm[2]; /* libc's block; the resolver's state */
	struct gs_pool saved;          /* warm parts of TCBs given up */
	struct gs_tcb_saved *spare;
	const char *why;
} gs_tcb;

static ptrdiff_t gs_tcb_field(const uint32_t *descriptor)
{
	return (ptrdiff_t)descriptor[2];
}

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
	return (_Atomic uint32_t *)((char *)tp + gs_tcb_field(gs_host.db_cancelhandling));
}

void gs_tcb_set_tid(void *tp, int tid)
{
	memcpy((char *)tp + gs_tcb_field(gs_host.db_tid), &tid, sizeof(tid));
}

int gs_tcb_tid(const void *tp)
{
	int tid;

	memcpy(&tid, (const char *)tp + gs_tcb_field(gs_host.db_tid), sizeof(tid));
	return tid;
}

static bool gs_tcb_add_segment(ptrdiff_t off, size_t len)
{
	if (gs_tcb.nsegments == GS_TCB_SEGMENTS)
		return false;
	gs_tcb.segments[gs_tcb.nsegments++] = (struct gs_tcb_segment){ off, len };
	return true;
}

/* One loaded object, seen from the calling thread: its static block, unless it is libc's. */
static int gs_tcb_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	char *tp = gs_arch_thread_pointer();
	char *block;

	if (size < offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(void *))
		return 0;
	block = info->dlpi_tls_data;
	if (!block || block < tp - gs_tcb.below || block >= tp)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *err = (const char *)gs_host.errno_location();

		if (ph->p_type != PT_TLS || ph->p_memsz == 0)
			continue;
		if (err >= block && err < block + ph->p_memsz) {
			gs_tcb.warm[0] = (struct gs_tcb_segment){ block - tp, ph->p_memsz };
			continue;
		}
		if (!gs_tcb_add_segment(block - tp, ph->p_memsz))
			return 1;
	}
	return 0;
}

/* Adds [from, to) of struct pthread, less the hole [at, at + len). */
static void gs_tcb_add_around(ptrdiff_t from, ptrdiff_t to, ptrdiff_t at, size_t len)
{
	ptrdiff_t end = at + (ptrdiff_t)len;

	if (len == 0 || at < from || end > to) {
		gs_tcb_add_segment(from, (size_t)(to - from));
		return;
	}
	if (at > from)
		gs_tcb_add_segment(from, (size_t)(at - from));
	if (end < to)
		gs_tcb_add_segment(end, (size_t)(to - end));
}

/* struct pthread, but for the pointers to second-level blocks of specific data
   and the resolver's state. */
static bool gs_tcb_list_segments(void)
{
	ptrdiff_t end = (ptrdiff_t)gs_tcb.pthread, from = 0;
	ptrdiff_t res = (char *)gs_host.res_state() - (char *)gs_arch_thread_pointer();

	gs_tcb.nsegments = 0;
	if (res > 0 && res + (ptrdiff_t)gs_host.sizeof_res_state <= end)
		gs_tcb.warm[1] = (struct gs_tcb_segment){ res, gs_host.sizeof_res_state };
	if (gs_tcb.specific > 0 && (gs_tcb.warm[1].len == 0 || gs_tcb.warm[1].off > gs_tcb.specific)) {
		from = gs_tcb.specific + 32 * (ptrdiff_t)sizeof(void *);
		gs_tcb_add_segment(0, (size_t)gs_tcb.specific + sizeof(void *));
	} else {
		gs_tcb.specific = 0;
	}
	gs_tcb_add_around(from, end, gs_tcb.warm[1].off, gs_tcb.warm[1].len);
	return gs_host.iterate_phdr(gs_tcb_object, NULL) == 0;
}

/* Finds which bits of the cancel word the two setters change. */
static bool gs_tcb_probe_cancel(void)
{
	_Atomic uint32_t *word = gs_tcb_cancel_word(gs_tcb.tp);
	uint32_t base = atomic_load_explicit(word, memory_order_relaxed);

	gs_host.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	gs_tcb_cancel_disabled = atomic_load_explicit(word, memory_order_relaxed) ^ base;
	gs_host.pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	gs_tcb_cancel_async =
		atomic_load_explicit(word, memory_order_relaxed) ^ base ^ gs_tcb_cancel_disabled;
	gs_host.pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	gs_host.pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	return atomic_load_explicit(word, memory_order_relaxed) == base &&
	       gs_tcb_cancel_disabled == 1 && gs_tcb_cancel_async == 2;
}

/* The snapshot thread. */
static void *gs_tcb_photograph(void *arg)
{
	gs_tcb.tp = gs_arch_thread_pointer();
	memcpy(gs_tcb.copy, gs_tcb.tp - gs_tcb.below, gs_tcb.below + gs_tcb.pthread);
	if (!gs_tcb_list_segments())
		gs_tcb.why = "too many objects with thread-local storage";
	else if (!gs_tcb_probe_cancel())
		gs_tcb.why = "cancelhandling is not where libthread_db says";
	return gs_tcb.tp;
}

/* Word by word: what points into the snapshot thread's own memory? */
static bool gs_tcb_analyse(void)
{
	char *lo = gs_tcb.tp - gs_tcb.below, *hi = gs_tcb.tp + gs_tcb.pthread;

	gs_tcb.stackblock = -1;
	for (size_t i = 0; i + sizeof(char *) <= gs_tcb.below + gs_tcb.pthread; i += sizeof(char *)) {
		char **word = (char **)(gs_tcb.copy + i);
		ptrdiff_t off = (ptrdiff_t)i - (ptrdiff_t)gs_tcb.below;

		if (*word >= lo && *word < hi) {
			if (gs_tcb.rebases == GS_TCB_FIXUPS)
				return false;
			*word = (char *)(*word - gs_tcb.tp);
			gs_tcb.rebase[gs_tcb.rebases++] = off;
		} else if (*word == gs_tcb.stack && (size_t)word[1] == GS_TCB_STACK && off > 0) {
			gs_tcb.stackblock = off;
		} else if (*word >= gs_tcb.stack && *word < gs_tcb.stack + GS_TCB_STACK) {
			*word = NULL;
		}
	}
	return gs_tcb.stackblock > 0;
}

static bool gs_tcb_known(void)
{
	return gs_host.sizeof_pthread && gs_host.db_tid && gs_host.db_list && gs_host.db_dtvp &&
	       gs_host.db_cancelhandling && gs_host.tls_allocate && gs_host.tls_static_info &&
	       gs_host.call_tls_dtors && gs_host.uselocale;
}

int gs_tcb_init(const char **why)
{
	pthread_attr_t attr;
	pthread_t snapshot;
	size_t total;
	int err;

	if (!gs_tcb_known()) {
		*why = "libc does not export what libthread_db uses";
		return -ENOSYS;
	}
	gs_host.tls_static_info(&total, &gs_tcb.align);
	gs_tcb.pthread = *gs_host.sizeof_pthread;
	gs_tcb.align = GS_MAX(gs_tcb.align, (size_t)GS_CACHE_LINE);
	if (total < gs_tcb.pthread || gs_tcb.pthread > 16384 || total > 1 << 20) {
		*why = "the size of a thread control block makes no sense";
		return -ENOSYS;
	}
	gs_tcb.below = total - gs_tcb.pthread;
	if (gs_host.db_specific)
		gs_tcb.specific = gs_tcb_field(gs_host.db_specific);
	gs_tcb_size = GS_ALIGN_UP(total, gs_tcb.align) + gs_tcb.align;

	gs_tcb.copy = gs_mem_map(GS_ALIGN_UP(total, GS_PAGE));
	gs_tcb.stack = gs_mem_map(GS_TCB_STACK);
	if (!gs_tcb.copy || !gs_tcb.stack) {
		*why = "no memory";
		return -ENOMEM;
	}
	gs_host.pthread_attr_init(&attr);
	gs_host.pthread_attr_setstack(&attr, gs_tcb.stack, GS_TCB_STACK);
	err = gs_host.pthread_create(&snapshot, &attr, gs_tcb_photograph, NULL);
	gs_host.pthread_attr_destroy(&attr);
	if (err == 0)
		err = gs_host.pthread_join(snapshot, NULL);
	if (err != 0) {
		*why = "libc cannot make a thread";
		return -err;
	}
	if (!gs_tcb.why && !gs_tcb_analyse())
		gs_tcb.why = "the stack's address is not in the thread control block";
	gs_mem_unmap(gs_tcb.stack, GS_TCB_STACK);
	gs_tcb.saved.size = GS_ALIGN_UP(sizeof(struct gs_tcb_saved) + gs_tcb.warm[0].len +
						gs_tcb.warm[1].len,
					(size_t)GS_CACHE_LINE);
	*why = gs_tcb.why;
	return gs_tcb.why ? -ENOSYS : 0;
}

/* Corrections 2 to 4, on a TCB that holds the snapshot's bytes. */
static void gs_tcb_correct(struct gs_thread *t, char *tp)
{
	char *node = tp + gs_tcb_field(gs_host.db_list);

	for (unsigned i = 0; i < gs_tcb.rebases; i++)
		*(char **)(tp + gs_tcb.rebase[i]) =
			tp + *(ptrdiff_t *)(gs_tcb.copy + gs_tcb.below + gs_tcb.rebase[i]);
	*(void **)(tp + gs_tcb.stackblock) = t->stack.base;
	*(size_t *)(tp + gs_tcb.stackblock + (ptrdiff_t)sizeof(void *)) = t->stack.size;
	((char **)node)[0] = node;
	((char **)node)[1] = node;
	gs_tcb_set_tid(tp, t->tid);
	if (gs_host.rseq_offset && gs_host.rseq_size && *gs_host.rseq_size)
		((int32_t *)(tp + *gs_host.rseq_offset))[1] = GS_TCB_RSEQ_FAILED;
	*(struct gs_thread **)(tp + gs_tcb_self_offset()) = t;
}

static void *gs_tcb_stack_top(char *tp)
{
	return (void *)GS_ALIGN_DOWN((uintptr_t)(tp - gs_tcb.below), 64);
}

/* Neither preempted nor interrupted while the lock is held; sched.h's gs_enter is
   a floor above. */
static void gs_tcb_lock(void)
{
	if (gs_self)
		gs_self->inrt++;
	gs_barrier();
	gs_lock(&gs_tcb.lock);
}

static void gs_tcb_unlock(void)
{
	gs_unlock(&gs_tcb.lock);
	gs_barrier();
	if (gs_self)
		gs_self->inrt--;
}

static void gs_tcb_save(const char *tp)
{
	struct gs_tcb_saved *saved;
	char *at;

	gs_tcb_lock();
	saved = gs_pool_get(&gs_tcb.saved);
	if (saved) {
		at = saved->bytes;
		for (size_t i = 0; i < GS_ARRAY_SIZE(gs_tcb.warm); i++) {
			memcpy(at, tp + gs_tcb.warm[i].off, gs_tcb.warm[i].len);
			at += gs_tcb.warm[i].len;
		}
		saved->next = gs_tcb.spare;
		gs_tcb.spare = saved;
	}
	gs_tcb_unlock();
}

static void gs_tcb_restore(char *tp)
{
	struct gs_tcb_saved *saved;
	char *at;

	gs_tcb_lock();
	saved = gs_tcb.spare;
	if (saved) {
		gs_tcb.spare = saved->next;
		at = saved->bytes;
		for (size_t i = 0; i < GS_ARRAY_SIZE(gs_tcb.warm); i++) {
			memcpy(tp + gs_tcb.warm[i].off, at, gs_tcb.warm[i].len);
			at += gs_tcb.warm[i].len;
		}
		gs_pool_put(&gs_tcb.saved, saved);
	}
	gs_tcb_unlock();
}

void *gs_tcb_make(struct gs_thread *t, void *base, size_t size, void **stack_top)
{
	char *top = (char *)base + size;
	char *tp = (char *)GS_ALIGN_DOWN((uintptr_t)(top - gs_tcb.pthread), gs_tcb.align);
	ptrdiff_t dtvp = gs_tcb_field(gs_host.db_dtvp);
	void *dtv;

	memset(tp - gs_tcb.below, 0, gs_tcb.below + gs_tcb.pthread);
	if (!gs_host.tls_allocate(tp))
		return NULL;
	dtv = *(void **)(tp + dtvp);
	memcpy(tp - gs_tcb.below, gs_tcb.copy, gs_tcb.below + gs_tcb.pthread);
	*(void **)(tp + dtvp) = dtv;
	gs_tcb_restore(tp);
	gs_tcb_correct(t, tp);
	*stack_top = gs_tcb_stack_top(tp);
	return tp;
}

/* glibc's dtv: a counter in the slot before the first, then {value, to_free} pairs. */
struct gs_tcb_dtv {
	void *value;
	void *to_free;
};

static void gs_tcb_free_dynamic(char *tp)
{
	struct gs_tcb_dtv *dtv = *(struct gs_tcb_dtv **)(tp + gs_tcb_field(gs_host.db_dtvp));
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
	void **second = (void **)(tp + gs_tcb.specific);

	if (gs_tcb.specific > 0)
		for (int i = 1; i < 32; i++)
			if (second[i])
				memset(second[i], 0, 32 * 2 * sizeof(void *));
}

int gs_tcb_renew(struct gs_thread *t, void *area, void **stack_top)
{
	char *tp = area;
	ptrdiff_t dtvp = gs_tcb_field(gs_host.db_dtvp);
	void *dtv = *(void **)(tp + dtvp);

	gs_tcb_free_dynamic(tp);
	gs_tcb_clear_specific(tp);
	for (unsigned i = 0; i < gs_tcb.nsegments; i++) {
		const struct gs_tcb_segment *s = &gs_tcb.segments[i];

		memcpy(tp + s->off, gs_tcb.copy + gs_tcb.below + s->off, s->len);
	}
	*(void **)(tp + dtvp) = dtv;
	gs_tcb_correct(t, tp);
	*stack_top = gs_tcb_stack_top(tp);
	return 0;
}

void gs_tcb_discard(void *tp)
{
	void **second = (void **)((char *)tp + gs_tcb.specific);

	gs_tcb_save(tp);
	gs_tcb_free_dynamic(tp);
	if (gs_tcb.specific > 0)
		for (int i = 1; i < 32; i++)
			gs_host.free(second[i]);
	gs_host.tls_deallocate(tp, false);
}

/* Puts a block that came with dlopen into a thread that has not written to it. */
static bool gs_tcb_install(struct gs_thread *t, void *arg)
{
	const struct gs_tcb_segment *s = arg;
	char *at = (char *)t->tp + s->off;

	if (t->kind != GS_KIND_GREEN || !t->tp)
		return true;
	for (size_t i = 0; i < s->len; i++)
		if (at[i])
			return true;
	memcpy(at, gs_tcb.copy + gs_tcb.below + s->off, s->len);
	return true;
}

/* A fresh real thread, whose dtv knows every object: lists static blocks again, and
   takes over those that were not there before. */
static void *gs_tcb_survey(void *arg)
{
	unsigned known = gs_tcb.nsegments;
	struct gs_tcb_segment old[GS_TCB_SEGMENTS];
	const char *tp = gs_arch_thread_pointer();

	memcpy(old, gs_tcb.segments, sizeof(old));
	if (!gs_tcb_list_segments()) {
		memcpy(gs_tcb.segments, old, sizeof(old));
		gs_tcb.nsegments = known;
		return NULL;
	}
	for (unsigned i = 0; i < gs_tcb.nsegments; i++) {
		struct gs_tcb_segment *s = &gs_tcb.segments[i];
		bool listed = s->off >= 0;

		for (unsigned k = 0; k < known && !listed; k++)
			listed = old[k].off == s->off && old[k].len == s->len;
		if (listed)
			continue;
		memcpy(gs_tcb.copy + gs_tcb.below + s->off, tp + s->off, s->len);
		gs_thread_each(gs_tcb_install, s);
	}
	return NULL;
}

static int gs_tcb_count_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	unsigned *n = arg;

	for (int i = 0; i < info->dlpi_phnum; i++)
		*n += info->dlpi_phdr[i].p_type == PT_TLS;
	return 0;
}

void gs_tcb_loaded(void)
{
	static _Atomic unsigned counted;
	unsigned n = 0;
	pthread_t thread;

	gs_host.iterate_phdr(gs_tcb_count_object, &n);
	/* relaxed: two at once survey twice */
	if (atomic_exchange_explicit(&counted, n, memory_order_relaxed) == n)
		return;
	gs_tcb_lock();
	if (gs_host.pthread_create(&thread, NULL, gs_tcb_survey, NULL) == 0)
		gs_host.pthread_join(thread, NULL);
	gs_tcb_unlock();
}

void gs_tcb_fork_lock(void)
{
	gs_lock(&gs_tcb.lock);
}

void gs_tcb_fork_unlock(void)
{
	gs_unlock(&gs_tcb.lock);
}
