/* SPDX-License-Identifier: MIT */
/*
 * spare.c - records of threads with their stacks and TCBs: made, kept when a thread is
 * over, used again.
 *
 * A thread with a default stack goes, stack, TCB and all, to its processor's
 * cache and from there to the next pthread_create. Other threads leave their TCB
 * on gs_spare_zombies: taking it apart calls the program's free(), which must not
 * happen in scheduler context, so the next create does it.
 *
 * Locks: gs_spare_lock, by those who take from the shared free list and the zombies.
 * Called from: life.c.
 */
#include "spare.h"

#include "conf.h"
#include "sched.h"
#include "stack.h"
#include "tcb.h"
#include "worker.h"

#include <errno.h>
#include <string.h>

enum {
	GS_SPARE_CACHE = 64,
	GS_SPARE_LEAST = 2048, /* as glibc's MINIMAL_REST_STACK */
};

static struct gs_lock gs_spare_lock;
static struct gs_thread *_Atomic gs_spare_free, *_Atomic gs_spare_zombies;

/* The default stack, guard included, in whole pages; 0 until first asked. */
static size_t gs_spare_standard;

/* Is t of the kind that is kept whole for the next create? */
static bool gs_spare_is_standard(const struct gs_thread *t)
{
	return t->stack.cls != GS_STACK_USER && t->stack.guard == GS_PAGE &&
	       t->stack.size == gs_spare_standard;
}

/* Without the lock, for scheduler context must not wait for a thread in fork. */
static void gs_spare_push(struct gs_thread *_Atomic *list, struct gs_thread *t)
{
	/* relaxed: the swap decides */
	t->next = atomic_load_explicit(list, memory_order_relaxed);
	/* release: pairs with the acquire in gs_spare_pop */
	while (!atomic_compare_exchange_weak_explicit(list, &t->next, t, memory_order_release,
						      memory_order_relaxed))
		;
}

static struct gs_thread *gs_spare_pop(struct gs_thread *_Atomic *list)
{
	struct gs_thread *t;

	/* One at a time: what was the first's successor stays so as long as it is the first. */
	gs_lock_patient(&gs_spare_lock);
	/* acquire, both: pair with the release in gs_spare_push */
	t = atomic_load_explicit(list, memory_order_acquire);
	while (t && !atomic_compare_exchange_weak_explicit(list, &t, t->next, memory_order_acquire,
							   memory_order_acquire))
		;
	gs_unlock(&gs_spare_lock);
	return t;
}

void gs_spare_release(struct gs_thread *t)
{
	struct gs_worker *w = gs_self ? gs_self->worker : NULL;

	t->kind = GS_KIND_FREE;
	if (!t->stack.base) /* main: its stack and TCB are the process's */
		return;
	/* As libc marks them: a late join or detach is told ESRCH. */
	gs_tcb_set_tid(t->tp, -1);
	if (!gs_spare_is_standard(t)) {
		gs_spare_push(&gs_spare_zombies, t);
	} else if (w && w->p && w->p->cached < GS_SPARE_CACHE) {
		t->next = w->p->cache;
		w->p->cache = t;
		w->p->cached++;
	} else {
		gs_spare_push(&gs_spare_free, t);
	}
}

/* A whole thread to reuse, or NULL. Inside the runtime. */
static struct gs_thread *gs_spare_reuse(struct gs_proc *p)
{
	struct gs_thread *t = p->cache;

	if (t) {
		p->cache = t->next;
		p->cached--;
		return t;
	}
	/* relaxed: a miss only costs a new stack */
	return atomic_load_explicit(&gs_spare_free, memory_order_relaxed) ?
		       gs_spare_pop(&gs_spare_free) : NULL;
}

/* Gives back a record and what it is in. Inside the runtime. */
static void gs_spare_drop(struct gs_thread *t)
{
	struct gs_stack stack = t->stack;

	t->kind = GS_KIND_FREE;
	if (stack.cls == GS_STACK_USER)
		gs_thread_free(t);
	else
		gs_stack_put(&stack);
}

