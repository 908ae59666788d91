/* SPDX-License-Identifier: MIT */
/*
 * home.c - kernel threads made to be one green thread's own, and the template.
 *
 * A kernel thread begins with what its creator has: affinity, priority, namespaces,
 * credentials, system call filters. A thread whose creator was altered is to
 * inherit, an ordinary worker is not. So before the first kernel thread is altered, one is
 * put aside that never will be, the template, and from then on it starts, on
 * request, what altered kernel threads want started (Go: templateThread).
 *
 * Invariants: records are never unmapped, and once made stay on gs_workers; a home
 * whose thread has ended waits on gs_home_spares for the next. While something is
 * altered there is a template.
 * Locks: gs_home_lock guards the spares; gs_home_ask_lock, taken before it, the
 * template and the one request to it.
 * Called from: wired.c; idle.c, through gs_idle_spawn.
 */
#include "home.h"

#include "conf.h"
#include "crew.h"
#include "idle.h"
#include "kthread.h"
#include "log.h"
#include "mem.h"
#include "sched.h"
#include "sigworker.h"
#include "sys.h"

#include <signal.h>

enum {
	GS_HOME_SIGSET = 8,
};

/* Signals that the C library and preempt.c send to kernel threads: 32 and 33. */
static const uint64_t gs_home_internal = 3ULL << 31;

enum gs_home_state { GS_HOME_WAITING, GS_HOME_OPEN, GS_HOME_DISCARDED };
enum gs_home_request { GS_HOME_IDLE, GS_HOME_ASKED, GS_HOME_DONE };

struct gs_home {
	struct gs_worker w;     /* first: gs_thread.home points here */
	const struct gs_home *made; /* this record's own address: w is no other worker */
	struct gs_home *spare;
	_Atomic uint32_t state; /* enum gs_home_state; futex */
	_Atomic uint32_t altered; /* GS_HOME_DIFFERS, GS_HOME_APART */
};

/* What differs from ordinary workers: something that can be seen and changed from outside,
   and may become the same again; or what cannot be told any more. */
enum { GS_HOME_DIFFERS = 1, GS_HOME_APART = 2 };

static struct gs_lock gs_home_lock, gs_home_ask_lock;
static struct gs_home *gs_home_spares, *gs_home_template;

/* Has a worker that was not made here, but is some thread's home, been altered? That is
   main's, the process's first kernel thread. */
static _Atomic uint32_t gs_home_other_altered;

static bool (*gs_home_spawn_plain)(struct gs_proc *p, bool spinning);

/* The request to the template: a home, or else a worker with p. */
static struct {
	_Atomic uint32_t state; /* enum gs_home_request; futex */
	struct gs_home *h;
	struct gs_proc *p;
	bool spinning, ok;
} gs_home_ask;

_Static_assert(sizeof(struct gs_worker) % GS_PAGE != 0, "nothing behind a worker's record");

/* Is w one of ours? Records of workers are whole pages: there is something to read
   behind each. */
static bool gs_home_is_made(const struct gs_worker *w)
{
	return w->id != 0 && ((const struct gs_home *)w)->made == (const struct gs_home *)w;
}

static _Atomic uint32_t *gs_home_flag(const struct gs_worker *w)
{
	return gs_home_is_made(w) ? &((struct gs_home *)w)->altered : &gs_home_other_altered;
}

bool gs_home_is_altered(const struct gs_worker *w)
{
	/* relaxed: it is set by the kernel thread that asks, or before that was bound */
	return w->wired && atomic_load_explicit(gs_home_flag(w), memory_order_relaxed) != 0;
}

void gs_home_alter(struct gs_worker *w)
{
	/* relaxed: as above */
	atomic_fetch_or_explicit(gs_home_flag(w), GS_HOME_APART, memory_order_relaxed);
}

void gs_home_compare(struct gs_worker *w, bool (*same)(int a, int b))
{
	/* relaxed: as above. The bit first: whoever alters it again meanwhile sets it, too. */
	atomic_fetch_or_explicit(gs_home_flag(w), GS_HOME_DIFFERS, memory_order_relaxed);
	if (gs_home_template && same(w->ktid, gs_home_template->w.ktid))
		atomic_fetch_and_explicit(gs_home_flag(w), ~(uint32_t)GS_HOME_DIFFERS,
					  memory_order_relaxed);
}

