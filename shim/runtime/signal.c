/* SPDX-License-Identifier: MIT */
/*
 * signal.c - the kernel's signal handler, and running the program's.
 *
 * The kernel delivers to kernel threads and knows nothing of green ones. So every
 * handler the kernel calls is ours (gs_signal_entry). What it may do depends on what it
 * has interrupted:
 *
 *  - program code (inrt 0): the signal is given to whom it is for (sigpost.c). If that is
 *    the very thread, the program's handler runs at once, as natively, above the
 *    kernel's frame.
 *  - the runtime (inrt > 0): nothing. The worker holds it back (sigworker.c); the thread is
 *    made to give up the processor when it leaves the runtime, and the scheduler's
 *    context then does the rest.
 *  - a sleeping worker's own context, which says so with inrt 0: it is given away.
 *  - a kernel thread that is not ours: the process is sent it again, and that thread
 *    blocks it from now on.
 *
 * A green thread that is woken for a signal, or finds one when it leaves the runtime,
 * sends itself a kick, so that its handlers too run above a frame of the kernel's,
 * with a true ucontext, wherever the signal met the thread. There is one way to deliver.
 *
 * The frame holds the thread's mask and alternate stack while the program's handler can
 * see it, and those of the worker when the kernel reads it; the thread may have come
 * to another worker meanwhile.
 *
 * Several signals at once are delivered the one above the other, as the kernel does it:
 * the last one's handler runs first.
 *
 * Locks: gs_sigact_lock. Called from: the kernel; sched.c (attend); hooks.
 */
#include "signal.h"

#include "host.h"
#include "idle.h"
#include "log.h"
#include "netpoll.h"
#include "region.h"
#include "sched.h"
#include "sigact.h"
#include "sigframe.h"
#include "sigmask.h"
#include "sigpost.h"
#include "sigplace.h"
#include "sigstack.h"
#include "sigworker.h"
#include "stack.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

enum { GS_SIGNAL_INHERITED = 64 };

static int gs_signal_pid;
static bool (*gs_signal_spawn)(struct gs_proc *p, bool spinning);

static uint64_t gs_signal_mask_of(const struct gs_thread *t)
{
	return atomic_load_explicit(&t->sigmask, memory_order_relaxed);
}

/* ---- the program's handlers ---- */

/* Was the last handler run during the wait or the region that self is or was last in? */
static bool gs_signal_same_call(const struct gs_thread *self, const struct gs_signal_state *s)
{
	return s->ran &&
	       s->ran_wait == atomic_load_explicit(&self->wake, memory_order_relaxed) >> 3 &&
	       s->ran_region == self->region_visit;
}

static void gs_signal_note(const struct gs_thread *self, struct gs_signal_state *s, bool broke)
{
	s->ran = true;
	s->broke = broke;
	s->ran_wait = atomic_load_explicit(&self->wake, memory_order_relaxed) >> 3;
	s->ran_region = self->region_visit;
}

/* Takes the next signal that self has to handle: returns its number, its info and the
   action; defaults are done, ignored ones dropped, on the way. Inside the runtime. */
static int gs_signal_next(struct gs_thread *self, siginfo_t *info, struct gs_sigact *act)
{
	int sig;

	for (;;) {
		gs_lock(&gs_sigact_lock);
		/* relaxed: our own word; whoever adds a signal sets it under the lock */
		atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL,
					  memory_order_relaxed);
		sig = gs_sigqueue_take(self, ~gs_signal_mask_of(self), info);
		if (sig != 0) {
			*act = gs_sigact_get(sig);
			if (act->handler > (uintptr_t)SIG_IGN && (act->flags & SA_RESETHAND))
				gs_sigact_reset(sig);
		}
		gs_unlock(&gs_sigact_lock);
		if (sig == 0 || act->handler > (uintptr_t)SIG_IGN)
			return sig;
		if (act->handler == (uintptr_t)SIG_DFL)
			gs_sigact_default(sig);
	}
}

static void gs_signal_run(struct gs_thread *self, int sig, const struct gs_sigact *act,
			  siginfo_t *info, ucontext_t *uc);

