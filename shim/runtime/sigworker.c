/* SPDX-License-Identifier: MIT */
/*
 * sigworker.c - kernel masks.
 *
 * A kernel thread's mask is not any green thread's. It follows from two questions:
 *
 *  - Is a signal wanted (sigmask.c)? When it becomes so, the worker where that happens
 *    lets it in at once, and so does the first worker, which never ends. When it is
 *    wanted no more, nothing is done: only when one comes all the same the worker it
 *    came to blocks it. So a thread that blocks and unblocks a signal all the time, as
 *    round every pselect, costs the kernel nothing.
 *  - May this worker take it? Real-time signals are for the first worker alone: they are
 *    delivered in order, and two workers would not keep it. Except those that are aimed at
 *    the thread it is the home of (sigaim.c), which it always takes.
 *
 * A handler that interrupts the runtime can do nothing (what it needs may be locked by
 * what it interrupted): it holds the signal back and lets no other come until the worker
 * gets to a place where it can be dealt with. That it holds one is GS_ATT_SIGNAL in the
 * attention of the worker's own context: sched.c then goes there at the next switch.
 *
 * Invariants: w->kmask is written by w's own kernel thread only, and is what the kernel
 * has, unless w holds a signal. Every wanted signal is let in by the first worker, or
 * that has been kicked.
 * Locks: gs_sigact_lock for close. Called from: signal.c, sigpost.c, sigwait.c,
 * signal_life.c (start).
 */
#include "sigworker.h"

#include "host.h"
#include "kick.h"
#include "mem.h"
#include "sigaim.h"
#include "sigmask.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

enum { GS_SIGWORKER_ALTSTACK = 16 * 1024 };

/* Not blocked while a signal is held: those that are not held either. */
static const uint64_t gs_sigworker_held = ~GS_SIGS_OPEN;

static struct gs_worker *gs_sigworker_first;

void gs_sigworker_apply(struct gs_worker *w)
{
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &w->kmask, NULL, GS_SIG_BYTES);
}

/* The same where a signal may come between the look at what is held and the change. */
static void gs_sigworker_update(struct gs_worker *w)
{
	const uint64_t all = ~GS_SIGS_FAULT;

	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, NULL, GS_SIG_BYTES);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK,
		gs_sigworker_holds(w) ? &gs_sigworker_held : &w->kmask, NULL, GS_SIG_BYTES);
}

int gs_sigworker_start(struct gs_worker *w, bool first)
{
	const uint64_t all = ~GS_SIGS_FAULT;
	size_t head = GS_ALIGN_UP(sizeof(struct gs_sigworker), GS_CACHE_LINE);
	size_t size = GS_ALIGN_UP(head + GS_SIGWORKER_ALTSTACK + gs_host.minsigstksz, GS_PAGE);
	struct gs_sigworker *s = GS_CONTAINER_OF(w->g0.sig, struct gs_sigworker, state);

	/* A kick that comes in the middle would be lost: it is for what follows. */
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, NULL, GS_SIG_BYTES);
	if (first)
		gs_sigworker_first = w;
	if (!w->g0.sig) {
		s = gs_mem_map(size);
		if (!s) {
			/* It gets no signal but those nobody can do without. */
			w->kmask = gs_sigworker_held;
			gs_sigworker_apply(w);
			return -ENOMEM;
		}
		s->alt.ss_sp = (char *)s + head;
		s->alt.ss_size = size - head;
		w->g0.sig = &s->state;
	}
	s->in_malloc = s->native = false;
	s->aimed = first ? 0 : gs_sigaim_at(w);
	if (first)
		gs_sigworker_release(w);
	gs_sys2(__NR_sigaltstack, &s->alt, NULL);
	w->kmask = (~gs_sigmask_wanted() | (first ? 0 : GS_SIGS_REALTIME)) &
		   ~(GS_SIGS_OPEN | s->aimed);
	/* A kick may have let a signal in already, and that one is held. */
	gs_sigworker_update(w);
	return 0;
}

void gs_sigworker_hold(struct gs_worker *w, struct gs_thread *to, const siginfo_t *info)
{
	struct gs_sigworker *s = gs_sigworker(w);

	s->held = *info;
	s->held_to = to;
	/* relaxed: read by this kernel thread */
	atomic_fetch_or_explicit(&w->g0.attention, GS_ATT_SIGNAL, memory_order_relaxed);
}

