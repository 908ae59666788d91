/* SPDX-License-Identifier: MIT */
/*
 * sigqueue.c - pending signals.
 *
 * A bit in gs_thread.sigpending says that a signal is pending, an entry in the queue
 * has what came with it. A bit without an entry is legal (memory was short; or the
 * handler set the bit where it could take no lock: see gs_sigpost_local): it stands for
 * one signal of which nothing is known. A real-time signal may have many entries, any
 * other has one.
 *
 * Invariants: a thread with entries has a state; a state's queue holds no entry whose
 * bit is clear. gs_thread.sigpending is set by its own thread's handler, too, and only
 * cleared under the lock.
 * Locks: gs_sigact_lock, held by the caller. Called from: sigpost.c, signal.c,
 * signal_life.c, signal_run.c, sigwait.c, sigaim.c, sigstack.c.
 */
#include "sigqueue.h"

#include "mem.h"
#include "sys.h"

#include <string.h>
#include <sys/resource.h>

struct gs_sigqueue_entry {
	struct gs_list node;
	bool process;
	siginfo_t info;
};

struct gs_list gs_sigqueue_states = GS_LIST_INIT(gs_sigqueue_states);
uint64_t gs_sigqueue_shared;

static struct gs_list gs_sigqueue_shared_list = GS_LIST_INIT(gs_sigqueue_shared_list);
static struct gs_list gs_sigqueue_passed_list = GS_LIST_INIT(gs_sigqueue_passed_list);
static struct gs_pool gs_sigqueue_entries = GS_POOL_INIT(struct gs_sigqueue_entry);
static struct gs_pool gs_sigqueue_pool = GS_POOL_INIT(struct gs_signal_state);
static unsigned long gs_sigqueue_length, gs_sigqueue_limit = 1024;

/* What t->sig of an ended thread points to. */
static struct gs_signal_state gs_sigqueue_ended;

void gs_sigqueue_init(void)
{
	struct rlimit limit;

	if (gs_sys_try2(__NR_getrlimit, RLIMIT_SIGPENDING, &limit) == 0)
		gs_sigqueue_limit = limit.rlim_cur;
}

bool gs_sigqueue_full(void)
{
	return gs_sigqueue_length >= gs_sigqueue_limit;
}

struct gs_signal_state *gs_sigqueue_state(struct gs_thread *t)
{
	struct gs_signal_state *s = t->sig;

	if (GS_LIKELY(s != NULL))
		return s == &gs_sigqueue_ended ? NULL : s;
	s = gs_pool_get(&gs_sigqueue_pool);
	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->t = t;
	gs_list_init(&s->queue);
	gs_list_add_tail(&gs_sigqueue_states, &s->all);
	t->sig = s;
	return s;
}

static uint64_t gs_sigqueue_bits(const struct gs_thread *t)
{
	/* relaxed: set by t's own handler, or under the lock */
	return t ? atomic_load_explicit(&t->sigpending, memory_order_relaxed) : gs_sigqueue_shared;
}

uint64_t gs_sigqueue_pending(const struct gs_thread *t)
{
	return gs_sigqueue_bits(t) | gs_sigqueue_shared;
}

static void gs_sigqueue_mark(struct gs_thread *t, uint64_t bit)
{
	if (t)
		/* relaxed: whoever wakes t publishes it with the attention bit */
		atomic_fetch_or_explicit(&t->sigpending, bit, memory_order_relaxed);
	else
		gs_sigqueue_shared |= bit;
}

static void gs_sigqueue_clear(struct gs_thread *t, uint64_t bit)
{
	if (t)
		atomic_fetch_and_explicit(&t->sigpending, ~bit, memory_order_relaxed);
	else
		gs_sigqueue_shared &= ~bit;
}

static struct gs_list *gs_sigqueue_list(struct gs_thread *t)
{
	struct gs_signal_state *s;

	if (!t)
		return &gs_sigqueue_shared_list;
	s = gs_sigqueue_state(t);
	return s ? &s->queue : NULL;
}

