/* SPDX-License-Identifier: MIT */
/*
 * preempt.c - green threads that do not come back to the runtime by themselves.
 *
 * The monitor sees that a processor's tick has not moved. The kernel says what
 * its worker does (/proc/self/task/TID/syscall: "running", or the number of the
 * call it sleeps in):
 *  - asleep in a call that no hook bracketed: the processor is retaken and given
 *    to another worker (gs_wire_retake), and the call is counted by number;
 *  - computing, while others wait: GS_ATT_PREEMPT is set, so that it yields when it
 *    next comes to a hook, and after a time slice the worker gets a signal. The
 *    handler switches away on the green thread's own stack, above the frame in which
 *    the kernel saved the whole register state, and returns through it when the thread
 *    runs again, on whichever worker. It does nothing while the thread is inside the
 *    runtime (gs_leave sees the bit), nor while the interrupted instruction is libc's
 *    or the dynamic linker's, which may hold locks of their own; if it is found there
 *    time and again, the processor is retaken without stopping the thread. Its stack
 *    pointer may point to something that is no stack: see sigplace.c.
 *
 * The kernel blocks the signal while the handler runs, or frames of handlers that
 * had no chance to run would pile up on a small stack of a machine with more to do
 * than processors. Before it switches away or unwinds, the handler unblocks it: what
 * comes then finds the thread inside the runtime, or is a new time slice's.
 *
 * The monitor waits for events itself while every processor computes. Whoever comes then
 * has waited already for longer than the kernel would have let it: the processor is
 * retaken at once, and the kernel shares the CPUs between the computing thread, adrift
 * on its kernel thread until its next hook, and the worker that now has the processor. So
 * programs that compute and answer do both as they would natively. There are at most as
 * many adrift for this reason as there are processors; beyond that the signal has to do.
 *
 * How long a slice is: threads that spin on a word until another has written it (the
 * I/O threads of some servers) get on by whole slices when there are more of them than
 * processors, so it is about the kernel's own for such threads. An interruption costs
 * some microseconds, a few thousandths of it.
 *
 * Locks: none. Called from: the monitor; the kernel (handler); cancel, signal (kick).
 */
#include "preempt.h"

#include "conf.h"
#include "filter.h"
#include "host.h"
#include "idle.h"
#include "kick.h"
#include "log.h"
#include "sched.h"
#include "sys.h"
#include "wire.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>

enum { GS_PREEMPT_SIGSET = 8 };

/* Of sleeping in the kernel unannounced, while others wait, and while nobody does. */
static const uint64_t gs_preempt_grace = 1000000, gs_preempt_idle_grace = 10000000;
/* Of computing, while others wait: until it shall yield at its next hook, until it is
   interrupted, and until it is left running by itself. */
static const uint64_t gs_preempt_hint = 1000000, gs_preempt_slice = 2500000;
static const uint64_t gs_preempt_patience = 40000000;

uint32_t gs_preempt_lasted[GS_PREEMPT_SYSCALLS], gs_preempt_blocked[GS_PREEMPT_SYSCALLS];

static struct {
	uintptr_t lo, hi;
} gs_preempt_text[2]; /* libc's and the dynamic linker's code */

static bool gs_preempt_in_libc(uintptr_t pc)
{
	for (size_t i = 0; i < GS_ARRAY_SIZE(gs_preempt_text); i++)
		if (pc >= gs_preempt_text[i].lo && pc < gs_preempt_text[i].hi)
			return true;
	return false;
}

/* The program's thread ran on; the frame it returns through was made on another
   kernel thread, perhaps: what the kernel restores from it must be this one's. */
static void gs_preempt_fix_frame(struct gs_thread *self, ucontext_t *uc)
{
	__builtin_memcpy(&uc->uc_sigmask, &self->worker->kmask, GS_PREEMPT_SIGSET);
	gs_sys2(__NR_sigaltstack, NULL, &uc->uc_stack);
}

static void gs_preempt_unblock(void)
{
	uint64_t set = 1ULL << (GS_PREEMPT_SIGNAL - 1);

	gs_sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, GS_PREEMPT_SIGSET);
}

static void gs_preempt_handler(int sig, siginfo_t *info, void *context)
{
	struct gs_thread *self = gs_self;
	ucontext_t *uc = context;
	struct gs_worker *w;
	uint32_t what;

	if (!self)
		gs_sched_ops.cancel(NULL); /* a thread of libc's own */
	else if (self->worker)
		gs_preempt_arrived(self->worker);
	if (!self || self->kind != GS_KIND_GREEN || self->inrt > 0)
		return;
	what = atomic_load_explicit(&self->attention, memory_order_relaxed);
	if (self->in_region) {
		if (what & GS_ATT_CANCEL) {
			gs_preempt_unblock();
			gs_sched_ops.cancel(self);
		}
		return;
	}
	if (!(what & (GS_ATT_PREEMPT | GS_ATT_SIGNAL | GS_ATT_CANCEL)))
		return;
	if (!(what & (GS_ATT_SIGNAL | GS_ATT_CANCEL)) && gs_preempt_in_libc(gs_arch_context_pc(uc)))
		return;
	/* Inside the runtime, so that one that waits to come in makes no frame below this one;
	   but before anything that may switch away, or this kernel thread would go on without
	   the signal. */
	gs_enter_hold(self);
	gs_preempt_unblock();
	gs_enter_rejoin(self);
	w = self->worker;
	if ((what & GS_ATT_PREEMPT) && w->p)
		gs_stats_add(&w->p->stats, GS_STAT_PREEMPTS, 1);
	gs_leave(self); /* yields, delivers */
	gs_preempt_fix_frame(self, uc);
}

