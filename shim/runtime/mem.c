/* SPDX-License-Identifier: MIT */
/*
 * mem.c - page allocation and type-stable pools.
 *
 * Locks: takes the pool's own.
 * Called from: any context inside the runtime.
 */
#include "mem.h"

#include "sys.h"

#include <sys/mman.h>

enum { GS_POOL_SLAB = 64 * 1024 };

void *gs_mem_map(size_t size)
{
	long p = gs_sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p < 0 && p > -4096 ? NULL : (void *)p;
}

void gs_mem_unmap(void *p, size_t size)
{
	gs_sys2(__NR_munmap, p, size);
}

void *gs_pool_get(struct gs_pool *pool)
{
	void *object;

	gs_lock(&pool->lock);
	object = pool->free;
	if (object) {
		pool->free = *(void **)object;
		*(void **)object = NULL;
	} else {
		if (pool->left == 0) {
			char *slab = gs_mem_map(GS_POOL_SLAB);

			if (slab) {
				pool->fresh = slab;
				pool->left = GS_POOL_SLAB / pool->size;
			}
		}
		if (pool->left > 0) {
			object = pool->fresh;
			pool->fresh += pool->size;
			pool->left--;
		}
	}
	gs_unlock(&pool->lock);
	return object;
}

void gs_pool_put(struct gs_pool *pool, void *object)
{
	gs_lock(&pool->lock);
	*(void **)object = pool->free;
	pool->free = object;
	gs_unlock(&pool->lock);
}