void gs_sigworker_release(struct gs_worker *w)
{
	atomic_fetch_and_explicit(&w->g0.attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
}

bool gs_sigworker_too_late(const struct gs_worker *w, const siginfo_t *info)
{
	return (gs_sigworker(w)->aimed & GS_SIG(info->si_signo)) && gs_sigaim_kind(info) &&
	       !gs_sigaim_whose(w, info);
}

uint64_t gs_sigworker_extra(const struct gs_worker *w, const ucontext_t *uc)
{
	uint64_t mask;

	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	return gs_sigworker_holds(w) ? 0 : mask & ~w->kmask;
}

void gs_sigworker_frame(struct gs_worker *w, ucontext_t *uc, uint64_t extra)
{
	uint64_t mask = (gs_sigworker_holds(w) ? gs_sigworker_held : w->kmask) | extra;

	memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
	if (w->g0.sig)
		uc->uc_stack = gs_sigworker(w)->alt;
}

/* What the first worker blocks, read by another: what it comes to block later it
   blocks under the lock, having seen that nobody wants it. */
static uint64_t gs_sigworker_first_blocks(void)
{
	/* seq_cst: after the change of what is wanted, see gs_sigworker_look */
	atomic_thread_fence(memory_order_seq_cst);
	return __atomic_load_n(&gs_sigworker_first->kmask, __ATOMIC_RELAXED);
}

uint64_t gs_sigworker_fetchable(uint64_t set)
{
	uint64_t blocks = gs_sigworker_first_blocks();

	/* What the first worker blocks by now it may have taken before, and hold still.
	   acquire: it holds before it blocks, and gives away, under the caller's lock, before
	   it lets go. */
	atomic_thread_fence(memory_order_acquire);
	return set & ~(gs_sigworker_holds(gs_sigworker_first) ? GS_SIGS_REALTIME :
							       GS_SIGS_REALTIME & ~blocks);
}

/* Lets set in, if w is to. */
static void gs_sigworker_admit(struct gs_worker *w, uint64_t set)
{
	if (w != gs_sigworker_first)
		set &= ~GS_SIGS_REALTIME;
	/* One instruction: a kick's handler may come in between. relaxed: one kernel thread */
	__atomic_fetch_and(&w->kmask, ~set, __ATOMIC_RELAXED);
}

void gs_sigworker_kick(void)
{
	gs_kick(gs_sigworker_first->ktid, GS_SIG_KICK);
}

void gs_sigworker_summon(void)
{
	/* relaxed: the kick orders it */
	atomic_fetch_or_explicit(&gs_sigworker_first->g0.attention, GS_ATT_PASSED,
				 memory_order_relaxed);
	gs_sigworker_kick();
}

bool gs_sigworker_summoned(struct gs_worker *w)
{
	/* relaxed: what was passed is read under the lock */
	return (atomic_load_explicit(&w->g0.attention, memory_order_relaxed) & GS_ATT_PASSED) &&
	       (atomic_fetch_and_explicit(&w->g0.attention, ~(uint32_t)GS_ATT_PASSED,
					  memory_order_relaxed) &
		GS_ATT_PASSED);
}

void gs_sigworker_open(struct gs_worker *w, uint64_t set)
{
	uint64_t before = w->kmask;

	gs_sigworker_admit(w, set);
	if (w->kmask != before)
		gs_sigworker_update(w);
	if (w != gs_sigworker_first && (gs_sigworker_first_blocks() & set))
		gs_sigworker_kick();
}

void gs_sigworker_close(struct gs_worker *w, uint64_t set)
{
	/* relaxed: as in gs_sigworker_admit */
	__atomic_fetch_or(&w->kmask, set & ~GS_SIGS_OPEN, __ATOMIC_RELAXED);
}

void gs_sigworker_look(struct gs_worker *w)
{
	uint64_t fds = atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed);
	uint64_t wanted = gs_sigmask_wanted(), now;

	/* Native: what is lent is looked at when it comes back. */
	if (gs_sigworker(w)->native)
		return;
	if (w != gs_sigworker_first) {
		gs_sigworker(w)->aimed |= gs_sigaim_at(w);
		/* relaxed: as in gs_sigworker_admit */
		__atomic_fetch_and(&w->kmask, ~gs_sigworker(w)->aimed, __ATOMIC_RELAXED);
		return;
	}
	/* For signalfds they must stay in the kernel, and in order. seq_cst: whoever comes to
	   want one says so and then looks at kmask (gs_sigworker_open); here it is the other
	   way round. */
	__atomic_fetch_or(&w->kmask, fds & ~(gs_sigmask_wanted() | GS_SIGS_OPEN), __ATOMIC_SEQ_CST);
	for (;;) {
		atomic_thread_fence(memory_order_seq_cst);
		gs_sigworker_admit(w, wanted);
		/* seq_cst: pairs with the fence in gs_sigworker_first_blocks. What has become
		   unwanted since may be being fetched by others, because we blocked it. */
		atomic_thread_fence(memory_order_seq_cst);
		now = gs_sigmask_wanted();
		if (now == wanted)
			break;
		gs_sigworker_close(w, wanted & ~now & GS_SIGS_REALTIME);
		wanted = now;
	}
}

bool gs_sigworker_native(struct gs_thread *self, bool native)
{
	struct gs_worker *w = self->worker;
	struct gs_sigworker *s;

	if (!w->g0.sig)
		return false;
	s = gs_sigworker(w);
	if (s->native == native)
		return native;
	s->native = native;
	if (native) {
		s->lent = w->kmask;
		w->kmask = atomic_load_explicit(&self->sigmask, memory_order_relaxed);
	} else {
		w->kmask = s->lent;
		gs_sigworker_look(w); /* what has become wanted meanwhile */
	}
	gs_sigworker_update(w);
	return !native;
}

void gs_sigworker_native_mask(struct gs_worker *w, uint64_t mask)
{
	if (w->kmask == mask)
		return;
	w->kmask = mask;
	gs_sigworker_update(w);
}