static struct gs_sigqueue_entry *gs_sigqueue_entry(const siginfo_t *info, bool process)
{
	struct gs_sigqueue_entry *e = gs_pool_get(&gs_sigqueue_entries);

	if (!e)
		return NULL;
	e->process = process;
	e->info = *info;
	gs_sigqueue_length++;
	return e;
}

static void gs_sigqueue_drop(struct gs_sigqueue_entry *e)
{
	gs_list_del(&e->node);
	gs_pool_put(&gs_sigqueue_entries, e);
	gs_sigqueue_length--;
}

/* A timer has one signal pending at most, and counts in it how often it has expired. The
   kernel believes that one was delivered. */
static bool gs_sigqueue_expired_again(struct gs_list *list, const siginfo_t *info)
{
	if (info->si_code != SI_TIMER)
		return false;
	gs_list_for_each(node, list) {
		struct gs_sigqueue_entry *e =
			GS_CONTAINER_OF(node, struct gs_sigqueue_entry, node);

		if (e->info.si_code == SI_TIMER && e->info.si_timerid == info->si_timerid &&
		    e->info.si_signo == info->si_signo) {
			e->info.si_overrun += info->si_overrun + 1;
			return true;
		}
	}
	return false;
}

void gs_sigqueue_add(struct gs_thread *t, const siginfo_t *info, bool process)
{
	uint64_t bit = GS_SIG(info->si_signo);
	struct gs_list *list = gs_sigqueue_list(t);
	struct gs_sigqueue_entry *e;

	if ((t && t->sig == &gs_sigqueue_ended) || (list && gs_sigqueue_expired_again(list, info)))
		return;
	if (!(bit & GS_SIGS_REALTIME) && (gs_sigqueue_bits(t) & bit))
		return;
	e = list ? gs_sigqueue_entry(info, process) : NULL;
	if (e)
		gs_list_add_tail(list, &e->node);
	gs_sigqueue_mark(t, bit);
}

void gs_sigqueue_put_back(const siginfo_t *info)
{
	struct gs_sigqueue_entry *e = gs_sigqueue_entry(info, true);

	if (e)
		gs_list_add_head(&gs_sigqueue_shared_list, &e->node);
	gs_sigqueue_mark(NULL, GS_SIG(info->si_signo));
}

void gs_sigqueue_pass(const siginfo_t *info)
{
	struct gs_sigqueue_entry *e = gs_sigqueue_entry(info, true);

	if (e)
		gs_list_add_tail(&gs_sigqueue_passed_list, &e->node);
}

bool gs_sigqueue_passed(siginfo_t *info)
{
	struct gs_sigqueue_entry *e;

	if (gs_list_empty(&gs_sigqueue_passed_list))
		return false;
	e = GS_CONTAINER_OF(gs_sigqueue_passed_list.next, struct gs_sigqueue_entry, node);
	*info = e->info;
	gs_sigqueue_drop(e);
	return true;
}

/* The first entry for one of set; process: only among what was sent to the process. */
static struct gs_sigqueue_entry *gs_sigqueue_find(struct gs_list *list, uint64_t set, bool process)
{
	gs_list_for_each(node, list) {
		struct gs_sigqueue_entry *e =
			GS_CONTAINER_OF(node, struct gs_sigqueue_entry, node);

		if ((GS_SIG(e->info.si_signo) & set) && (e->process || !process))
			return e;
	}
	return NULL;
}

/* Takes e off t's queue. */
static int gs_sigqueue_pop(struct gs_thread *t, struct gs_sigqueue_entry *e, siginfo_t *info)
{
	uint64_t bit;

	*info = e->info;
	gs_sigqueue_drop(e);
	bit = GS_SIG(info->si_signo);
	if (!gs_sigqueue_find(gs_sigqueue_list(t), bit, false))
		gs_sigqueue_clear(t, bit);
	return info->si_signo;
}

