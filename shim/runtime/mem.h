/* SPDX-License-Identifier: MIT */
/*
 * mem.h - anonymous memory straight from the kernel, and type-stable pools.
 *
 * A pool hands out zeroed, equally sized objects and never gives the memory
 * back: a stale pointer to an object always points at an object of that type.
 */
#ifndef GS_MEM_H
#define GS_MEM_H

#include "lock.h"

/* Pages, zeroed, reserved but not committed; NULL when the kernel refuses. */
void *gs_mem_map(size_t size);
void gs_mem_unmap(void *p, size_t size);

struct gs_pool {
	struct gs_lock lock;
	size_t size;  /* of one object, a multiple of the cache line */
	void *free;   /* singly linked through the object's first word */
	char *fresh;  /* never handed out yet */
	size_t left;  /* objects at fresh */
};

#define GS_POOL_INIT(type) { .size = GS_ALIGN_UP(sizeof(type), (size_t)GS_CACHE_LINE) }

/* One object, or NULL. A recycled one keeps its bytes but for the first word. */
void *gs_pool_get(struct gs_pool *pool);
void gs_pool_put(struct gs_pool *pool, void *object);

#endif
