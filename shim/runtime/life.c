/* SPDX-License-Identifier: MIT */
/*
 * life.c - create, finish, join, detach.
 *
 * A thread's life word has bits that are only ever set, but for JOINING. Who
 * finds what when setting its own bit decides who releases the thread:
 *   the dying thread's successor sets OVER: found DETACHED, it releases; found
 *     JOINING, it wakes the joiner;
 *   detach sets DETACHED: found OVER, it releases;
 *   join sets JOINING: found OVER, it releases without waiting.
 * A joiner may stop waiting, find OVER set, and release the thread, which is then another.
 * So whom to wake the successor reads before it sets OVER, and sets that only if the word
 * is what it was before: each time a joiner begins to wait it counts in the word.
 *
 * Locks: none.
 * Called from: hooks/pthread.c, start.c; switch.h (dead), through gs_sched_ops; hooks that ask
 * whether a thread is over; init.c.
 */
#include "life.h"

#include "host.h"
#include "key.h"
#include "loaded.h"
#include "lend.h"
#include "monitor.h"
#include "priority.h"
#include "rights.h"
#include "robust.h"
#include "sched.h"
#include "signal.h"
#include "spare.h"
#include "stack.h"
#include "sys.h"
#include "tcb.h"
#include "wired.h"
#include "worker.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <string.h>

enum {
	GS_LIFE_DETACHED = 1,
	GS_LIFE_OVER = 2,    /* finished and off its stack */
	GS_LIFE_JOINING = 4,
	GS_LIFE_FOREIGN = 8, /* a kernel thread that is not ours waits on the word */
	GS_LIFE_WAIT = 16,   /* one of a joiner's waits: the bits from here up count them */
};

/* Part of glibc's interface for pthread_cleanup_push in C; pthread.h hides them
   under -fexceptions. */
void __pthread_register_cancel(void *buf);

static void gs_life_entry(struct gs_transfer tr);

int gs_life_create(struct gs_thread *self, const struct gs_life_attr *attr,
		   void *(*start)(void *), void *arg, pthread_t *out)
{
	struct gs_thread *t;
	uint32_t loads;
	void *top;
	int err;

	if (GS_UNLIKELY(!gs_monitor_running)) /* a fork child that makes threads again */
		gs_monitor_start();
	if (GS_UNLIKELY(gs_tcb_grows))
		gs_loaded_sync(self);
	loads = gs_loaded_count();
	err = gs_spare_take(self, attr->stack, attr->stack_size, attr->guard, &t, &top);
	if (err != 0)
		return err;
	t->start = start;
	t->arg = arg;
	t->c11 = attr->c11;
	t->rights = gs_rights_now();
	if (attr->home)
		gs_wired_bind(t, attr->home);
	if (!attr->own_policy)
		gs_priority_born(self, t);
	t->inrt = 1;
	t->kind = GS_KIND_GREEN;
	if (GS_UNLIKELY(gs_tcb_grows))
		gs_loaded_missed(t, loads);
	atomic_store_explicit(&t->life, attr->detached ? GS_LIFE_DETACHED : 0, memory_order_relaxed);
	atomic_store_explicit(&t->sigmask,
			      attr->has_mask ? attr->mask
					     : atomic_load_explicit(&self->sigmask, memory_order_relaxed),
			      memory_order_relaxed);
	memcpy(t->name, self->name, sizeof(t->name));
	t->ctx = gs_context_make(top, (size_t)((char *)top - (char *)t->stack.base), gs_life_entry);
	*out = (pthread_t)t->tp;
	gs_enter(self);
	gs_signal_thread_born(self, t);
	gs_stats_add(&self->worker->p->stats, GS_STAT_CREATES, 1);
	gs_sched_start(t);
	gs_leave(self);
	return 0;
}

struct gs_thread *gs_life_adopt_main(void)
{
	struct gs_thread *t = gs_thread_new(NULL);

	if (!t)
		return NULL;
	t->kind = GS_KIND_GREEN;
	gs_sys2(__NR_prctl, 16 /* PR_GET_NAME */, t->name);
	t->tp = gs_arch_thread_pointer();
	t->tid = gs_sys_getpid();
	atomic_store_explicit(&t->state, GS_STATE_RUNNING, memory_order_relaxed);
	atomic_store_explicit(&gs_thread_count, 1, memory_order_relaxed);
	return t;
}

/* The first frame of every green thread but main. glibc's pthread_exit, and a
   cancellation, unwind to the sigsetjmp here. */
