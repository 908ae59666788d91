/* SPDX-License-Identifier: MIT */
/*
 * signal.c - the signal handler that the kernel calls.
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
 *  - a kernel thread that is not ours: it is passed to the first worker, and that thread
 *    blocks it from now on.
 *
 * A green thread that is woken for a signal, or finds one when it leaves the runtime,
 * sends itself a kick, so that its handlers too run above a frame of the kernel's,
 * with a true ucontext, wherever the signal met the thread. There is one way to deliver.
 *
 * What the program's handlers see is in signal_run.c; the rest is bookkeeping of masks:
 * while our handler looks round, all is blocked; while the runtime or the program runs
 * above its frame, the worker's mask is in force; nothing is let in while a signal is
 * held, not even for the moment between two returns.
 *
 * Invariants: a worker holds one signal at most. A frame is returned through on the
 * worker whose mask it has.
 * Locks: gs_sigact_lock. Called from: the kernel; floor 2 (attend), through gs_sched_ops;
 * signal_life.c.
 */
#include "signal.h"

#include "host.h"
#include "idle.h"
#include "log.h"
#include "preempt.h"
#include "sched.h"
#include "sigact.h"
#include "sigaim.h"
#include "sigframe.h"
#include "sigmask.h"
#include "signal_run.h"
#include "sigpost.h"
#include "sigplace.h"
#include "sigstack.h"
#include "sigworker.h"
#include "stack.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

enum { GS_SIGNAL_SECCOMP = 1 }; /* SYS_SECCOMP, the si_code of SIGSYS */

static const uint64_t gs_signal_all = ~GS_SIGS_FAULT;

static int gs_signal_pid;
static gs_sigframe_fn *gs_signal_preemptor;
static bool (*gs_signal_spawn)(struct gs_proc *p, bool spinning);

static uint64_t gs_signal_mask_of(const struct gs_thread *t)
{
	return atomic_load_explicit(&t->sigmask, memory_order_relaxed);
}

/* ---- between the kernel and the program ---- */

/* Gives a signal that came to w to whom it is for. Inside the runtime. self: the program's
   thread that was interrupted, maybe in the allocator, which starting a kernel thread
   would call: then a worker that sleeps, or the monitor, has to see to the woken one. */
static void gs_signal_take(struct gs_worker *w, struct gs_thread *self, struct gs_thread *to,
			   siginfo_t *info)
{
	uint64_t bit = GS_SIG(info->si_signo);

	gs_sigworker(w)->in_malloc = self != NULL;
	gs_lock(&gs_sigact_lock);
	/* Given back to the kernel it must not come here again. */
	if (!gs_sigpost(to, info, self))
		gs_sigworker_close(w, bit);
	gs_unlock(&gs_sigact_lock);
	gs_sigworker(w)->in_malloc = false;
}

static bool gs_signal_may_spawn(struct gs_proc *p, bool spinning)
{
	struct gs_worker *w = gs_worker_current();

	if (w && w->g0.sig && gs_sigworker(w)->in_malloc)
		return false;
	return gs_signal_spawn(p, spinning);
}

static void gs_signal_block_all(void)
{
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &gs_signal_all, NULL, GS_SIG_BYTES);
}

/* Gives away what w holds back, and lets signals come again; and what was passed to it.
   Inside the runtime. */
static void gs_signal_empty(struct gs_worker *w, struct gs_thread *self)
{
	if (gs_sigworker_summoned(w))
		gs_sigpost_passed(self);
	while (gs_sigworker_holds(w)) {
		siginfo_t info = gs_sigworker(w)->held;

		gs_signal_take(w, self, gs_sigworker(w)->held_to, &info);
		/* A kick that came between the next two would let signals in by its return. */
		gs_signal_block_all();
		gs_sigworker_release(w);
		gs_sigworker_apply(w); /* the next may come, and is held */
	}
}

/* The handler has interrupted self outside the runtime: enters it. All is blocked; the
   worker may hold the signal that came. Others come after it only: they keep in order. */
static void gs_signal_arrive(struct gs_thread *self)
{
	self->inrt = 1; /* already, if the thread has invited itself */
	gs_barrier();
	/* relaxed: as in gs_enter. In a region there is no processor to lose. */
	if (!self->in_region &&
	    (atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_RETAKE)) {
		if (!gs_sigworker_holds(self->worker))
			gs_sigworker_apply(self->worker);
		gs_sched_rejoin(self);
		gs_signal_block_all(); /* whichever worker this is now */
	}
	if (gs_sigworker_holds(self->worker))
		gs_signal_empty(self->worker, self);
	else
		gs_sigworker_apply(self->worker);
}