/* Runs what is pending and not blocked. Returns whether a handler without SA_RESTART ran. */
static bool gs_signal_run_all(struct gs_thread *self, ucontext_t *uc)
{
	struct gs_sigact act;
	siginfo_t info;
	bool broke = false;
	int sig;

	while ((sig = gs_signal_next(self, &info, &act)) != 0) {
		broke |= !(act.flags & SA_RESTART);
		gs_signal_run(self, sig, &act, &info, uc);
	}
	return broke;
}

/* The handler's own call. From inside the runtime, with inrt 1. */
static void gs_signal_call(struct gs_thread *self, int sig, const struct gs_sigact *act,
			   siginfo_t *info, ucontext_t *uc)
{
	gs_sigframe_fn *fn = (gs_sigframe_fn *)act->handler;
	uintptr_t top = gs_sigstack_top(self->sig, (uintptr_t)__builtin_frame_address(0),
					act->flags);

	if (self->sig)
		gs_sigstack_disarm(self->sig);
	gs_barrier();
	self->inrt = 0; /* not gs_leave: see gs_signal_depart */
	gs_barrier();
	if (top)
		gs_sigframe_call(top, fn, sig, info, uc);
	else
		fn(sig, info, uc);
	gs_enter(self);
}

static void gs_signal_run(struct gs_thread *self, int sig, const struct gs_sigact *act,
			  siginfo_t *info, ucontext_t *uc)
{
	uint64_t mask = gs_signal_mask_of(self), outer;
	struct gs_signal_state *s;
	stack_t outer_stack = uc->uc_stack;
	bool broke;

	gs_lock(&gs_sigact_lock);
	s = gs_sigqueue_state(self);
	gs_unlock(&gs_sigact_lock);
	broke = s && gs_signal_same_call(self, s) && s->broke;
	gs_sigpost_mask(self, mask | act->mask | (act->flags & SA_NODEFER ? 0 : GS_SIG(sig)));
	if (s && s->suspended) {
		s->suspended = false;
		mask = s->suspended_mask;
	}
	memcpy(&outer, &uc->uc_sigmask, sizeof(outer));
	memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
	gs_sigstack_get(s, gs_sigframe_below(uc), &uc->uc_stack);
	broke |= gs_signal_run_all(self, uc);
	gs_signal_call(self, sig, act, info, uc);
	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	memcpy(&uc->uc_sigmask, &outer, sizeof(outer));
	if (s)
		gs_sigstack_restore(s, &uc->uc_stack);
	uc->uc_stack = outer_stack;
	gs_sigpost_mask(self, mask);
	if (s)
		gs_signal_note(self, s, broke || !(act->flags & SA_RESTART));
}

/* ---- round them: from the kernel's handler and back ---- */

/* The handler has interrupted self outside the runtime: enters it. What the kernel
   blocked for the handler comes again, and is held back. */
static void gs_signal_arrive(struct gs_thread *self)
{
	self->inrt = 1; /* already, if the thread has invited itself */
	gs_barrier();
	if (!gs_sigworker_holds(self->worker))
		gs_sigworker_apply(self->worker);
	/* relaxed: as in gs_enter. In a region there is no processor to lose. */
	if (!self->in_region &&
	    (atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_RETAKE))
		gs_sched_rejoin(self);
}

/* Delivers to self whatever there is, above the frame uc. Inside the runtime. A region is
   left first: the program's handler may do anything. */
static void gs_signal_deliver(struct gs_thread *self, ucontext_t *uc)
{
	struct gs_signal_state *s;
	bool region = self->in_region, same;

	/* relaxed: our own word. Cleared before the look: what comes after sets it again. */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
	if (!(atomic_load_explicit(&self->sigpending, memory_order_relaxed) &
	      ~gs_signal_mask_of(self)))
		return;
	if (region)
		gs_region_leave(self);
	if (gs_signal_run_all(self, uc))
		gs_sigframe_break(uc);
	if (!region)
		return;
	s = self->sig;
	same = s && gs_signal_same_call(self, s);
	gs_region_enter(self);
	if (same)
		gs_signal_note(self, s, s->broke);
}

