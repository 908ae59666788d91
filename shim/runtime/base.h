/* SPDX-License-Identifier: MIT */
/*
 * base.h - attributes, arithmetic and containers every file of the runtime uses.
 *
 * Floor 0: includes nothing of ours. No function here has state.
 */
#ifndef GS_BASE_H
#define GS_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_CACHE_LINE 64
#define GS_PAGE 4096UL

#define GS_EXPORT __attribute__((visibility("default")))
#define GS_ALIGNED(n) __attribute__((aligned(n)))
#define GS_NOINLINE __attribute__((noinline))
#define GS_COLD __attribute__((cold, noinline))
#define GS_NORETURN __attribute__((noreturn))
#define GS_UNUSED __attribute__((unused))
#define GS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GS_LIKELY(x) __builtin_expect(!!(x), 1)
#define GS_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define GS_CONTAINER_OF(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define GS_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define GS_ALIGN_UP(x, a) (((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define GS_ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
/* Each argument is evaluated once: it may be a look at what others change. */
#define GS_MIN(a, b)                     \
	({                               \
		__auto_type a_ = (a);    \
		__auto_type b_ = (b);    \
		a_ < b_ ? a_ : b_;       \
	})
#define GS_MAX(a, b)                     \
	({                               \
		__auto_type a_ = (a);    \
		__auto_type b_ = (b);    \
		a_ > b_ ? a_ : b_;       \
	})

/* Keeps the compiler, not the processor, from moving memory accesses across. */
#define gs_barrier() __asm__ __volatile__("" ::: "memory")

/* Times are unsigned nanoseconds of CLOCK_MONOTONIC; this one never comes. */
#define GS_NEVER UINT64_MAX
#define GS_NSEC 1000000000ULL

#endif
