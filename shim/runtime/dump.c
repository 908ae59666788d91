/* SPDX-License-Identifier: MIT */
/*
 * dump.c - prints all green threads, and the scheduler's state in one line.
 *
 * A thread off its stack is unwound from the frame the context switch left there,
 * one that blocks its kernel thread from what the kernel says of that; a running
 * one has no stack that could be shown.
 *
 * Invariants: whatever a thread does meanwhile, the worst is a wrong line: its
 * memory is read by system calls, and a thread that was switched to or from
 * during the look is looked at again.
 * Locks: none. The monitor must not wait for a lock of anyone it looks at.
 * Called from: the monitor; init.c; gs_dump_request from the signal handler here.
 */
#include "dump.h"

#include "arch.h"
#include "conf.h"
#include "mem.h"
#include "monitor.h"
#include "sched.h"
#include "sys.h"
#include "globq.h"
#include "idle.h"
#include "worker.h"

#include <signal.h>

enum {
	GS_DUMP_TEXT = 64 * 1024, /* of one thread; 100 frames with long names fit */
	GS_DUMP_LINE = 8192,      /* schedtrace: a number for each processor */
	GS_DUMP_LOOKS = 3,
	GS_DUMP_SIGSET_BYTES = 8,
};

/* A single write that takes this long: nobody reads, and the rest would as well. */
static const uint64_t gs_dump_patience = GS_NSEC / 2;

struct gs_dump_clock gs_dump_clock;
static _Atomic bool gs_dump_flag;

struct gs_dump {
	struct gs_view view;
	struct gs_view_moment now;
	struct gs_text text;
	long states[GS_STATE_DEAD + 1];
};

static void gs_dump_handler(int sig)
{
	gs_dump_request();
}

static struct gs_view_moment gs_dump_moment(void)
{
	struct gs_view_moment now = { .ns = gs_now() };

	now.cycles = gs_arch_cycles();
	return now;
}

void gs_dump_init(void)
{
	struct gs_arch_sigaction action = {
		.handler = (void *)gs_dump_handler,
		.flags = SA_RESTART | SA_ONSTACK | GS_ARCH_SA_RESTORER,
		.restorer = gs_arch_sigreturn,
	}, old;

	gs_dump_clock.first = gs_dump_clock.last = gs_dump_moment();
	if (gs_conf.dump_signal == 0)
		return;
	gs_sys4(__NR_rt_sigaction, gs_conf.dump_signal, NULL, &old, GS_DUMP_SIGSET_BYTES);
	if (old.handler == (void *)SIG_DFL || old.handler == (void *)SIG_IGN)
		gs_sys4(__NR_rt_sigaction, gs_conf.dump_signal, &action, NULL,
			GS_DUMP_SIGSET_BYTES);
}

/* A context that is not running, from the registers the switch saved. */
static bool gs_dump_saved_frame(const struct gs_dump *d, gs_context ctx, struct gs_unwind_frame *f)
{
	static const struct {
		uint8_t reg, offset;
	} saved[] = {
		{ GS_UNWIND_RBX, GS_ARCH_FRAME_RBX }, { GS_UNWIND_RBP, GS_ARCH_FRAME_RBP },
		{ GS_UNWIND_R12, GS_ARCH_FRAME_R12 }, { GS_UNWIND_R13, GS_ARCH_FRAME_R13 },
		{ GS_UNWIND_R14, GS_ARCH_FRAME_R14 }, { GS_UNWIND_R15, GS_ARCH_FRAME_R15 },
		{ GS_UNWIND_PC, GS_ARCH_FRAME_PC },
	};
	uint64_t frame[GS_ARCH_FRAME_SIZE / sizeof(uint64_t)];

	if (!ctx || gs_peek_read(&d->view.os.peek, (uintptr_t)ctx, frame, sizeof(frame)) != 0)
		return false;
	*f = (struct gs_unwind_frame){ 0 };
	for (size_t i = 0; i < GS_ARRAY_SIZE(saved); i++)
		gs_unwind_set(f, saved[i].reg, frame[saved[i].offset / sizeof(uint64_t)]);
	gs_unwind_set(f, GS_UNWIND_RSP, (uintptr_t)ctx + GS_ARCH_FRAME_SIZE);
	return true;
}