/* Gives a signal that came to w to whom it is for. Inside the runtime. */
static void gs_signal_take(struct gs_worker *w, struct gs_thread *self, struct gs_thread *to,
			   siginfo_t *info)
{
	uint64_t bit = GS_SIG(info->si_signo);

	gs_lock(&gs_sigact_lock);
	if (!gs_sigpost(to, info, self)) {
		gs_sigworker_close(w, bit);
		/* It stays with the kernel, for a signalfd; this worker has it blocked. */
		if (atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed) & bit)
			gs_sys3(__NR_rt_sigqueueinfo, gs_sys_getpid(), info->si_signo, info);
	}
	gs_unlock(&gs_sigact_lock);
}

/* The same, having interrupted the program: it may be in the allocator, which starting
   a kernel thread would call. A worker that sleeps, or the monitor, sees to it. */
static void gs_signal_take_in_handler(struct gs_thread *self, struct gs_thread *to, siginfo_t *info)
{
	struct gs_worker *w = self->worker;

	if (w->g0.sig)
		gs_sigworker(w)->in_handler = true;
	gs_signal_take(w, self, to, info);
	if (w->g0.sig)
		gs_sigworker(w)->in_handler = false;
}

static bool gs_signal_may_spawn(struct gs_proc *p, bool spinning)
{
	struct gs_worker *w = gs_worker_current();

	if (w && w->g0.sig && gs_sigworker(w)->in_handler)
		return false;
	return gs_signal_spawn(p, spinning);
}

/* Gives away what w holds back. Inside the runtime. */
static void gs_signal_empty(struct gs_worker *w, struct gs_thread *self)
{
	struct gs_thread *to;
	siginfo_t info;

	while (gs_sigworker_release(w, &to, &info)) {
		gs_signal_take(w, self, to, &info);
		gs_sigworker_apply(w); /* the next may come */
	}
}

/* Delivers, leaves the runtime and makes the frame fit to return through. The thread
   must not be moved to another worker between the last two: so all is blocked first.
   Nor is the processor yielded: the interrupted code may be libc's (preempt.c). */
static void gs_signal_depart(struct gs_thread *self, ucontext_t *uc)
{
	const uint64_t all = ~GS_SIGS_FAULT;

	for (;;) {
		gs_signal_deliver(self, uc);
		gs_signal_empty(self->worker, self);
		gs_barrier();
		self->inrt = 0;
		gs_barrier();
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, NULL, GS_SIG_BYTES);
		/* relaxed: set by this kernel thread, or by a sender whose kick is pending */
		if (!(atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_SIGNAL) &&
		    !gs_sigworker_holds(self->worker))
			break;
		gs_signal_arrive(self);
	}
	gs_sigworker_frame(self->worker, uc);
}

/* ---- the kernel's handler ---- */

/* A fault of an instruction. Nothing can be put off. */
static void gs_signal_fault_here(int sig, siginfo_t *info, void *context)
{
	struct gs_thread *self = gs_self;
	struct gs_sigact act = gs_sigact_get(sig);
	ucontext_t *uc = context;
	bool region = self->in_region;

	gs_signal_arrive(self);
	if (act.flags & SA_RESETHAND) {
		gs_lock(&gs_sigact_lock);
		gs_sigact_reset(sig);
		gs_unlock(&gs_sigact_lock);
	}
	if (region)
		gs_region_leave(self);
	gs_signal_run(self, sig, &act, info, uc);
	if (region)
		gs_region_enter(self);
	gs_signal_depart(self, uc);
}

static void gs_signal_explain(const struct gs_thread *self, int sig, const siginfo_t *info)
{
	if (sig != SIGSEGV || !self || self->kind != GS_KIND_GREEN || !self->stack.base ||
	    !gs_stack_in_guard(&self->stack, info->si_addr))
		return;
	gs_log_line("thread %d%s%s has overflowed its stack of %zu KiB; GOSHIM_STACK_SIZE sets the "
		    "size of stacks the program leaves to the default",
		    self->tid, self->name[0] ? " " : "", self->name, self->stack.size / 1024);
}