static struct gs_home *gs_home_record(void)
{
	struct gs_home *h;
	struct gs_worker *w;

	gs_lock(&gs_home_lock);
	h = gs_home_spares;
	if (h)
		gs_home_spares = h->spare;
	gs_unlock(&gs_home_lock);
	if (h) {
		w = &h->w;
		w->wired = &w->g0;
		w->retired = false;
		atomic_store_explicit(&w->wake, 0, memory_order_relaxed);
		atomic_store_explicit(&w->kicked, false, memory_order_relaxed);
		atomic_store_explicit(&h->altered, 0, memory_order_relaxed);
		atomic_store_explicit(&h->state, GS_HOME_WAITING, memory_order_relaxed);
		return h;
	}
	h = gs_mem_map(GS_ALIGN_UP(sizeof(*h), GS_PAGE));
	if (!h)
		return NULL;
	h->made = h;
	w = &h->w;
	w->g0.kind = GS_KIND_WORKER;
	w->g0.inrt = 1;
	w->g0.worker = w;
	w->id = 1 + atomic_load_explicit(&gs_worker_count, memory_order_relaxed);
	/* Until it is bound: anything but NULL, or it would be an ordinary worker. */
	w->wired = &w->g0;
	w->all_next = atomic_load_explicit(&gs_workers, memory_order_relaxed);
	/* release: readers walk the list without a lock */
	while (!atomic_compare_exchange_weak_explicit(&gs_workers, &w->all_next, w,
						      memory_order_release, memory_order_relaxed))
		;
	return h;
}

/* The kernel thread of h ends, or was never there. */
static void gs_home_recycle(struct gs_home *h)
{
	h->w.ktid = 0;
	/* relaxed: bounds on the number of kernel threads, no protocol */
	atomic_fetch_sub_explicit(&gs_worker_count, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&gs_worker_lost, 1, memory_order_relaxed);
	gs_lock(&gs_home_lock);
	h->spare = gs_home_spares;
	gs_home_spares = h;
	gs_unlock(&gs_home_lock);
}

static void gs_home_block(struct gs_worker *w)
{
	w->kmask = ~gs_home_internal;
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &w->kmask, NULL, GS_HOME_SIGSET);
}

static void *gs_home_main(void *arg)
{
	struct gs_home *h = arg;
	struct gs_worker *w = &h->w;
	uint32_t state;

	gs_sched_ops.started(w);
	/* acquire: pairs with the release in gs_home_open */
	while ((state = atomic_load_explicit(&h->state, memory_order_acquire)) == GS_HOME_WAITING) {
		gs_leave(&w->g0); /* asleep, a signal handler may do its work here */
		gs_sys_futex_wait(&h->state, GS_HOME_WAITING, NULL);
		gs_enter(&w->g0);
	}
	if (state == GS_HOME_OPEN)
		gs_worker_loop(w);
	gs_crew_part(w);
	gs_home_recycle(h);
	return NULL;
}

static bool gs_home_start(struct gs_home *h, void *(*body)(void *))
{
	uint64_t all = ~gs_home_internal, old;
	int ktid;

	/* relaxed: bounds, as above. A home is no worker that anybody could use. */
	atomic_fetch_add_explicit(&gs_worker_count, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&gs_worker_lost, 1, memory_order_relaxed);
	/* A kick may come before it has looked what to let in, and its return sets this mask. */
	h->w.kmask = all;
	/* relaxed: no kernel thread has it yet */
	atomic_store_explicit(&h->w.g0.attention, 0, memory_order_relaxed);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &old, GS_HOME_SIGSET);
	ktid = gs_kthread_start(&h->w.g0, body, h);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, NULL, GS_HOME_SIGSET);
	if (ktid < 0) {
		gs_log_debug("cannot start a kernel thread: error %d", -ktid);
		gs_home_recycle(h);
		return false;
	}
	/* The thread waits. */
	h->w.ktid = ktid;
	return true;
}