/* Delivers, leaves the runtime and makes the frame fit to return through. The thread
   must not be moved to another worker between the last two: so all is blocked first.
   It was interrupted on w, with extra blocked.
   Nor is the processor yielded: the interrupted code may be libc's (preempt.c). */
static void gs_signal_depart(struct gs_thread *self, ucontext_t *uc, struct gs_worker *w,
			     uint64_t extra)
{
	for (;;) {
		gs_signal_deliver(self, uc);
		gs_signal_empty(self->worker, self);
		gs_barrier();
		self->inrt = 0;
		gs_barrier();
		gs_signal_block_all();
		/* relaxed: set by this kernel thread, or by a sender whose kick is pending */
		if (!(atomic_load_explicit(&self->attention, memory_order_relaxed) &
		      GS_ATT_SIGNAL) &&
		    !gs_sigworker_holds(self->worker))
			break;
		gs_signal_arrive(self);
	}
	/* A canceller's signal that came meanwhile found us inside the runtime. What we return to
	   may be a call that never ends, so it comes again when this frame has gone. relaxed:
	   as above */
	if (GS_UNLIKELY(atomic_load_explicit(&self->attention, memory_order_relaxed) &
			GS_ATT_CANCEL) &&
	    gs_sched_ops.cancellable(self))
		gs_sys3(__NR_tgkill, gs_sys_getpid(), self->worker->ktid, GS_PREEMPT_SIGNAL);
	gs_sigworker_frame(self->worker, uc, self->worker == w ? extra : 0);
}

/* ---- the kernel's handler ---- */

/* A fault of an instruction. Nothing can be put off. */
static void gs_signal_fault_here(int sig, siginfo_t *info, void *context)
{
	struct gs_thread *self = gs_self;
	struct gs_sigact act = gs_sigact_get(sig);
	struct gs_worker *w = self->worker;
	ucontext_t *uc = context;
	uint64_t extra = gs_sigworker_extra(w, uc);
	struct gs_signal_inside was;

	gs_signal_arrive(self);
	if (act.flags & SA_RESETHAND) {
		gs_lock(&gs_sigact_lock);
		gs_sigact_reset(sig);
		gs_unlock(&gs_sigact_lock);
	}
	gs_signal_step_out(self, &was);
	gs_signal_run(self, sig, &act, info, uc);
	gs_signal_step_in(self, &was);
	gs_signal_depart(self, uc, w, extra);
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

/* A call of the runtime's own that a filter of the program's traps, which has a handler: no
   business of that. It is as if the kernel did not know the call. A vfork child's calls are
   the program's. */
static bool gs_signal_trapped(const struct gs_thread *self, const siginfo_t *info)
{
	return info->si_signo == SIGSYS && info->si_code == GS_SIGNAL_SECCOMP && self &&
	       self->inrt > 0 &&
	       gs_sigact_get(SIGSYS).handler > (uintptr_t)SIG_IGN &&
	       gs_sys_getpid() == gs_signal_pid;
}

static void gs_signal_fault(struct gs_thread *self, int sig, siginfo_t *info, ucontext_t *uc)
{
	struct gs_sigact act = gs_sigact_get(sig);
	bool program = self && self->kind == GS_KIND_GREEN && self->inrt == 0 &&
		       self->worker->g0.sig;
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), top;
	const stack_t *alt;

	if (gs_signal_trapped(self, info)) {
		gs_arch_context_result(uc) = -ENOSYS;
		return;
	}
	if (act.handler <= (uintptr_t)SIG_IGN ||
	    (program && (gs_signal_mask_of(self) & GS_SIG(sig)))) {
		gs_signal_explain(self, sig, info);
		gs_sigact_surrender(sig);
		/* The others repeat the instruction, and this time it ends the process. */
		if (sig == SIGTRAP || sig == SIGSYS)
			gs_sys4(__NR_rt_tgsigqueueinfo, gs_sys_getpid(), gs_sys_gettid(), sig,
				info);
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
		gs_lock(&gs_sigact_lock); /* such a thread holds it with all blocked */
		gs_sigpost_pass(info);
		gs_unlock(&gs_sigact_lock);
	} else if (act.handler > (uintptr_t)SIG_IGN) {
		mask |= act.mask | GS_SIG(sig);
		gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, GS_SIG_BYTES);
		((gs_sigframe_fn *)act.handler)(sig, info, uc);
	} else if (act.handler == (uintptr_t)SIG_DFL) {
		gs_sigact_default(sig);
	}
}