/* A walk by the library's own reader of unwind tables. */
struct gs_dump_walk {
	struct gs_view_walk walk;
	struct gs_objects *os;
	struct gs_unwind_frame f;
};

static void gs_dump_show(struct gs_dump_walk *w)
{
	w->walk.pc = w->f.reg[GS_UNWIND_PC];
	w->walk.call = !w->f.exact;
	w->walk.signal = gs_objects_sigreturn(w->os, w->walk.pc);
}

static int gs_dump_step(struct gs_view_walk *walk)
{
	struct gs_dump_walk *w = GS_CONTAINER_OF(walk, struct gs_dump_walk, walk);
	int more = gs_unwind_step(w->os, &w->f);

	if (more > 0)
		gs_dump_show(w);
	return more;
}

static void gs_dump_stack(struct gs_dump *d, const struct gs_thread *t, unsigned state, int ktid)
{
	struct gs_dump_walk w = { .walk.step = gs_dump_step, .os = &d->view.os };
	bool found = false;

	if (t->since == 0 && t->start) {
		gs_log_format(&d->text, "    not started yet: ");
		gs_view_place(&d->text, &d->view, (uintptr_t)t->start, false);
		gs_log_format(&d->text, "\n");
		return;
	}
	switch (state) {
	case GS_STATE_RUNNABLE:
	case GS_STATE_WAITING:
		found = gs_dump_saved_frame(d, t->ctx, &w.f);
		break;
	case GS_STATE_REGION:
		found = ktid > 0 && gs_view_kernel_frame(&d->view, ktid, &w.f);
		break;
	default:
		break;
	}
	if (found) {
		gs_dump_show(&w);
		gs_view_stack(&d->text, &d->view, &w.walk);
	}
}

static void gs_dump_look(struct gs_dump *d, const struct gs_thread *t)
{
	/* relaxed: a picture for people */
	unsigned state = atomic_load_explicit(&t->state, memory_order_relaxed);
	unsigned reason = t->reason < GS_REASON_COUNT ? t->reason : GS_REASON_NONE;
	const struct gs_worker *w = t->worker;
	bool on_worker = (state == GS_STATE_RUNNING || state == GS_STATE_REGION) && w;
	char name[sizeof(t->name) + 1] = "";
	struct gs_text copy = { .buf = name, .size = sizeof(name) };
	struct gs_view_thread shown = {
		.id = t->id,
		.tid = t->tid,
		.name = name,
		.state = gs_state_name(state),
		.reason = state == GS_STATE_WAITING ? gs_reason_name(reason) : NULL,
		.kind = gs_view_objects[reason],
		.object = (uintptr_t)t->wait_obj,
		.age = gs_view_age(&gs_dump_clock.first, &d->now, t->since),
		.worker = on_worker ? (int)w->id : -1,
		.ktid = on_worker ? w->ktid : 0,
		.wired = t->wired,
	};

	for (size_t i = 0; i < sizeof(t->name) && t->name[i]; i++)
		gs_log_format(&copy, "%c", t->name[i]);
	gs_view_thread(&d->text, &d->view, &shown);
	gs_dump_stack(d, t, state, shown.ktid);
}

static bool gs_dump_write(struct gs_dump *d)
{
	uint64_t before = gs_now();

	gs_log_raw(d->text.buf, d->text.len);
	d->text.len = 0;
	return gs_now() - before < gs_dump_patience;
}

static bool gs_dump_thread(struct gs_thread *t, void *arg)
{
	struct gs_dump *d = arg;

	if (t->kind != GS_KIND_GREEN)
		return true;
	for (int look = 0; look < GS_DUMP_LOOKS; look++) {
		uint64_t since = *(volatile uint64_t *)&t->since;

		d->text.len = 0;
		gs_dump_look(d, t);
		if (since == *(volatile uint64_t *)&t->since)
			break;
	}
	gs_log_format(&d->text, "\n");
	return gs_dump_write(d);
}

static bool gs_dump_count(struct gs_thread *t, void *arg)
{
	struct gs_dump *d = arg;
	unsigned state = atomic_load_explicit(&t->state, memory_order_relaxed);

	if (t->kind == GS_KIND_GREEN && state <= GS_STATE_DEAD)
		d->states[state]++;
	return true;
}

