/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what a few of glibc's thread tests want of glibc's internal
 * headers, written anew from what those tests use. run.sh makes headers of those
 * names that include this one.
 */
#ifndef GS_NPTL_INTERNAL_H
#define GS_NPTL_INTERNAL_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* The signals the C library keeps to itself. */
#define SIGCANCEL __SIGRTMIN
#define SIGSETXID (__SIGRTMIN + 1)
#define SIGTIMER SIGCANCEL

/* Layout facts the tests look at. */
#define _STACK_GROWS_DOWN 1
#define DEFAULT_STACK_PERMS 6 /* PF_R | PF_W, without PF_X */
#ifndef PF_X
#define PF_X 1
#endif
#define ARCH_STACK_DEFAULT_SIZE (2 * 1024 * 1024)
#define ARCH_MIN_GUARD_SIZE 0
#define TCB_ALIGNMENT 64
#define STACK_ALIGN 16
#define __HAVE_64B_ATOMICS 1
#define SEM_NWAITERS_SHIFT 32
#define SEM_VALUE_MASK (~(unsigned int)0)
#define BARRIER_IN_THRESHOLD (UINT_MAX / 2)
#define PTHREAD_RWLOCK_SHARED_NP 1

#define PTHREAD_RWLOCK_READER_SHIFT 3
#define PTHREAD_RWLOCK_READER_OVERFLOW (1U << (sizeof(unsigned int) * 8 - 1))
extern void *__dso_handle __attribute__((visibility("hidden")));

/* glibc.elision is not built into Debian's library. */
#define TUNABLE_GET_FULL(...) 0
#define TUNABLE_GET(...) 0

struct new_sem {
	uint64_t data;
	int private, pad;
};

struct pthread_barrier {
	unsigned int in, current_round, count;
	int shared;
	unsigned int out;
};

struct pthread_attr {
	struct sched_param schedparam;
	int schedpolicy, flags;
	size_t guardsize;
	void *stackaddr;
	size_t stacksize;
};

#define __set_errno(value) (errno = (value))
#define __libc_enable_asynccancel() 0
#define THREAD_SELF ((void *)pthread_self())
#define INTERNAL_SYSCALL_CALL(name, ...) syscall(__NR_##name, ##__VA_ARGS__)

/* The stack guard and the pointer guard of the x86-64 thread control block. */
#define STACK_CHK_GUARD                                             \
	({                                                          \
		uintptr_t word;                                     \
		__asm__("mov %%fs:0x28, %0" : "=r"(word));          \
		word;                                               \
	})
#define POINTER_CHK_GUARD                                           \
	({                                                          \
		uintptr_t word;                                     \
		__asm__("mov %%fs:0x30, %0" : "=r"(word));          \
		word;                                               \
	})

/* Of glibc's macros for its own atomic operations, those the tests use. */
#define atomic_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define atomic_fetch_add_acquire(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQUIRE)
#define atomic_fetch_add_release(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELEASE)
#define atomic_fetch_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define atomic_exchange_and_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQUIRE)
#define atomic_exchange_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define atomic_increment(p) ((void)__atomic_fetch_add((p), 1, __ATOMIC_SEQ_CST))
#define atomic_increment_val(p) __atomic_add_fetch((p), 1, __ATOMIC_SEQ_CST)
#define atomic_decrement_val(p) __atomic_sub_fetch((p), 1, __ATOMIC_SEQ_CST)
#define atomic_full_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define atomic_write_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)
#define atomic_read_barrier() __atomic_thread_fence(__ATOMIC_ACQUIRE)

/* Old versions of symbols; those of x86-64 begin with 2.2.5. */
#define TEST_COMPAT(library, introduced, obsoleted) 0
#define compat_symbol_reference(library, local, symbol, version) \
	__asm__(".symver " #local "," #symbol "@GLIBC_2.2.5")

/* For glibc's support library. */
#define libc_hidden_proto(name)
#define libc_hidden_def(name)
#define attribute_hidden __attribute__((visibility("hidden")))
#define attribute_tls_model_ie __attribute__((tls_model("initial-exec")))

static inline void *gs_nptl_allocate_once(void **place, void *(*allocate)(void *),
					  void (*deallocate)(void *, void *), void *closure)
{
	void *old = NULL, *made;

	made = __atomic_load_n(place, __ATOMIC_ACQUIRE);
	if (made)
		return made;
	made = allocate(closure);
	if (made && !__atomic_compare_exchange_n(place, &old, made, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
		deallocate(closure, made);
		made = old;
	}
	return made;
}
#define allocate_once gs_nptl_allocate_once

#endif