/* Whose is a signal that interrupted self: its own, the thread's that w is the home of, or
   the process's (NULL)? */
static struct gs_thread *gs_signal_whose(const struct gs_worker *w, struct gs_thread *self, int sig,
					 const siginfo_t *info)
{
	if (self->kind == GS_KIND_GREEN &&
	    (info->si_code == SI_TKILL ||
	     ((GS_SIGS_LOCAL & GS_SIG(sig)) && info->si_pid == gs_sys_getpid())))
		return self;
	return gs_sigaim_whose(w, info);
}

/* The runtime was interrupted. */
static void gs_signal_defer(struct gs_worker *w, struct gs_thread *self, int sig, siginfo_t *info,
			    ucontext_t *uc)
{
	bool green = self->kind == GS_KIND_GREEN;

	if (sig == GS_SIG_KICK) {
		gs_sigworker_look(w);
		/* relaxed: whoever passed something kicked us after that */
		if (green && (atomic_load_explicit(&w->g0.attention, memory_order_relaxed) &
			      GS_ATT_PASSED))
			atomic_fetch_or_explicit(&self->attention, GS_ATT_PREEMPT,
						 memory_order_relaxed);
	} else if (green && gs_sigworker(w)->native && gs_sys_getpid() != gs_signal_pid) {
		/* A vfork child, on its parent's memory. */
		uintptr_t handler = gs_sigact_get(sig).handler;

		if (handler > (uintptr_t)SIG_IGN)
			((gs_sigframe_fn *)handler)(sig, info, uc);
	} else if (GS_SIGS_LOCAL & GS_SIG(sig)) {
		/* No worker blocks these: one may be held already. */
		if (green)
			gs_sigpost_local(self, sig);
	} else {
		gs_sigworker_hold(w, gs_signal_whose(w, self, sig, info), info);
		if (green)
			atomic_fetch_or_explicit(&self->attention, GS_ATT_PREEMPT,
						 memory_order_relaxed);
	}
}

static void gs_signal_entry(int sig, siginfo_t *info, void *context);

/* preempt.c's signal. Its handler switches away, so nothing else may stay blocked meanwhile;
   its own it lets in by itself. After it nothing may come: what was held at that moment
   would be let go by the return from this frame. */
static void gs_signal_preempt(struct gs_thread *self, siginfo_t *info, ucontext_t *uc)
{
	struct gs_worker *w = self->worker;
	uint64_t extra = gs_sigworker_extra(w, uc), preemptible;

	if (self->kind != GS_KIND_GREEN || self->inrt > 0 || gs_sigworker_holds(w))
		return;
	/* relaxed: whoever set it has sent this signal after that */
	if (!(atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_CANCEL) &&
	    !gs_sigplace_has_room(self, uc))
		return;
	gs_sigplace_move(self, false, gs_signal_entry, GS_PREEMPT_SIGNAL, info, uc);
	preemptible = w->kmask | GS_SIG(GS_PREEMPT_SIGNAL);
	gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &preemptible, NULL, GS_SIG_BYTES);
	gs_signal_preemptor(GS_PREEMPT_SIGNAL, info, uc);
	gs_signal_block_all();
	gs_sigworker_frame(self->worker, uc, self->worker == w ? extra : 0);
}

/* w's own context sleeps: nothing is locked here. */
static void gs_signal_asleep(struct gs_worker *w, int sig, siginfo_t *info)
{
	w->g0.inrt = 1;
	gs_barrier();
	if (sig == GS_SIG_KICK)
		gs_sigworker_look(w);
	if (sig == GS_SIG_KICK && gs_sigworker_summoned(w))
		gs_sigpost_passed(NULL);
	if (sig != GS_SIG_KICK)
		gs_signal_take(w, NULL, gs_sigaim_whose(w, info), info);
	gs_barrier();
	w->g0.inrt = 0;
}

