/* SPDX-License-Identifier: MIT */
/*
 * stack.c - stacks from slabs. A size class is one pair of total size and guard
 * size; each class carves slabs that double in size, so that a million stacks
 * take a few dozen mappings.
 *
 * Guards: MADV_GUARD_INSTALL where the kernel has it (no mapping each); else
 * PROT_NONE, until half of vm.max_map_count is used up, then none.
 *
 * Blocks and records that all lie alike within their pages meet in the same few sets of the
 * caches; so each begins some lines lower than its neighbour's. Small stacks keep every byte.
 *
 * Invariants: slabs are never unmapped. A class's free list is linked through
 * the first word of the records.
 * Locks: gs_stack_lock. Called from: spare.c; loaded.c (executable stacks), signal.c (guards).
 */
#include "stack.h"

#include "conf.h"
#include "host.h"
#include "mem.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
	GS_STACK_CLASSES = 64,
	GS_STACK_SLABS = 1024,
	GS_STACK_FIRST_SLAB = 8,
	GS_STACK_MADV_GUARD = 102, /* MADV_GUARD_INSTALL, Linux 6.13 */
	GS_STACK_FALLBACK = 2 << 20, /* libc's without a limit */
	GS_STACK_REDZONE = 2048,
	GS_STACK_LEAST = 16384, /* PTHREAD_STACK_MIN */
	GS_STACK_COLORS = 16,
	GS_STACK_COLORED = 64 * 1024, /* stacks of at least that */
};

static const size_t gs_stack_slab_max = 4UL << 30;
static const size_t gs_stack_size_max = 1UL << 46; /* half the address space */

struct gs_stack_class {
	size_t size, guard;
	void *free;      /* see gs_stack_link */
	char *fresh;     /* never used */
	size_t left, slab;
};

static struct gs_lock gs_stack_lock;
static struct gs_stack_class gs_stack_classes[GS_STACK_CLASSES];
static unsigned gs_stack_nclasses;
static bool gs_stack_no_madvise;
static long gs_stack_mappings_left = -1;
static bool gs_stack_code; /* stacks are executable */

/* Every slab, for gs_stack_allow_code. */
struct gs_stack_slab {
	char *base;
	size_t n; /* stacks */
	const struct gs_stack_class *class;
};
static struct gs_stack_slab gs_stack_slabs[GS_STACK_SLABS];
static unsigned gs_stack_nslabs;

size_t gs_stack_default_size(void)
{
	static _Atomic rlim_t last = RLIM_INFINITY; /* for when a filter bars the question */
	struct rlimit limit;

	if (gs_conf.stack_size)
		return (size_t)gs_conf.stack_size;
	/* relaxed, both: the number is all there is */
	if (gs_sys_try2(__NR_getrlimit, RLIMIT_STACK, &limit) < 0)
		limit.rlim_cur = atomic_load_explicit(&last, memory_order_relaxed);
	atomic_store_explicit(&last, limit.rlim_cur, memory_order_relaxed);
	if (limit.rlim_cur == RLIM_INFINITY)
		return GS_STACK_FALLBACK;
	return GS_MAX((size_t)GS_ALIGN_UP(limit.rlim_cur, GS_PAGE), (size_t)GS_STACK_LEAST);
}

size_t gs_stack_min_size(void)
{
	return GS_MAX(gs_host.minsigstksz, 2048UL) + GS_STACK_REDZONE;
}

