/* SPDX-License-Identifier: MIT */
/*
 * sigact.c - the table of actions.
 *
 * The kernel's action of a signal is our handler in two cases: the program has a
 * handler for it, or it is guarded. Otherwise it is the program's own SIG_DFL or
 * SIG_IGN, and the kernel ends, stops or does nothing by itself. A signal becomes
 * guarded, for good, when masks begin to matter that the kernel does not know of
 * (gs_sigact_guard); then our handler does the default or nothing on its behalf.
 * SIGSEGV with the default action is caught too, to explain a stack overflow.
 *
 * A handler may interrupt gs_sigact_set, so readers must not wait for writers: an
 * entry has two copies. The writer makes the sequence number odd, which sends
 * readers to the second copy, writes the first, makes it even, writes the second.
 *
 * The kernel's flags: SA_RESTART always, because the thread that a signal is for is
 * often not the one that it interrupts (sigframe.c breaks the call when it should
 * break); every signal blocked meanwhile; the alternate stack, which is the worker's,
 * only for faults (signal.c moves the frame to where it belongs).
 *
 * Locks: gs_sigact_lock. Called from: other files of signals; hooks/signal.c, sigsend.c.
 */
#include "sigact.h"

#include "arch.h"
#include "preempt.h"
#include "sys.h"

struct gs_sigact_entry {
	_Atomic uint32_t seq;
	_Atomic uint64_t copy[2][4];
};

struct gs_lock gs_sigact_lock;
_Atomic uint64_t gs_sigact_caught;

static struct gs_sigact_entry gs_sigact_table[GS_SIG_LAST + 1];
static gs_sigact_fn *gs_sigact_entry;
static uint64_t gs_sigact_guarded;

/* What the kernel keeps of a program's flags. */
static const uint64_t gs_sigact_flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK |
					SA_RESTART | SA_NODEFER | SA_RESETHAND |
					0x800 /* SA_EXPOSE_TAGBITS */ | GS_ARCH_SA_RESTORER;

struct gs_sigact gs_sigact_get(int sig)
{
	struct gs_sigact_entry *e = &gs_sigact_table[sig];
	struct gs_sigact act;
	uint32_t seq;

	do {
		_Atomic uint64_t *copy;

		/* acquire: pairs with the release stores in gs_sigact_store */
		seq = atomic_load_explicit(&e->seq, memory_order_acquire);
		copy = e->copy[seq & 1];
		act.handler = atomic_load_explicit(&copy[0], memory_order_relaxed);
		act.flags = atomic_load_explicit(&copy[1], memory_order_relaxed);
		act.mask = atomic_load_explicit(&copy[2], memory_order_relaxed);
		act.restorer = atomic_load_explicit(&copy[3], memory_order_relaxed);
		/* the loads above come before the second look at seq */
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&e->seq, memory_order_relaxed) != seq);
	return act;
}

static void gs_sigact_write(_Atomic uint64_t *copy, const struct gs_sigact *act)
{
	atomic_store_explicit(&copy[0], act->handler, memory_order_relaxed);
	atomic_store_explicit(&copy[1], act->flags, memory_order_relaxed);
	atomic_store_explicit(&copy[2], act->mask, memory_order_relaxed);
	atomic_store_explicit(&copy[3], act->restorer, memory_order_relaxed);
}

static void gs_sigact_store(int sig, const struct gs_sigact *act)
{
	struct gs_sigact_entry *e = &gs_sigact_table[sig];
	uint32_t seq = atomic_load_explicit(&e->seq, memory_order_relaxed);

	/* release, twice: the copy that readers are sent to is complete; and the fences keep
	   the writes behind the store that sends readers elsewhere (pairs with the
	   acquires in gs_sigact_get) */
	atomic_store_explicit(&e->seq, seq + 1, memory_order_release);
	atomic_thread_fence(memory_order_release);
	gs_sigact_write(e->copy[0], act);
	atomic_store_explicit(&e->seq, seq + 2, memory_order_release);
	atomic_thread_fence(memory_order_release);
	gs_sigact_write(e->copy[1], act);
}

static void gs_sigact_kernel(int sig, const struct gs_arch_sigaction *act)
{
	gs_sys4(__NR_rt_sigaction, sig, act, NULL, GS_SIG_BYTES);
}

/* Tells the kernel what follows from the table and the guards. */
static void gs_sigact_install(int sig)
{
	struct gs_sigact act = gs_sigact_get(sig);
	struct gs_arch_sigaction k = { .handler = (void *)act.handler,
				       .flags = act.flags | GS_ARCH_SA_RESTORER,
				       .restorer = gs_arch_sigreturn,
				       .mask = act.mask };
	bool own = act.handler > (uintptr_t)SIG_IGN;
	bool watched = act.handler == (uintptr_t)SIG_DFL && sig == SIGSEGV;

	if (own || watched || (gs_sigact_guarded & GS_SIG(sig))) {
		k.handler = (void *)gs_sigact_entry;
		k.flags = SA_SIGINFO | SA_RESTART | GS_ARCH_SA_RESTORER |
			  (act.flags & (SA_NOCLDSTOP | SA_NOCLDWAIT));
		/* Who ignores it leaves no children to wait for. */
		if (sig == SIGCHLD && act.handler == (uintptr_t)SIG_IGN)
			k.flags |= SA_NOCLDWAIT;
		if (watched || (act.flags & SA_ONSTACK)) /* first the worker's: see sigplace.c */
			k.flags |= SA_ONSTACK;
		k.mask = ~GS_SIGS_FAULT;
		/* relaxed: changed under the lock, read elsewhere as a hint */
		atomic_fetch_or_explicit(&gs_sigact_caught, GS_SIG(sig), memory_order_relaxed);
	} else {
		atomic_fetch_and_explicit(&gs_sigact_caught, ~GS_SIG(sig), memory_order_relaxed);
	}
	gs_sigact_kernel(sig, &k);
}