static void gs_signal_entry(int sig, siginfo_t *info, void *context)
{
	struct gs_thread *self = gs_self;
	struct gs_worker *w = self ? self->worker : NULL;
	ucontext_t *uc = context;
	uint64_t extra;
	bool invited;

	if ((GS_SIGS_FAULT & GS_SIG(sig)) && info->si_code > 0) {
		gs_signal_fault(self, sig, info, uc);
		return;
	}
	if (!w || !w->g0.sig) {
		if (sig == GS_PREEMPT_SIGNAL && !self) { /* it is cancelled: may not come back */
			memcpy(&extra, &uc->uc_sigmask, sizeof(extra));
			gs_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &extra, NULL, GS_SIG_BYTES);
			gs_signal_preemptor(sig, info, uc);
		} else if (!(GS_SIGS_LIBC & GS_SIG(sig))) {
			gs_signal_foreign(sig, info, uc);
		}
		return;
	}
	if (sig == GS_PREEMPT_SIGNAL) {
		gs_preempt_arrived(w);
		gs_signal_preempt(self, info, uc);
		return;
	}
	extra = gs_sigworker_extra(w, uc);
	if (gs_sigworker_too_late(w, info)) {
		gs_sigworker_frame(w, uc, extra);
		return;
	}
	invited = sig == GS_SIG_KICK && self->inrt == 1 && self->sig && self->sig->invited;
	/* A thread about to run out of its stack runs out by itself: it would not have had to
	   find room for what only we send. */
	if (!invited && (self->inrt > 0 ||
			 (sig == GS_SIG_KICK && self->kind == GS_KIND_GREEN &&
			  !gs_sigplace_has_room(self, uc)))) {
		gs_signal_defer(w, self, sig, info, uc);
		gs_sigworker_frame(w, uc, extra);
		return;
	}
	if (self->kind == GS_KIND_WORKER) {
		gs_signal_asleep(w, sig, info);
		gs_sigworker_frame(w, uc, extra);
		return;
	}
	gs_sigplace_move(self, gs_sigact_get(sig).flags & SA_ONSTACK, gs_signal_entry, sig, info, uc);
	if (invited)
		self->sig->invited = false;
	if (sig == GS_SIG_KICK)
		gs_sigworker_look(w);
	else if (!gs_sigworker_holds(w))
		gs_sigworker_hold(w, gs_signal_whose(w, self, sig, info), info);
	else /* one that no worker blocks: no order to keep */
		gs_sigpost_local(self, sig);
	gs_signal_arrive(self);
	gs_signal_depart(self, uc, w, extra);
}

/* ---- the thread's own side ---- */

/* Is there anything for self to handle, or held by its worker, or passed to that? */
static bool gs_signal_due(struct gs_thread *self)
{
	/* relaxed: our own word. Cleared before the look: what comes after sets it again. */
	atomic_fetch_and_explicit(&self->attention, ~(uint32_t)GS_ATT_SIGNAL, memory_order_relaxed);
	return (atomic_load_explicit(&self->sigpending, memory_order_relaxed) &
		~gs_signal_mask_of(self)) ||
	       gs_sigworker_burdened(self->worker);
}

/* Has the kernel interrupt self here and now. Inside the runtime; returns outside it. */
static void gs_signal_invite(struct gs_thread *self)
{
	struct gs_signal_state *s;

	gs_lock(&gs_sigact_lock);
	s = gs_sigqueue_state(self);
	gs_unlock(&gs_sigact_lock);
	if (s && self->worker->g0.sig) {
		s->invited = true;
		gs_sys3(__NR_tgkill, gs_sys_getpid(), self->worker->ktid, GS_SIG_KICK);
		gs_barrier();
		if (!s->invited)
			return; /* the handler has left the runtime */
		s->invited = false;
	}
	self->inrt = 0;
}

void gs_signal_attend(struct gs_thread *self, uint32_t what)
{
	int *err = gs_host.errno_location(), saved = *err;

	if (self->kind == GS_KIND_WORKER) {
		do { /* one that came before inrt was down again is held */
			self->inrt++;
			gs_barrier();
			gs_signal_empty(self->worker, NULL);
			gs_barrier();
			self->inrt--;
			gs_barrier();
		} while (self->inrt == 0 && gs_sigworker_holds(self->worker));
		return;
	}
	do {
		self->inrt = 1;
		gs_barrier();
		if (gs_signal_due(self)) {
			gs_signal_invite(self);
		} else {
			gs_barrier();
			self->inrt = 0;
		}
		gs_barrier();
		/* relaxed: a signal that came while we were in here */
	} while ((atomic_load_explicit(&self->attention, memory_order_relaxed) & GS_ATT_SIGNAL) ||
		 gs_sigworker_burdened(self->worker));
	*err = saved;
}

/* ---- start ---- */

void gs_signal_listen(void)
{
	gs_signal_pid = gs_sys_getpid();
	gs_signal_preemptor = gs_sigact_init(gs_signal_entry);
	gs_signal_spawn = gs_idle_spawn;
	gs_idle_spawn = gs_signal_may_spawn;
}

void gs_signal_forked(void)
{
	gs_signal_pid = gs_sys_getpid();
}