static void gs_life_body(struct gs_thread *self)
{
	struct __jmp_buf_tag buf[2]; /* larger than __pthread_unwind_buf_t */

	_Static_assert(sizeof(buf) >= sizeof(__pthread_unwind_buf_t), "unwind buffer");
	gs_leave(self);
	/* Also sets the ctype tables, as __ctype_init does. */
	gs_host.uselocale(LC_GLOBAL_LOCALE);
	*gs_host.errno_location() = 0;
	*gs_host.h_errno_location() = 0;
	if (__sigsetjmp(buf, 0) == 0) {
		__pthread_register_cancel(buf);
		if (self->c11)
			self->result = (void *)(intptr_t)((int (*)(void *))(void *)self->start)(self->arg);
		else
			self->result = self->start(self->arg);
	} else if (!gs_self->exiting) {
		gs_self->result = PTHREAD_CANCELED;
	}
	gs_life_finish(gs_self);
}

static void gs_life_entry(struct gs_transfer tr)
{
	gs_arch_outermost();
	gs_sched_landed(tr);
	gs_life_body(gs_self);
}

void gs_life_set_result(struct gs_thread *self, void *result)
{
	self->result = result;
	self->exiting = 1;
}

void gs_life_finish(struct gs_thread *self)
{
	_Atomic uint32_t *word = gs_tcb_cancel_word(self->tp);

	/* As in libc, a thread that has returned can be cancelled in a destructor: it
	   comes here once more. */
	gs_host.call_tls_dtors();
	gs_key_run_destructors();
	/* relaxed, and not a read-modify-write: a request that gets lost here is too late */
	atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) |
					    GS_TCB_CANCEL_DISABLED, memory_order_relaxed);
	self->exiting = 1;
	gs_robust_exit(self);
	gs_lend_close(self);
	gs_priority_end(self);
	gs_enter(self);
	/* acq_rel: the last one sees everything the others did */
	if (atomic_fetch_sub_explicit(&gs_thread_count, 1, memory_order_acq_rel) == 1) {
		gs_leave(self);
		gs_host.exit(0);
	}
	gs_signal_thread_died(self);
	gs_stats_add(&self->worker->p->stats, GS_STAT_EXITS, 1);
	if (self->home)
		gs_wired_end(self);
	/* relaxed: for people */
	atomic_store_explicit(&self->state, GS_STATE_DEAD, memory_order_relaxed);
	/* acquire: pairs with the joiner's release, for joiner and token; relaxed: it may have
	   given up, and then the token is no longer that of a wait */
	if (atomic_load_explicit(&self->life, memory_order_acquire) & GS_LIFE_JOINING)
		gs_sched_exit(self, atomic_load_explicit(&self->joiner, memory_order_relaxed),
			      atomic_load_explicit(&self->joiner_token, memory_order_relaxed));
	gs_sched_exit(self, NULL, 0);
}

void gs_life_dead(struct gs_thread *t)
{
	/* acquire, also below: pairs with the joiner's release, for joiner and token */
	uint32_t old = atomic_load_explicit(&t->life, memory_order_acquire);
	struct gs_thread *joiner;
	uint64_t token;

	do {
		joiner = atomic_load_explicit(&t->joiner, memory_order_relaxed);
		token = atomic_load_explicit(&t->joiner_token, memory_order_relaxed);
		/* release: pairs with the joiner's acquire; see the top of this file */
	} while (!atomic_compare_exchange_weak_explicit(&t->life, &old, old | GS_LIFE_OVER,
							memory_order_acq_rel,
							memory_order_acquire));
	if (old & GS_LIFE_DETACHED)
		gs_spare_release(t);
	else if (old & GS_LIFE_JOINING)
		gs_wait_wake(joiner, token);
	if (old & GS_LIFE_FOREIGN)
		gs_sys_futex_wake(&t->life, INT32_MAX);
}

/* Takes the result of a thread that is over and releases it. */
static void gs_life_collect(struct gs_thread *self, struct gs_thread *t, void **result)
{
	if (result)
		*result = t->result;
	gs_enter(self);
	gs_spare_release(t);
	gs_leave(self);
	/* The program may free a stack of its own as soon as we return. */
	if (t->stack.cls == GS_STACK_USER)
		gs_spare_bury(self);
}

/* A kernel thread that is not ours joins a green thread. */
static int gs_life_join_foreign(struct gs_thread *t, void **result)
{
	for (;;) {
		uint32_t life = atomic_fetch_or_explicit(&t->life, GS_LIFE_FOREIGN,
							 memory_order_acq_rel) | GS_LIFE_FOREIGN;

		if (life & GS_LIFE_OVER)
			break;
		gs_sys_futex_wait(&t->life, life, NULL);
	}
	if (result)
		*result = t->result;
	gs_spare_release(t);
	return 0;
}

/* Only one thread joins another. */
static bool gs_life_claim(struct gs_thread *self, struct gs_thread *t)
{
	struct gs_thread *nobody = NULL;

	/* acquire: pairs with the release of a joiner that gave up */
	return atomic_compare_exchange_strong_explicit(&t->joiner, &nobody, self,
						       memory_order_acquire, memory_order_relaxed);
}

