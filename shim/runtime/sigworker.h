/* SPDX-License-Identifier: MIT */
/*
 * sigworker.h - the kernel threads' side of signals: what each blocks in the kernel, its
 * alternate stack, and the one signal it may hold back.
 */
#ifndef GS_SIGWORKER_H
#define GS_SIGWORKER_H

#include "sigqueue.h"
#include "worker.h"

#include <ucontext.h>

/* One per worker; w->g0.sig points to its state. */
struct gs_sigworker {
	struct gs_signal_state state;
	bool in_malloc;            /* or may be: a handler has interrupted the program, or it forks */
	struct gs_thread *held_to; /* the held signal is for this thread; NULL: the process */
	siginfo_t held;
	stack_t alt;               /* the kernel's alternate stack: faults come here */
	uint64_t aimed;            /* let in for the thread it is, or was, the home of */
	bool native;               /* the kernel has a thread's own mask for now */
	uint64_t lent;             /* and this was kmask */
};

static inline struct gs_sigworker *gs_sigworker(const struct gs_worker *w)
{
	return GS_CONTAINER_OF(w->g0.sig, struct gs_sigworker, state);
}

/* Does w hold a signal back? */
static inline bool gs_sigworker_holds(const struct gs_worker *w)
{
	/* relaxed: set and cleared by w's own kernel thread; see gs_sigworker_fetchable */
	return atomic_load_explicit(&w->g0.attention, memory_order_relaxed) & GS_ATT_SIGNAL;
}

/* Does it, or has something been passed to it? */
static inline bool gs_sigworker_burdened(const struct gs_worker *w)
{
	/* relaxed: as above; who passes something sends a kick after that */
	return atomic_load_explicit(&w->g0.attention, memory_order_relaxed) &
	       (GS_ATT_SIGNAL | GS_ATT_PASSED);
}

/* w, whose kernel thread is the caller's, may be sent signals from now on. The very
   first is given first: it never ends. Returns 0 or -ENOMEM. */
int gs_sigworker_start(struct gs_worker *w, bool first);

/* Holds the signal back, and blocks all others until it is let go. In the handler. */
void gs_sigworker_hold(struct gs_worker *w, struct gs_thread *to, const siginfo_t *info);

/* It has been dealt with. All signals blocked. */
void gs_sigworker_release(struct gs_worker *w);

/* Makes the kernel's mask what w->kmask says. By w's kernel thread, which has blocked all
   or holds none and has none to fear; signals may come. */
void gs_sigworker_apply(struct gs_worker *w);

/* Was it aimed at a thread that has ended? Then nobody gets it. In the handler. */
bool gs_sigworker_too_late(const struct gs_worker *w, const siginfo_t *info);

/* What the interrupted code itself had blocked in the kernel (libc's system does): to be
   kept blocked when the handler returns. At the handler's start. */
uint64_t gs_sigworker_extra(const struct gs_worker *w, const ucontext_t *uc);

/* The handler's last act: what the kernel restores when it returns to the interrupted
   code shall be w's mask, and extra, and w's alternate stack, as they are now. */
void gs_sigworker_frame(struct gs_worker *w, ucontext_t *uc, uint64_t extra);

/* Those of set that may be taken from the kernel's pending ones. Lock held:
   no older one of their kind is on its way in the first worker's handler. */
uint64_t gs_sigworker_fetchable(uint64_t set);

/* The signals in set are wanted now: lets them in, on w, the caller's worker, and on the
   first. They may come at once. Inside the runtime, gs_sigact_lock not held. */
void gs_sigworker_open(struct gs_worker *w, uint64_t set);

/* Nobody wants the signals in set: w lets them in no more. The kernel learns of it from
   gs_sigworker_apply or gs_sigworker_frame. Lock held. */
void gs_sigworker_close(struct gs_worker *w, uint64_t set);

/* Asked by a kick: has anything become wanted, or unwanted that a signalfd reads, or been
   aimed at the thread w is the home of? */
void gs_sigworker_look(struct gs_worker *w);

/* Has the first worker do that. */
void gs_sigworker_kick(void);

/* Has it deal with what was passed to it. */
void gs_sigworker_summon(void);

/* Was something passed to w? Clears that. */
bool gs_sigworker_summoned(struct gs_worker *w);

/* From true to false the kernel's mask is exactly self's: somebody looks at it, or takes
   it over. Inside the runtime. Returns what it was before. */
bool gs_sigworker_native(struct gs_thread *self, bool native);

/* w is native, and its kernel's mask is to be another one than its thread's. */
void gs_sigworker_native_mask(struct gs_worker *w, uint64_t mask);

#endif