void gs_spare_bury(struct gs_thread *self)
{
	/* relaxed: what is missed is for the next */
	while (atomic_load_explicit(&gs_spare_zombies, memory_order_relaxed)) {
		struct gs_thread *t;

		gs_enter(self);
		t = gs_spare_pop(&gs_spare_zombies);
		gs_leave(self);
		if (!t)
			return;
		gs_tcb_discard(t->tp);
		gs_enter(self);
		gs_spare_drop(t);
		gs_leave(self);
	}
}

/* A new record with a stack and a fresh TCB. Outside the runtime. */
static int gs_spare_build(struct gs_thread *self, void *stack, size_t size, size_t guard,
			  struct gs_thread **out, void **top)
{
	struct gs_stack at = { stack, size, 0, GS_STACK_USER };
	struct gs_thread *t = NULL;
	char *room = NULL;

	if (size == 0) {
		size = GS_ALIGN_UP(gs_stack_default_size(), GS_PAGE);
		/* A size given by GOSHIM_STACK_SIZE counts the guard in: stacks of 64 KiB
		   are 64 KiB apart. */
		if (gs_conf.stack_size)
			size -= GS_MIN(guard, size / 2);
		if (guard == GS_PAGE)
			gs_spare_standard = size + GS_PAGE;
	}
	if (size < GS_SPARE_LEAST + gs_tcb_size)
		return -EINVAL;
	/* The kernel's signal frame is as large on our stacks as on any: a thread that
	   asked for less gets more. */
	if (!stack)
		size = GS_MAX(size, gs_stack_min_size() + gs_tcb_size + sizeof(*t));
	gs_enter(self);
	if (stack || gs_stack_get(&at, size, guard) == 0) {
		room = stack ? NULL : gs_stack_room(&at);
		t = gs_thread_new(room);
		if (t)
			t->stack = at;
		else if (room)
			gs_stack_put(&at);
	}
	gs_leave(self);
	if (!t)
		return -EAGAIN;
	t->tp = gs_tcb_make(t, at.base, room ? (size_t)(room - (char *)at.base) : size, top);
	if (!t->tp) {
		gs_enter(self);
		gs_spare_drop(t);
		gs_leave(self);
		return -EAGAIN;
	}
	*out = t;
	return 0;
}

/* The same from a thread that has finished. Outside the runtime. */
static void gs_spare_rebuild(struct gs_thread *t, void **top)
{
	struct gs_stack stack = t->stack;
	uint64_t seq = atomic_load_explicit(&t->wake, memory_order_relaxed);
	void *tp = t->tp;

	memset(t, 0, sizeof(*t));
	t->stack = stack;
	t->tp = tp;
	atomic_store_explicit(&t->wake, seq, memory_order_relaxed);
	gs_thread_number(t);
	gs_tcb_renew(t, tp, top);
}

int gs_spare_take(struct gs_thread *self, void *stack, size_t size, size_t guard,
		  struct gs_thread **out, void **top)
{
	struct gs_thread *t = NULL;
	int err;

	gs_spare_bury(self);
	if (!stack && size == 0 && guard == GS_PAGE) {
		gs_enter(self);
		t = gs_spare_reuse(self->worker->p);
		gs_leave(self);
	}
	if (t) {
		gs_spare_rebuild(t, top);
		*out = t;
		return 0;
	}
	err = gs_spare_build(self, stack, size, guard, out, top);
	if (err != -EAGAIN)
		return err;
	/* Threads that have not run yet may be about to finish. */
	gs_enter(self);
	gs_sched_yield(self);
	gs_leave(self);
	gs_spare_bury(self);
	return gs_spare_build(self, stack, size, guard, out, top);
}

void gs_spare_fork_lock(void)
{
	gs_lock(&gs_spare_lock);
}

void gs_spare_fork_unlock(void)
{
	gs_unlock(&gs_spare_lock);
}
