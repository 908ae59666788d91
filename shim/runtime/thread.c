/* SPDX-License-Identifier: MIT */
/*
 * thread.c - records of green threads: allocation, numbers, and the registry.
 *
 * Where the stack is the library's own (stack.c), a thread's record is at its top, beside
 * the TCB, in a page that is in use anyway. Others are from a pool. The registry is a list of
 * chunks of pointers to all of them.
 *
 * Invariants: records are registered once and never unmapped; chunks are only added, at the
 * head, and filled from the front, so a walk needs no lock. An id is never reused; a tid is
 * unique among live threads. Only a record that was never used has the id 0.
 * Locks: gs_thread_lock.
 * Called from: spare.c (new, free); whoever looks for a thread or at all of them; the tools
 * (from outside).
 */
#include "thread.h"

#include "host.h"
#include "mem.h"
#include "sys.h"
#include "tcb.h"

#include <string.h>

__thread struct gs_thread *gs_self __attribute__((tls_model("initial-exec")));

_Atomic long gs_thread_count;

enum {
	GS_THREAD_CHUNK = 16 * 1024,
	GS_TID_FIRST = 4194305, /* above the kernel's PID_MAX_LIMIT */
	GS_TID_LAST = 1 << 30,  /* FUTEX_TID_MASK */
	GS_TID_SPREAD = 251,
};

struct gs_thread_chunk {
	struct gs_thread_chunk *next;
	_Atomic uint64_t n;
	struct gs_thread *threads[];
};

/* The registry's root; the tools read it from outside through layout.h. */
struct gs_thread_chunk *_Atomic gs_thread_chunks;

static struct gs_lock gs_thread_lock;
static struct gs_pool gs_thread_pool = GS_POOL_INIT(struct gs_thread);
static _Atomic uint64_t gs_thread_ids;
static uint64_t gs_thread_tid_base;

static struct gs_thread_chunk *gs_thread_grow(void)
{
	struct gs_thread_chunk *chunk = gs_mem_map(GS_THREAD_CHUNK);

	if (!chunk)
		return NULL;
	chunk->next = atomic_load_explicit(&gs_thread_chunks, memory_order_relaxed);
	/* release: pairs with the acquire in gs_thread_each */
	atomic_store_explicit(&gs_thread_chunks, chunk, memory_order_release);
	return chunk;
}

/* Enters a record that was never used into the registry. Locked. */
static bool gs_thread_register(struct gs_thread *t)
{
	const uint64_t most =
		(GS_THREAD_CHUNK - sizeof(struct gs_thread_chunk)) / sizeof(struct gs_thread *);
	/* relaxed, and the next: the lock is held */
	struct gs_thread_chunk *chunk = atomic_load_explicit(&gs_thread_chunks, memory_order_relaxed);
	uint64_t n = chunk ? atomic_load_explicit(&chunk->n, memory_order_relaxed) : most;

	if (n == most) {
		chunk = gs_thread_grow();
		n = 0;
	}
	if (!chunk)
		return false;
	chunk->threads[n] = t;
	/* release: pairs with the acquire in gs_thread_each */
	atomic_store_explicit(&chunk->n, n + 1, memory_order_release);
	return true;
}

/* A record in the pool, or the one in room, registered. */
static struct gs_thread *gs_thread_take(struct gs_thread *room)
{
	struct gs_thread *t;

	if (room && room->id != 0)
		return room;
	gs_lock_patient(&gs_thread_lock);
	t = room ? room : gs_pool_get(&gs_thread_pool);
	if (t && t->id == 0 && !gs_thread_register(t)) {
		if (!room)
			gs_pool_put(&gs_thread_pool, t);
		t = NULL;
	}
	gs_unlock(&gs_thread_lock);
	return t;
}

struct gs_thread *gs_thread_new(void *room)
{
	struct gs_thread *t = gs_thread_take(room);
	uint64_t seq;

	if (GS_UNLIKELY(gs_thread_tid_base == 0))
		gs_thread_tid_base = (uint64_t)gs_sys_getpid() * GS_TID_SPREAD;
	if (!t)
		return NULL;
	/* The wait word's sequence goes on, so that stale wakers stay stale. */
	seq = atomic_load_explicit(&t->wake, memory_order_relaxed);
	memset(t, 0, sizeof(*t));
	atomic_store_explicit(&t->wake, seq, memory_order_relaxed);
	gs_thread_number(t);
	return t;
}