static long gs_stack_map_budget(void)
{
	char text[32];
	long fd = gs_sys_try4(__NR_openat, AT_FDCWD, "/proc/sys/vm/max_map_count",
			  O_RDONLY | O_CLOEXEC, 0);
	long n = 0, len;

	if (fd < 0)
		return 16384;
	len = gs_sys3(__NR_read, fd, text, sizeof(text));
	gs_sys1(__NR_close, fd);
	for (long i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		n = n * 10 + (text[i] - '0');
	return n / 4; /* each guard splits a mapping in two: half of the count */
}

static void gs_stack_protect(void *base, size_t guard)
{
	if (guard == 0)
		return;
	if (!gs_stack_no_madvise) {
		if (gs_sys_try3(__NR_madvise, base, guard, GS_STACK_MADV_GUARD) == 0)
			return;
		gs_stack_no_madvise = true;
	}
	if (gs_stack_mappings_left < 0)
		gs_stack_mappings_left = gs_stack_map_budget();
	if (gs_stack_mappings_left > 0 && gs_sys3(__NR_mprotect, base, guard, PROT_NONE) == 0)
		gs_stack_mappings_left--;
}

static struct gs_stack_class *gs_stack_find_class(size_t size, size_t guard)
{
	for (unsigned i = 0; i < gs_stack_nclasses; i++)
		if (gs_stack_classes[i].size == size && gs_stack_classes[i].guard == guard)
			return &gs_stack_classes[i];
	if (gs_stack_nclasses < GS_STACK_CLASSES) {
		struct gs_stack_class *c = &gs_stack_classes[gs_stack_nclasses++];

		c->size = size;
		c->guard = guard;
		c->slab = GS_STACK_FIRST_SLAB;
		return c;
	}
	/* A program with many odd sizes: the smallest class that fits. */
	for (unsigned i = 0; i < GS_STACK_CLASSES; i++)
		if (gs_stack_classes[i].size >= size && gs_stack_classes[i].guard >= guard)
			return &gs_stack_classes[i];
	return NULL;
}

static void **gs_stack_link(const struct gs_stack_class *c, void *base)
{
	size_t color = 0;

	if (c->size >= GS_STACK_COLORED)
		color = (uintptr_t)base / c->size % GS_STACK_COLORS * GS_CACHE_LINE;
	return (void **)((char *)base + c->size - color - sizeof(struct gs_thread));
}

void *gs_stack_room(const struct gs_stack *s)
{
	return gs_stack_link(&gs_stack_classes[s->cls], s->base);
}

/* All but guards that are PROT_NONE. */
static void gs_stack_slab_code(const struct gs_stack_slab *s)
{
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
	size_t size = s->class->size, guard = s->class->guard;

	if (!gs_stack_no_madvise || guard == 0) {
		gs_sys3(__NR_mprotect, s->base, s->n * size, rwx);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		gs_sys3(__NR_mprotect, s->base + i * size + guard, size - guard, rwx);
}

/* Only so many are remembered: with the doubling of sizes, more than there can be. */
static void gs_stack_add_slab(struct gs_stack_class *c, char *base, size_t n)
{
	struct gs_stack_slab slab = { base, n, c };

	if (gs_stack_code)
		gs_stack_slab_code(&slab);
	if (gs_stack_nslabs < GS_STACK_SLABS)
		gs_stack_slabs[gs_stack_nslabs++] = slab;
}

void gs_stack_allow_code(void)
{
	gs_lock(&gs_stack_lock);
	if (!gs_stack_code) {
		gs_stack_code = true;
		for (unsigned i = 0; i < gs_stack_nslabs; i++)
			gs_stack_slab_code(&gs_stack_slabs[i]);
	}
	gs_unlock(&gs_stack_lock);
}

static bool gs_stack_new_slab(struct gs_stack_class *c)
{
	for (size_t n = c->slab; n > 0; n /= 2) {
		char *slab = gs_mem_map(n * c->size);

		if (!slab)
			continue;
		/* Else one touched page of a stack brings in two megabytes. */
		gs_sys_try3(__NR_madvise, slab, n * c->size, MADV_NOHUGEPAGE);
		gs_stack_add_slab(c, slab, n);
		c->fresh = slab;
		c->left = n;
		if (n == c->slab && n * 2 * c->size <= gs_stack_slab_max)
			c->slab = n * 2;
		return true;
	}
	return false;
}

int gs_stack_get(struct gs_stack *s, size_t size, size_t guard)
{
	struct gs_stack_class *c;
	bool fresh = false;
	char *base = NULL;

	guard = GS_ALIGN_UP(guard, GS_PAGE);
	if (size > gs_stack_size_max || guard > gs_stack_size_max)
		return -ENOMEM;
	size = GS_ALIGN_UP(size + guard, GS_PAGE);
	gs_lock_patient(&gs_stack_lock);
	c = gs_stack_find_class(size, guard);
	if (c && c->free) {
		base = c->free;
		c->free = *gs_stack_link(c, base);
	} else if (c && (c->left > 0 || gs_stack_new_slab(c))) {
		base = c->fresh;
		c->fresh += c->size;
		c->left--;
		fresh = true;
	}
	gs_unlock(&gs_stack_lock);
	if (!base)
		return -ENOMEM;
	if (fresh) {
		gs_stack_protect(base, c->guard);
		/* Were the page read first, it would be mapped twice, and taken away from the
		   other processors in between. */
		*gs_stack_link(c, base) = NULL;
	}
	s->base = base;
	s->size = c->size;
	s->guard = c->guard;
	s->cls = (uint16_t)(c - gs_stack_classes);
	return 0;
}

void gs_stack_put(struct gs_stack *s)
{
	struct gs_stack_class *c = &gs_stack_classes[s->cls];

	gs_lock_patient(&gs_stack_lock);
	*gs_stack_link(c, s->base) = c->free;
	c->free = s->base;
	gs_unlock(&gs_stack_lock);
}

bool gs_stack_in_guard(const struct gs_stack *s, const void *addr)
{
	const char *a = addr, *base = s->base;

	return s->guard && a >= base && a < base + s->guard;
}

void gs_stack_fork_lock(void)
{
	gs_lock(&gs_stack_lock);
}

void gs_stack_fork_unlock(void)
{
	gs_unlock(&gs_stack_lock);
}