static void gs_dump_header(struct gs_dump *d)
{
	gs_thread_each(gs_dump_count, d);
	/* relaxed throughout: a picture for people */
	gs_log_format(&d->text,
		      "goshim[%d]: %ld green threads: %ld running, %ld runnable, %ld waiting, "
		      "%ld in system calls, %ld finished; %u workers, %u processors (%u idle)\n\n",
		      gs_sys_getpid(), atomic_load_explicit(&gs_thread_count, memory_order_relaxed),
		      d->states[GS_STATE_RUNNING],
		      d->states[GS_STATE_RUNNABLE] + d->states[GS_STATE_NEW],
		      d->states[GS_STATE_WAITING], d->states[GS_STATE_REGION],
		      d->states[GS_STATE_DEAD],
		      atomic_load_explicit(&gs_worker_count, memory_order_relaxed), gs_nprocs,
		      atomic_load_explicit(&gs_idle_procs, memory_order_relaxed));
}

void gs_dump_all(void)
{
	struct gs_dump d = { .now = gs_dump_moment() };
	int err;

	d.text = (struct gs_text){ .buf = gs_mem_map(GS_DUMP_TEXT), .size = GS_DUMP_TEXT };
	err = gs_view_open(&d.view, gs_sys_getpid());
	if (d.text.buf && err == 0) {
		gs_dump_header(&d);
		if (gs_dump_write(&d))
			gs_thread_each(gs_dump_thread, &d);
	} else {
		gs_log_line("cannot look at the threads: error %d", -err);
	}
	if (err == 0)
		gs_view_close(&d.view);
	if (d.text.buf)
		gs_mem_unmap(d.text.buf, GS_DUMP_TEXT);
}

void gs_dump_request(void)
{
	/* seq_cst: before the look at gs_monitor_asleep; pairs with gs_dump_wanted after
	   the monitor has announced its sleep */
	atomic_store_explicit(&gs_dump_flag, true, memory_order_seq_cst);
	gs_monitor_rouse();
}

bool gs_dump_wanted(void)
{
	/* seq_cst: see gs_dump_request */
	return atomic_load_explicit(&gs_dump_flag, memory_order_seq_cst);
}

void gs_dump_poll(uint64_t now)
{
	gs_dump_clock.last = (struct gs_view_moment){ gs_arch_cycles(), now };
	gs_stats_learn(gs_dump_clock.last.cycles - gs_dump_clock.first.cycles,
		       now - gs_dump_clock.first.ns);
	/* relaxed: the exchange decides */
	if (atomic_load_explicit(&gs_dump_flag, memory_order_relaxed) &&
	    atomic_exchange_explicit(&gs_dump_flag, false, memory_order_relaxed))
		gs_dump_all();
}

void gs_dump_schedtrace(uint64_t now)
{
	char buf[GS_DUMP_LINE];
	/* One byte is kept for the newline of a line that was cut. */
	struct gs_text text = { .buf = buf, .size = sizeof(buf) - 1 };
	/* relaxed throughout: a picture for people */
	uint32_t idle_procs = atomic_load_explicit(&gs_idle_procs, memory_order_relaxed);
	uint32_t workers = atomic_load_explicit(&gs_worker_count, memory_order_relaxed);
	uint32_t busy = gs_nprocs - GS_MIN(idle_procs, gs_nprocs) +
			atomic_load_explicit(&gs_worker_lost, memory_order_relaxed);

	/* threads: the workers and the monitor */
	gs_log_format(&text,
		      "SCHED %llums: maxprocs=%u idleprocs=%u threads=%u spinning=%u idle=%u "
		      "runqueue=%u [",
		      (unsigned long long)(now - gs_dump_clock.first.ns) / 1000000, gs_nprocs,
		      idle_procs, workers + 1,
		      atomic_load_explicit(&gs_idle_spinning, memory_order_relaxed),
		      workers > busy ? workers - busy : 0,
		      atomic_load_explicit(&gs_globq_length, memory_order_relaxed));
	for (uint32_t i = 0; i < gs_nprocs; i++)
		gs_log_format(&text, i ? " %u" : "%u", gs_runq_length(&gs_procs[i].runq));
	gs_log_format(&text, "]");
	buf[text.len++] = '\n';
	gs_log_raw(buf, text.len);
}