void gs_thread_number(struct gs_thread *t)
{
	/* relaxed: only uniqueness matters */
	t->id = atomic_fetch_add_explicit(&gs_thread_ids, 1, memory_order_relaxed) + 1;
	/* Two processes that share a mutex should not give its owner the same number. */
	t->tid = GS_TID_FIRST + (int)((t->id - 1 + gs_thread_tid_base) % (GS_TID_LAST - GS_TID_FIRST));
	/* release: after its new number; pairs with the load in gs_lend_owner */
	atomic_store_explicit(&t->beyond, 0, memory_order_release);
}

void gs_thread_free(struct gs_thread *t)
{
	t->kind = GS_KIND_FREE;
	gs_lock_patient(&gs_thread_lock);
	gs_pool_put(&gs_thread_pool, t);
	gs_unlock(&gs_thread_lock);
}

struct gs_thread *gs_thread_of(const void *pthread)
{
	struct gs_thread *t;

	if (!pthread)
		return NULL;
	t = gs_tcb_thread(pthread);
	return t && t->kind == GS_KIND_GREEN && t->tp == pthread ? t : NULL;
}

void gs_thread_each(bool (*fn)(struct gs_thread *, void *), void *arg)
{
	/* acquire: pairs with the release in gs_thread_grow */
	struct gs_thread_chunk *chunk = atomic_load_explicit(&gs_thread_chunks, memory_order_acquire);

	for (; chunk; chunk = chunk->next) {
		/* acquire: pairs with the release in gs_thread_register */
		uint64_t n = atomic_load_explicit(&chunk->n, memory_order_acquire);

		for (uint64_t i = 0; i < n; i++)
			if (!fn(chunk->threads[i], arg))
				return;
	}
}

struct gs_thread_search {
	int tid;
	struct gs_thread *found;
};

static bool gs_thread_match(struct gs_thread *t, void *arg)
{
	struct gs_thread_search *search = arg;

	if (t->kind == GS_KIND_GREEN && t->tid == search->tid)
		search->found = t;
	return !search->found;
}

struct gs_thread *gs_thread_by_tid(int tid)
{
	struct gs_thread_search search = { .tid = tid };

	gs_thread_each(gs_thread_match, &search);
	return search.found;
}

const char *const gs_reason_names[GS_REASON_COUNT] = {
	[GS_REASON_NONE] = "-",
	[GS_REASON_MUTEX] = "mutex",
	[GS_REASON_COND] = "cond wait",
	[GS_REASON_RDLOCK] = "rdlock",
	[GS_REASON_WRLOCK] = "wrlock",
	[GS_REASON_BARRIER] = "barrier",
	[GS_REASON_SPIN] = "spin lock",
	[GS_REASON_SEM] = "semaphore",
	[GS_REASON_ONCE] = "once",
	[GS_REASON_JOIN] = "join",
	[GS_REASON_FUTEX] = "futex",
	[GS_REASON_LIBC_LOCK] = "libc lock",
	[GS_REASON_READ] = "read",
	[GS_REASON_WRITE] = "write",
	[GS_REASON_ACCEPT] = "accept",
	[GS_REASON_CONNECT] = "connect",
	[GS_REASON_POLL] = "poll",
	[GS_REASON_SELECT] = "select",
	[GS_REASON_EPOLL] = "epoll wait",
	[GS_REASON_SLEEP] = "sleep",
	[GS_REASON_SIGNAL] = "signal wait",
	[GS_REASON_CHILD] = "child wait",
	[GS_REASON_REGION] = "system call",
	[GS_REASON_EXIT] = "exit",
};

const char *const gs_state_names[GS_STATE_COUNT] = {
	[GS_STATE_NEW] = "new",
	[GS_STATE_RUNNABLE] = "runnable",
	[GS_STATE_RUNNING] = "running",
	[GS_STATE_WAITING] = "waiting",
	[GS_STATE_REGION] = "region",
	[GS_STATE_DEAD] = "dead",
};

const char *gs_reason_name(unsigned reason)
{
	return reason < GS_REASON_COUNT ? gs_reason_names[reason] : "?";
}

const char *gs_state_name(unsigned state)
{
	return state < GS_STATE_COUNT ? gs_state_names[state] : "?";
}

void gs_thread_fork_lock(void)
{
	gs_lock(&gs_thread_lock);
}

void gs_thread_fork_unlock(void)
{
	gs_unlock(&gs_thread_lock);
}