static void gs_signal_fault(struct gs_thread *self, int sig, siginfo_t *info, ucontext_t *uc)
{
	struct gs_sigact act = gs_sigact_get(sig);
	bool program = self && self->kind == GS_KIND_GREEN && self->inrt == 0 &&
		       self->worker->g0.sig;
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), top;
	const stack_t *alt;

	if (act.handler <= (uintptr_t)SIG_IGN ||
	    (program && (gs_signal_mask_of(self) & GS_SIG(sig)))) {
		gs_signal_explain(self, sig, info);
		gs_sigact_surrender(sig);
		/* The others repeat the instruction, and this time it ends the process. */
		if (sig == SIGTRAP || sig == SIGSYS)
			gs_sys4(__NR_rt_tgsigqueueinfo, gs_sys_getpid(), gs_sys_gettid(), sig, info);
		return;
	}
	if (!program) { /* probably a program that wants to say how it died */
		((gs_sigframe_fn *)act.handler)(sig, info, uc);
		return;
	}
	alt = &gs_sigworker(self->worker)->alt;
	if (sp - (uintptr_t)alt->ss_sp > alt->ss_size) {
		gs_signal_fault_here(sig, info, uc);
		return;
	}
	/* The worker's stack is wanted for the next fault: on to where the frame belongs. */
	top = gs_sigstack_top(self->sig, gs_sigframe_below(uc), act.flags);
	gs_sigframe_move(top ? top : gs_sigframe_below(uc), gs_signal_fault_here, sig, info, uc);
}

/* A kernel thread of libc's own, or of the program's from before. */
static void gs_signal_foreign(int sig, siginfo_t *info, ucontext_t *uc)
{
	struct gs_sigact act = gs_sigact_get(sig);
	uint64_t mask;

	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	if (info->si_code != SI_TKILL) {
		mask |= GS_SIG(sig);
		memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
		gs_sys3(__NR_rt_sigqueueinfo, gs_sys_getpid(), sig, info);
	} else if (act.handler > (uintptr_t)SIG_IGN) {
		mask |= act.mask | GS_SIG(sig);
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, GS_SIG_BYTES);
		((gs_sigframe_fn *)act.handler)(sig, info, uc);
	} else if (act.handler == (uintptr_t)SIG_DFL) {
		gs_sigact_default(sig);
	}
}

/* Whose timer has sent it, when w is some thread's own: timers that send to a thread
   (SIGEV_THREAD_ID) send to its kernel thread. A timer of the process may end here too. */
static struct gs_thread *gs_signal_owner(const struct gs_worker *w, const siginfo_t *info)
{
	return info->si_code == SI_TIMER && w->wired && w->wired != &w->g0 && !w->retired
		       ? w->wired
		       : NULL;
}

/* Is it for the thread that runs, not for the process? */
static bool gs_signal_is_directed(int sig, const siginfo_t *info)
{
	return info->si_code == SI_TKILL ||
	       (info->si_code == SI_TIMER && gs_self->wired) ||
	       ((GS_SIGS_LOCAL & GS_SIG(sig)) && info->si_pid == gs_sys_getpid());
}

/* The runtime was interrupted. */
static void gs_signal_defer(struct gs_worker *w, struct gs_thread *self, int sig, siginfo_t *info,
			    ucontext_t *uc)
{
	bool green = self->kind == GS_KIND_GREEN;

	if (sig == GS_SIG_KICK) {
		gs_sigworker_look(w);
	} else if (green && self->in_region && gs_sys_getpid() != gs_signal_pid) {
		/* A vfork child, on its parent's memory. */
		uintptr_t handler = gs_sigact_get(sig).handler;

		if (handler > (uintptr_t)SIG_IGN)
			((gs_sigframe_fn *)handler)(sig, info, uc);
	} else if (GS_SIGS_LOCAL & GS_SIG(sig)) {
		/* No worker blocks these: what is held stays one. relaxed: our own words */
		if (green) {
			atomic_fetch_or_explicit(&self->sigpending, GS_SIG(sig), memory_order_relaxed);
			atomic_fetch_or_explicit(&self->attention, GS_ATT_SIGNAL, memory_order_relaxed);
		}
	} else {
		gs_sigworker_hold(w, green && gs_signal_is_directed(sig, info)
					     ? self
					     : gs_signal_owner(w, info),
				  info);
		if (green)
			atomic_fetch_or_explicit(&self->attention, GS_ATT_PREEMPT, memory_order_relaxed);
	}
}