static int gs_preempt_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t marks[2] = { (uintptr_t)gs_host.errno_location,
				     (uintptr_t)gs_host.tls_allocate };

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t lo = info->dlpi_addr + ph->p_vaddr, hi = lo + ph->p_memsz;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		for (size_t k = 0; k < GS_ARRAY_SIZE(marks); k++)
			if (marks[k] >= lo && marks[k] < hi) {
				gs_preempt_text[k].lo = lo;
				gs_preempt_text[k].hi = hi;
			}
	}
	return 0;
}

int gs_preempt_init(void)
{
	struct gs_arch_sigaction action = {
		.handler = (void *)gs_preempt_handler,
		.flags = SA_SIGINFO | SA_RESTART | GS_ARCH_SA_RESTORER,
		.restorer = gs_arch_sigreturn,
	};

	gs_host.iterate_phdr(gs_preempt_object, NULL);
	gs_preempt_unblock();
	return (int)gs_sys4(__NR_rt_sigaction, GS_PREEMPT_SIGNAL, &action, NULL, GS_PREEMPT_SIGSET);
}

/* Which system call the kernel thread sleeps in: its number, -1 when it runs or
   nothing can be learned. On the monitor. */
static long gs_preempt_sleeping(int ktid)
{
	char buf[64];
	struct gs_text path = { buf, sizeof(buf), 0 };
	long fd, n, nr = 0;

	gs_log_format(&path, "/proc/self/task/%d/syscall", ktid);
	gs_filter_hold();
	fd = gs_sys_try4(__NR_openat, AT_FDCWD, buf, O_RDONLY | O_CLOEXEC, 0);
	gs_filter_release();
	if (fd < 0)
		return -1;
	n = gs_sys3(__NR_read, fd, buf, sizeof(buf) - 1);
	gs_sys1(__NR_close, fd);
	if (n <= 0 || buf[0] < '0' || buf[0] > '9')
		return -1;
	for (long i = 0; i < n && buf[i] >= '0' && buf[i] <= '9'; i++)
		nr = nr * 10 + (buf[i] - '0');
	return nr;
}

long gs_preempt_asleep(const struct gs_worker *w)
{
	return gs_preempt_sleeping(w->ktid);
}

/* Takes p from t, which sleeps in system call nr, or runs on without it (-1). */
static bool gs_preempt_take(struct gs_proc *p, struct gs_worker *w, struct gs_thread *t, long nr)
{
	if (!gs_wire_retake(p, w, t))
		return false;
	if (nr >= 0) {
		gs_preempt_count(gs_preempt_blocked, nr);
		gs_stats_add(&p->stats, GS_STAT_HANDOFFS, 1);
	}
	gs_idle_hand_off(p);
	return true;
}

bool gs_preempt_look(struct gs_proc *p, uint64_t ns, bool waiting)
{
	struct gs_worker *w = atomic_load_explicit(&p->worker, memory_order_relaxed);
	struct gs_thread *t = w ? w->current : NULL;
	long nr;

	if (!t || t->inrt > 0)
		return false;
	if (ns < p->asked)
		p->asked = 0;
	if (ns < (waiting ? gs_preempt_grace : p->asked + gs_preempt_idle_grace))
		return false;
	p->asked = ns;
	nr = gs_preempt_sleeping(w->ktid);
	if (nr >= 0)
		return gs_preempt_take(p, w, t, nr);
	if (!waiting || ns < gs_preempt_hint || !gs_conf.preempt)
		return false;
	if (ns > gs_preempt_patience && gs_preempt_take(p, w, t, -1))
		return true;
	/* relaxed: the signal orders it; or gs_leave sees it when it comes there */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_PREEMPT, memory_order_relaxed);
	if (ns >= gs_preempt_slice &&
	    (ns < p->kicked || ns - p->kicked > gs_preempt_slice / 4)) {
		p->kicked = ns;
		gs_preempt_kick(t);
	}
	return false;
}

void gs_preempt_now(struct gs_proc *p)
{
	/* relaxed: whoever it reaches yields once, or loses its processor */
	struct gs_worker *w = atomic_load_explicit(&p->worker, memory_order_relaxed);
	struct gs_thread *t = w ? w->current : NULL;
	long nr;

	if (!t || t->inrt > 0)
		return;
	nr = gs_preempt_sleeping(w->ktid);
	/* relaxed: a bound */
	if ((nr >= 0 || atomic_load_explicit(&gs_wire_adrift, memory_order_relaxed) < gs_nprocs) &&
	    gs_preempt_take(p, w, t, nr))
		return;
	/* relaxed: as in gs_preempt_look */
	atomic_fetch_or_explicit(&t->attention, GS_ATT_PREEMPT, memory_order_relaxed);
	gs_preempt_kick(t);
}

void gs_preempt_kick(struct gs_thread *t)
{
	struct gs_worker *w = t->worker;

	if (!w || w->current != t || w == gs_worker_current())
		return;
	/* The kernel queues each of these signals. One on its way is enough: the handler
	   looks at attention after it has said that it is there. seq_cst: after the caller's
	   change of attention; pairs with gs_preempt_arrived. */
	if (!atomic_exchange_explicit(&w->kicked, true, memory_order_seq_cst) &&
	    gs_kick(w->ktid, GS_PREEMPT_SIGNAL) < 0)
		gs_preempt_arrived(w);
}

void gs_preempt_arrived(struct gs_worker *w)
{
	/* seq_cst: before the look at attention; see gs_preempt_kick */
	atomic_exchange_explicit(&w->kicked, false, memory_order_seq_cst);
}