/* Set, without what was sent to the process only. */
static uint64_t gs_sigqueue_own(struct gs_list *list, uint64_t set)
{
	uint64_t own = 0, process = 0;

	gs_list_for_each(node, list) {
		struct gs_sigqueue_entry *e =
			GS_CONTAINER_OF(node, struct gs_sigqueue_entry, node);

		*(e->process ? &process : &own) |= GS_SIG(e->info.si_signo);
	}
	return set & ~(process & ~own);
}

int gs_sigqueue_take(struct gs_thread *t, uint64_t set, siginfo_t *info)
{
	struct gs_sigqueue_entry *e = NULL;
	struct gs_list *list;
	int sig;

	set &= gs_sigqueue_bits(t);
	if (set == 0)
		return 0;
	/* No state, no entries: nothing is made for a thread that only has bits. */
	list = t && !t->sig ? NULL : gs_sigqueue_list(t);
	if (list) {
		uint64_t own = gs_sigqueue_own(list, set);

		sig = gs_sig_first(own ? own : set);
		e = gs_sigqueue_find(list, GS_SIG(sig), false);
	} else {
		sig = gs_sig_first(set);
	}
	if (e)
		return gs_sigqueue_pop(t, e, info);
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = SI_USER;
	info->si_pid = gs_sys_getpid();
	info->si_uid = (uid_t)gs_sys0(__NR_getuid);
	gs_sigqueue_clear(t, GS_SIG(sig));
	return sig;
}

int gs_sigqueue_take_back(struct gs_thread *t, uint64_t set, siginfo_t *info)
{
	struct gs_sigqueue_entry *e;

	set &= gs_sigqueue_bits(t);
	if (set == 0 || !t->sig || t->sig == &gs_sigqueue_ended)
		return 0;
	e = gs_sigqueue_find(&t->sig->queue, set, true);
	return e ? gs_sigqueue_pop(t, e, info) : 0;
}

static void gs_sigqueue_flush_list(struct gs_list *list, uint64_t set)
{
	struct gs_sigqueue_entry *e;

	while ((e = gs_sigqueue_find(list, set, false)) != NULL)
		gs_sigqueue_drop(e);
}

void gs_sigqueue_flush(uint64_t set)
{
	gs_sigqueue_flush_list(&gs_sigqueue_shared_list, set);
	gs_sigqueue_shared &= ~set;
	gs_list_for_each(node, &gs_sigqueue_states) {
		struct gs_signal_state *s = GS_CONTAINER_OF(node, struct gs_signal_state, all);

		gs_sigqueue_flush_list(&s->queue, set);
		gs_sigqueue_clear(s->t, set);
	}
}

void gs_sigqueue_close(struct gs_thread *t)
{
	struct gs_signal_state *s = t->sig;

	t->sig = &gs_sigqueue_ended;
	if (!s || s == &gs_sigqueue_ended)
		return;
	gs_sigqueue_flush_list(&s->queue, ~UINT64_C(0));
	gs_list_del(&s->all);
	gs_pool_put(&gs_sigqueue_pool, s);
}

void gs_sigqueue_after_fork(struct gs_thread *self)
{
	struct gs_signal_state *s = self->sig;

	/* Other threads may have been at the lists and the pools: they are left alone. */
	gs_sigqueue_entries = (struct gs_pool)GS_POOL_INIT(struct gs_sigqueue_entry);
	gs_sigqueue_pool = (struct gs_pool)GS_POOL_INIT(struct gs_signal_state);
	gs_list_init(&gs_sigqueue_states);
	gs_list_init(&gs_sigqueue_shared_list);
	gs_list_init(&gs_sigqueue_passed_list);
	gs_sigqueue_shared = 0;
	gs_sigqueue_length = 0;
	atomic_store_explicit(&self->sigpending, 0, memory_order_relaxed);
	if (!s)
		return;
	atomic_store_explicit(&s->aimed, 0, memory_order_relaxed);
	gs_list_init(&s->queue);
	gs_list_init(&s->all);
	gs_list_add_tail(&gs_sigqueue_states, &s->all);
}