static void gs_signal_entry(int sig, siginfo_t *info, void *context)
{
	struct gs_thread *self = gs_self;
	struct gs_worker *w = self ? self->worker : NULL;
	ucontext_t *uc = context;
	bool invited;

	if ((GS_SIGS_FAULT & GS_SIG(sig)) && info->si_code > 0) {
		gs_signal_fault(self, sig, info, uc);
		return;
	}
	if (!w || !w->g0.sig) {
		if (sig != GS_SIG_KICK)
			gs_signal_foreign(sig, info, uc);
		return;
	}
	invited = sig == GS_SIG_KICK && self->inrt == 1 && self->sig && self->sig->invited;
	if (self->inrt > 0 && !invited) {
		gs_signal_defer(w, self, sig, info, uc);
		gs_sigworker_frame(w, uc);
		return;
	}
	if (self->kind == GS_KIND_WORKER) { /* asleep */
		self->inrt = 1;
		gs_barrier();
		if (sig == GS_SIG_KICK)
			gs_sigworker_look(w);
		else
			gs_signal_take(w, NULL, gs_signal_owner(w, info), info);
		gs_barrier();
		self->inrt = 0;
		gs_sigworker_frame(w, uc);
		return;
	}
	gs_sigplace_move(self, gs_sigact_get(sig).flags & SA_ONSTACK, gs_signal_entry, sig, info, uc);
	if (invited)
		self->sig->invited = false;
	gs_signal_arrive(self);
	gs_signal_empty(self->worker, self);
	if (sig == GS_SIG_KICK)
		gs_sigworker_look(self->worker);
	else
		gs_signal_take_in_handler(self, gs_signal_is_directed(sig, info) ? self : NULL, info);
	gs_signal_depart(self, uc);
}

/* ---- the thread's own side ---- */

void gs_signal_attend(struct gs_thread *self, uint32_t what)
{
	int *err = gs_host.errno_location(), saved = *err;
	struct gs_signal_state *s;
	struct gs_worker *w;

	if (self->kind == GS_KIND_WORKER) {
		self->inrt++;
		gs_barrier();
		gs_signal_empty(self->worker, NULL);
		gs_barrier();
		self->inrt--;
		return;
	}
	if (!(what & GS_ATT_SIGNAL) && !self->in_region)
		return; /* a cancellation: that is for cancellation points */
	self->inrt++;
	gs_barrier();
	w = self->worker;
	/* relaxed: our own word. Cleared before the look: what comes after sets it again. */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
	gs_lock(&gs_sigact_lock);
	s = (atomic_load_explicit(&self->sigpending, memory_order_relaxed) & ~gs_signal_mask_of(self)) ||
			    (self->in_region && gs_sigworker_holds(w))
		    ? gs_sigqueue_state(self)
		    : NULL;
	gs_unlock(&gs_sigact_lock);
	if (s && w->g0.sig) {
		s->invited = true;
		gs_sys3(__NR_tgkill, gs_sys_getpid(), w->ktid, GS_SIG_KICK);
		gs_barrier();
		/* Through the handler, which left the runtime; unless it was blocked. */
		if (!s->invited)
			self->inrt++;
		s->invited = false;
	}
	gs_barrier();
	self->inrt--;
	*err = saved;
}

bool gs_signal_ran(struct gs_thread *self)
{
	struct gs_signal_state *s = self->sig;

	return s && gs_signal_same_call(self, s);
}

bool gs_signal_restarts(struct gs_thread *self)
{
	struct gs_signal_state *s = self->sig;
	bool broke = s && gs_signal_same_call(self, s) && s->broke;

	if (s)
		s->ran = s->broke = false;
	return !broke;
}

int gs_signal_swap_mask(struct gs_thread *self, uint64_t set, uint64_t *old)
{
	*old = gs_signal_mask_of(self);
	gs_sigpost_mask(self, set);
	return 0;
}

/* ---- sending ---- */

uint64_t gs_signal_lock(void)
{
	const uint64_t all = ~GS_SIGS_FAULT;
	struct gs_thread *self = gs_self;
	uint64_t saved = 0;

	if (self)
		gs_enter(self);
	else /* a handler on this kernel thread must not find the lock held */
		gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, &saved, GS_SIG_BYTES);
	gs_lock(&gs_sigact_lock);
	return saved;
}

void gs_signal_unlock(uint64_t saved)
{
	struct gs_thread *self = gs_self;

	gs_unlock(&gs_sigact_lock);
	if (self)
		gs_leave(self);
	else
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &saved, NULL, GS_SIG_BYTES);
}