gs_sigact_fn *gs_sigact_init(gs_sigact_fn *entry)
{
	struct gs_arch_sigaction preemptor, own = { .handler = (void *)entry,
						    .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK |
							     GS_ARCH_SA_RESTORER,
						    .restorer = gs_arch_sigreturn,
						    .mask = ~GS_SIGS_FAULT };

	gs_sigact_entry = entry;
	gs_sigact_kernel(GS_SIG_KICK, &own);
	gs_sys4(__NR_rt_sigaction, GS_PREEMPT_SIGNAL, &own, &preemptor, GS_SIG_BYTES);
	for (int sig = 1; sig <= GS_SIG_LAST; sig++) {
		struct gs_arch_sigaction k;
		struct gs_sigact act;

		if (((GS_SIGS_FATAL | GS_SIGS_LIBC) & GS_SIG(sig)) ||
		    gs_sys4(__NR_rt_sigaction, sig, NULL, &k, GS_SIG_BYTES) < 0)
			continue;
		act.handler = (uintptr_t)k.handler;
		act.flags = k.flags;
		act.mask = k.mask;
		act.restorer = (uintptr_t)k.restorer;
		gs_sigact_store(sig, &act);
		if (act.handler > (uintptr_t)SIG_IGN || sig == SIGSEGV ||
		    (gs_sigact_guarded & GS_SIG(sig)))
			gs_sigact_install(sig);
	}
	return (gs_sigact_fn *)preemptor.handler;
}

void gs_sigact_set(int sig, const struct gs_sigact *act)
{
	struct gs_sigact kept = *act;

	kept.flags = (kept.flags | GS_ARCH_SA_RESTORER) & gs_sigact_flags;
	kept.mask &= ~GS_SIGS_FATAL;
	kept.restorer = (uintptr_t)gs_arch_sigreturn;
	gs_sigact_store(sig, &kept);
	gs_sigact_install(sig);
}

void gs_sigact_reset(int sig)
{
	struct gs_sigact act = gs_sigact_get(sig);

	act.handler = (uintptr_t)SIG_DFL;
	gs_sigact_store(sig, &act);
	gs_sigact_install(sig);
}

void gs_sigact_guard(uint64_t set)
{
	set &= ~(gs_sigact_guarded | GS_SIGS_FATAL | GS_SIGS_LIBC);
	gs_sigact_guarded |= set;
	/* What main had blocked comes before the table is filled: gs_sigact_init sees to it. */
	if (!gs_sigact_entry)
		return;
	/* relaxed: we hold the lock */
	set &= ~atomic_load_explicit(&gs_sigact_caught, memory_order_relaxed);
	for (; set; set &= set - 1)
		gs_sigact_install(__builtin_ctzll(set) + 1);
}

bool gs_sigact_ignores(int sig)
{
	uintptr_t handler = gs_sigact_get(sig).handler;

	return handler == (uintptr_t)SIG_IGN ||
	       (handler == (uintptr_t)SIG_DFL && (GS_SIGS_IGNORED & GS_SIG(sig)));
}

void gs_sigact_surrender(int sig)
{
	struct gs_arch_sigaction dfl = { .flags = GS_ARCH_SA_RESTORER,
					 .restorer = gs_arch_sigreturn };

	gs_sigact_kernel(sig, &dfl);
}

void gs_sigact_default(int sig)
{
	uint64_t set = GS_SIG(sig), old;

	if (GS_SIGS_IGNORED & set)
		return;
	gs_sigact_surrender(sig);
	gs_sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &set, &old, GS_SIG_BYTES);
	gs_sys3(__NR_tgkill, gs_sys_getpid(), gs_sys_gettid(), sig);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, NULL, GS_SIG_BYTES);
	gs_sigact_install(sig);
}

void gs_sigact_native(bool native)
{
	/* relaxed: what the program changes in another thread now, it changes too late */
	uint64_t set = atomic_load_explicit(&gs_sigact_caught, memory_order_relaxed);

	for (; set; set &= set - 1) {
		int sig = __builtin_ctzll(set) + 1;

		if (gs_sigact_get(sig).handler != (uintptr_t)SIG_IGN)
			continue;
		if (native)
			gs_sigact_kernel(sig, &(struct gs_arch_sigaction){
						      .handler = (void *)SIG_IGN,
						      .flags = GS_ARCH_SA_RESTORER,
						      .restorer = gs_arch_sigreturn });
		else
			gs_sigact_install(sig);
	}
}