/* Waits again for t, which a stray wake-up said was over. */
static uint64_t gs_life_rejoin(struct gs_thread *self, struct gs_thread *t)
{
	uint64_t token = gs_wait_begin(self, GS_REASON_JOIN, t->tp, true);

	/* relaxed: published below */
	atomic_store_explicit(&t->joiner_token, token, memory_order_relaxed);
	/* acq_rel: pairs with gs_life_dead */
	if (atomic_fetch_add_explicit(&t->life, GS_LIFE_WAIT, memory_order_acq_rel) & GS_LIFE_OVER)
		gs_wait_wake(self, token);
	return token;
}

/* Has t been cancelled, so that it will stop joining? strict: and lets it happen. */
static bool gs_life_leaving(const struct gs_thread *t, bool strict)
{
	/* relaxed: best effort */
	uint32_t word = atomic_load_explicit(gs_tcb_cancel_word(t->tp), memory_order_relaxed);

	if (strict)
		return (word & (GS_TCB_CANCEL_REQUESTED | GS_TCB_CANCEL_DISABLED |
				GS_TCB_CANCEL_LEAVING)) == GS_TCB_CANCEL_REQUESTED;
	return word & (GS_TCB_CANCEL_REQUESTED | GS_TCB_CANCEL_LEAVING);
}

int gs_life_join(struct gs_thread *self, struct gs_thread *t, uint64_t deadline, void **result)
{
	uint64_t token;
	uint32_t old;
	int err = 0;

	if (t == self)
		return self && gs_life_leaving(self, true) ? -EINTR : -EDEADLK;
	old = atomic_load_explicit(&t->life, memory_order_relaxed);
	if (old & GS_LIFE_DETACHED) /* as glibc: tryjoin looks at this last */
		return deadline == 0 && !(old & GS_LIFE_OVER) ? -EBUSY : -EINVAL;
	if (!self)
		return gs_life_join_foreign(t, result);
	/* relaxed: best effort, as in glibc */
	if (self->joiner == t && !gs_life_leaving(t, false) && !gs_life_leaving(self, true) &&
	    (atomic_load_explicit(&self->life, memory_order_relaxed) & GS_LIFE_JOINING))
		return -EDEADLK;
	gs_enter(self);
	token = gs_wait_begin(self, GS_REASON_JOIN, t->tp, true);
	old = atomic_load_explicit(&t->life, memory_order_relaxed);
	if (old & GS_LIFE_DETACHED) {
		err = -EINVAL;
	} else if (deadline == 0 && !(old & GS_LIFE_OVER)) {
		err = -EBUSY;
	} else if (!gs_life_claim(self, t)) {
		err = -EINVAL;
	} else {
		/* relaxed: published below */
		atomic_store_explicit(&t->joiner_token, token, memory_order_relaxed);
		/* JOINING is not set: nobody else has claimed it. acq_rel: pairs with
		   gs_life_dead and gs_life_finish */
		old = atomic_fetch_add_explicit(&t->life, GS_LIFE_JOINING + GS_LIFE_WAIT,
						memory_order_acq_rel);
	}
	if (err != 0 || (old & GS_LIFE_OVER))
		gs_wait_cancel(self, token);
	else
		do /* a waker that was late for an earlier use of t's record is no end */
			err = gs_wait_park(self, token, deadline);
		while (err == 0 && !gs_life_is_over(t) && (token = gs_life_rejoin(self, t)));
	if (err == -ETIMEDOUT || err == -EINTR) {
		/* acq_rel: it may have ended meanwhile: then the join has succeeded */
		old = atomic_fetch_and_explicit(&t->life, ~(uint32_t)GS_LIFE_JOINING,
						memory_order_acq_rel);
		if (old & GS_LIFE_OVER)
			err = 0;
		else /* release: pairs with the acquire in gs_life_claim */
			atomic_store_explicit(&t->joiner, NULL, memory_order_release);
	}
	gs_leave(self);
	if (err == 0)
		gs_life_collect(self, t, result);
	return err;
}

int gs_life_detach(struct gs_thread *t)
{
	uint32_t old;

	if (atomic_load_explicit(&t->joiner, memory_order_relaxed))
		return 0; /* as glibc: being joined already */
	/* acq_rel: pairs with gs_life_dead */
	old = atomic_fetch_or_explicit(&t->life, GS_LIFE_DETACHED, memory_order_acq_rel);
	if (old & GS_LIFE_DETACHED)
		return -EINVAL;
	if (old & GS_LIFE_OVER)
		gs_spare_release(t);
	return 0;
}

bool gs_life_is_detached(const struct gs_thread *t)
{
	return atomic_load_explicit(&t->life, memory_order_relaxed) & GS_LIFE_DETACHED;
}

bool gs_life_is_over(const struct gs_thread *t)
{
	return atomic_load_explicit(&t->life, memory_order_relaxed) & GS_LIFE_OVER;
}