void gs_signal_info(siginfo_t *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = gs_sys_getpid();
	info->si_uid = (uid_t)gs_sys0(__NR_getuid);
}

int gs_signal_send(struct gs_thread *to, const siginfo_t *info)
{
	uint64_t bit = GS_SIG(info->si_signo), saved;
	bool full;

	/* For the process: only what comes to our handler is our business. relaxed, both:
	   a change that races with the sender may come before or after */
	if (!to && (!(atomic_load_explicit(&gs_sigact_caught, memory_order_relaxed) & bit) ||
		    (atomic_load_explicit(&gs_sigmask_fds, memory_order_relaxed) & bit)))
		return 1;
	saved = gs_signal_lock();
	full = (bit & GS_SIGS_REALTIME) && info->si_code < 0 && gs_sigqueue_full();
	if (!full)
		gs_sigpost(to, info, gs_self);
	gs_signal_unlock(saved);
	return full ? -EAGAIN : 0;
}

/* ---- life ---- */

static void gs_signal_main_altstack(struct gs_thread *main)
{
	stack_t alt;

	if (gs_sys2(__NR_sigaltstack, NULL, &alt) == 0 && !(alt.ss_flags & SS_DISABLE)) {
		gs_lock(&gs_sigact_lock);
		gs_sigstack_set(main, 0, &alt, NULL);
		gs_unlock(&gs_sigact_lock);
	}
}

/* What main was sent itself, and blocks, is pending in the kernel for the first worker's
   kernel thread. It becomes main's; what was sent to the process stays there. */
static void gs_signal_main_pending(struct gs_thread *main)
{
	const struct timespec now = { 0 };
	uint64_t set = 0;
	siginfo_t infos[GS_SIGNAL_INHERITED];
	unsigned n = 0, kept = 0;

	gs_sys2(__NR_rt_sigpending, &set, GS_SIG_BYTES);
	while (set && n < GS_SIGNAL_INHERITED &&
	       gs_sys4(__NR_rt_sigtimedwait, &set, &infos[kept], &now, GS_SIG_BYTES) > 0) {
		n++;
		if (infos[kept].si_code != SI_TKILL) {
			kept++;
			continue;
		}
		gs_lock(&gs_sigact_lock);
		gs_sigqueue_add(main, &infos[kept], false);
		gs_unlock(&gs_sigact_lock);
	}
	for (unsigned i = 0; i < kept; i++)
		gs_sys3(__NR_rt_sigqueueinfo, gs_sys_getpid(), infos[i].si_signo, &infos[i]);
}

void gs_signal_init(struct gs_thread *main)
{
	uint64_t mask = 0;

	gs_signal_pid = gs_sys_getpid();
	gs_sigqueue_init();
	gs_sigpost_init(main);
	gs_signal_main_altstack(main);
	gs_signal_main_pending(main);
	gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &mask, GS_SIG_BYTES);
	atomic_store_explicit(&main->sigmask, mask & GS_SIGS_BLOCKABLE, memory_order_relaxed);
	gs_sigmask_begin(main);
	gs_sigworker_start(main->worker, true);
	gs_sigact_init(gs_signal_entry);
	gs_signal_spawn = gs_idle_spawn;
	gs_idle_spawn = gs_signal_may_spawn;
}

void gs_signal_worker_started(struct gs_worker *w)
{
	gs_sigworker_start(w, false);
}

void gs_signal_thread_born(struct gs_thread *self, struct gs_thread *t)
{
	gs_sigpost_born(self, t);
}

void gs_signal_thread_died(struct gs_thread *self)
{
	gs_sigpost_died(self);
}

uint64_t gs_signal_native_begin(struct gs_thread *self)
{
	gs_sigact_native(true);
	return gs_sigworker_native_begin(self);
}

void gs_signal_native_end(struct gs_thread *self, uint64_t saved)
{
	gs_sigworker_native_end(self, saved);
	gs_sigact_native(false);
}

void gs_signal_after_fork(struct gs_thread *self)
{
	gs_signal_pid = gs_sys_getpid();
	gs_sigact_lock = (struct gs_lock)GS_LOCK_INIT;
	gs_sigqueue_after_fork(self);
	gs_sigpost_init(self);
	/* relaxed: one thread */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
	gs_sigmask_begin(self);
	gs_sigworker_start(self->worker, true);
}