static void *gs_home_template_main(void *arg)
{
	struct gs_home *h = arg;

	/* It takes no signals. */
	gs_home_block(&h->w);
	for (;;) {
		/* acquire: pairs with the release in gs_home_request */
		uint32_t state = atomic_load_explicit(&gs_home_ask.state, memory_order_acquire);

		if (state != GS_HOME_ASKED) {
			gs_sys_futex_wait(&gs_home_ask.state, state, NULL);
			continue;
		}
		gs_home_ask.ok = gs_home_ask.h ?
					 gs_home_start(gs_home_ask.h, gs_home_main) :
					 gs_home_spawn_plain(gs_home_ask.p, gs_home_ask.spinning);
		/* release: pairs with the acquire in gs_home_request */
		atomic_store_explicit(&gs_home_ask.state, GS_HOME_DONE, memory_order_release);
		gs_sys_futex_wake(&gs_home_ask.state, INT32_MAX);
	}
	return NULL;
}

static bool gs_home_request(struct gs_home *h, struct gs_proc *p, bool spinning)
{
	uint32_t state;
	bool ok;

	gs_lock(&gs_home_ask_lock);
	gs_home_ask.h = h;
	gs_home_ask.p = p;
	gs_home_ask.spinning = spinning;
	/* release: pairs with the acquire in gs_home_template_main */
	atomic_store_explicit(&gs_home_ask.state, GS_HOME_ASKED, memory_order_release);
	gs_sys_futex_wake(&gs_home_ask.state, INT32_MAX);
	/* acquire: pairs with the release there */
	while ((state = atomic_load_explicit(&gs_home_ask.state, memory_order_acquire)) !=
	       GS_HOME_DONE)
		gs_sys_futex_wait(&gs_home_ask.state, state, NULL);
	ok = gs_home_ask.ok;
	gs_unlock(&gs_home_ask_lock);
	return ok;
}

static bool gs_home_caller_altered(void)
{
	struct gs_worker *w = gs_worker_current();

	return w && gs_home_is_altered(w);
}

/* gs_idle_spawn, once there is a template. */
static bool gs_home_spawn(struct gs_proc *p, bool spinning)
{
	struct gs_worker *w = gs_worker_current();

	if (!gs_home_caller_altered())
		return gs_home_spawn_plain(p, spinning);
	/* As signal.c has it: a handler may have interrupted the allocator, and the
	   template would wait for that, too. */
	if (w->g0.sig && gs_sigworker(w)->in_malloc)
		return false;
	return gs_home_request(NULL, p, spinning);
}

struct gs_worker *gs_home_make(bool inherit)
{
	bool altered = gs_home_caller_altered(), ok;
	struct gs_home *h;

	/* relaxed: a bound */
	if (atomic_load_explicit(&gs_worker_count, memory_order_relaxed) >=
	    (uint32_t)gs_conf.maxthreads)
		return NULL;
	h = gs_home_record();
	if (!h)
		return NULL;
	atomic_store_explicit(&h->altered, altered && inherit ? GS_HOME_APART : 0,
			      memory_order_relaxed);
	ok = altered && !inherit ? gs_home_request(h, NULL, false) : gs_home_start(h, gs_home_main);
	return ok ? &h->w : NULL;
}

bool gs_home_guard(void)
{
	bool ok = true;

	gs_lock(&gs_home_ask_lock);
	if (!gs_home_template) {
		struct gs_home *h = gs_home_record();

		ok = h && gs_home_start(h, gs_home_template_main);
		if (ok)
			gs_home_template = h;
		if (ok && gs_idle_spawn != gs_home_spawn) {
			gs_home_spawn_plain = gs_idle_spawn;
			gs_idle_spawn = gs_home_spawn;
		}
	}
	gs_unlock(&gs_home_ask_lock);
	return ok;
}

static void gs_home_tell(struct gs_worker *w, enum gs_home_state state)
{
	struct gs_home *h = (struct gs_home *)w;

	/* release: pairs with the acquire in gs_home_main */
	atomic_store_explicit(&h->state, state, memory_order_release);
	gs_sys_futex_wake(&h->state, 1);
}

void gs_home_open(struct gs_worker *w)
{
	gs_home_tell(w, GS_HOME_OPEN);
}

void gs_home_discard(struct gs_worker *w)
{
	gs_home_tell(w, GS_HOME_DISCARDED);
}

void gs_home_after_fork(void)
{
	gs_home_lock = gs_home_ask_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_home_spares = gs_home_template = NULL;
	gs_home_other_altered = 0;
	gs_home_ask.state = GS_HOME_IDLE;
}
