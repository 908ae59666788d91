/* SPDX-License-Identifier: MIT */
/*
 * layout.c - the table of layout.h: constants, and addresses the dynamic linker
 * fills in.
 *
 * Invariants: what the library's own code knows and what is said here is the same;
 * tests/unit/layout.c walks the registry by this table.
 * Locks: none.
 * Called from: nobody inside the process.
 */
#include "layout.h"

#include "arch.h"
#include "dump.h"
#include "netpoll.h"
#include "preempt.h"
#include "stats.h"
#include "thread.h"
#include "globq.h"
#include "idle.h"
#include "worker.h"

/* thread.c keeps what a chunk looks like to itself: next, count, pointers to records. */
struct gs_thread_chunk;
extern struct gs_thread_chunk *_Atomic gs_thread_chunks;

#define GS_LAYOUT_ADDRESS(name, object) { name, (uintptr_t)&(object) }
#define GS_LAYOUT_FIELD(name, type, member) { name, offsetof(struct type, member) }
/* An array of pointers to words: its address, and how many there are. */
#define GS_LAYOUT_WORDS(name, table) \
	{ name, (uintptr_t)(table) }, { name ".count", GS_ARRAY_SIZE(table) }

const struct goshim_layout goshim_layout = {
	.magic = GS_LAYOUT_MAGIC,
	.version = GS_LAYOUT_VERSION,
	.size = sizeof(struct goshim_layout),
	.entries_at = offsetof(struct goshim_layout, entries),
	.entry_size = sizeof(struct goshim_layout_entry),
	.entries = {
		/* The registry: a list of chunks, each with a count and so many pointers. */
		GS_LAYOUT_ADDRESS("thread_chunks", gs_thread_chunks),
		{ "chunk.next", 0 },
		{ "chunk.n", 8 },
		{ "chunk.threads", 16 },

		{ "thread.size", sizeof(struct gs_thread) },
		GS_LAYOUT_FIELD("thread.ctx", gs_thread, ctx),
		GS_LAYOUT_FIELD("thread.tp", gs_thread, tp),
		GS_LAYOUT_FIELD("thread.worker", gs_thread, worker),
		GS_LAYOUT_FIELD("thread.wake", gs_thread, wake),
		GS_LAYOUT_FIELD("thread.attention", gs_thread, attention),
		GS_LAYOUT_FIELD("thread.inrt", gs_thread, inrt),
		GS_LAYOUT_FIELD("thread.kind", gs_thread, kind),
		GS_LAYOUT_FIELD("thread.state", gs_thread, state),
		GS_LAYOUT_FIELD("thread.reason", gs_thread, reason),
		GS_LAYOUT_FIELD("thread.wired", gs_thread, wired),
		GS_LAYOUT_FIELD("thread.wait_obj", gs_thread, wait_obj),
		GS_LAYOUT_FIELD("thread.since", gs_thread, since),
		GS_LAYOUT_FIELD("thread.ran", gs_thread, ran),
		GS_LAYOUT_FIELD("thread.id", gs_thread, id),
		GS_LAYOUT_FIELD("thread.tid", gs_thread, tid),
		GS_LAYOUT_FIELD("thread.start", gs_thread, start),
		GS_LAYOUT_FIELD("thread.stack.base", gs_thread, stack.base),
		GS_LAYOUT_FIELD("thread.stack.size", gs_thread, stack.size),
		GS_LAYOUT_FIELD("thread.stack.guard", gs_thread, stack.guard),
		GS_LAYOUT_FIELD("thread.name", gs_thread, name),
		{ "thread.name.size", sizeof(((struct gs_thread *)0)->name) },

		/* Their values. */
		{ "kind.green", GS_KIND_GREEN },
		{ "state.new", GS_STATE_NEW },
		{ "state.runnable", GS_STATE_RUNNABLE },
		{ "state.running", GS_STATE_RUNNING },
		{ "state.waiting", GS_STATE_WAITING },
		{ "state.region", GS_STATE_REGION },
		{ "state.dead", GS_STATE_DEAD },
		{ "proc.idle", GS_PROC_IDLE },
		{ "proc.running", GS_PROC_RUNNING },
		{ "proc.region", GS_PROC_REGION },
		{ "proc.mask", GS_PROC_MASK },
		GS_LAYOUT_WORDS("states", gs_state_names),
		GS_LAYOUT_WORDS("reasons", gs_reason_names),
		GS_LAYOUT_WORDS("stats", gs_stats_names),
		/* One byte for each reason: what wait_obj is; enum gs_view_object. */
		GS_LAYOUT_ADDRESS("objects", gs_view_objects),

		/* Where a context that is not running keeps its registers, from ctx on. */
		{ "frame.size", GS_ARCH_FRAME_SIZE },
		{ "frame.rbx", GS_ARCH_FRAME_RBX },
		{ "frame.rbp", GS_ARCH_FRAME_RBP },
		{ "frame.r12", GS_ARCH_FRAME_R12 },
		{ "frame.r13", GS_ARCH_FRAME_R13 },
		{ "frame.r14", GS_ARCH_FRAME_R14 },
		{ "frame.r15", GS_ARCH_FRAME_R15 },
		{ "frame.pc", GS_ARCH_FRAME_PC },

		/* Processors and workers. */
		GS_LAYOUT_ADDRESS("procs", gs_procs),
		GS_LAYOUT_ADDRESS("nprocs", gs_nprocs),
		{ "proc.size", sizeof(struct gs_proc) },
		GS_LAYOUT_FIELD("proc.status", gs_proc, status),
		GS_LAYOUT_FIELD("proc.worker", gs_proc, worker),
		GS_LAYOUT_FIELD("proc.runq.next", gs_proc, runq.next),
		GS_LAYOUT_FIELD("proc.runq.head", gs_proc, runq.head),
		GS_LAYOUT_FIELD("proc.runq.tail", gs_proc, runq.tail),
		GS_LAYOUT_FIELD("proc.stats", gs_proc, stats.n),
		/* Latencies by powers of two of nanoseconds; one wake-up in so many is timed. */
		GS_LAYOUT_FIELD("proc.latency", gs_proc, stats.latency),
		GS_LAYOUT_FIELD("proc.latency.sum", gs_proc, stats.latency_sum),
		{ "latency.count", GS_STATS_BUCKETS },
		{ "latency.sample", GS_STATS_SAMPLE },
		GS_LAYOUT_ADDRESS("workers", gs_workers),
		GS_LAYOUT_FIELD("worker.id", gs_worker, id),
		GS_LAYOUT_FIELD("worker.ktid", gs_worker, ktid),
		GS_LAYOUT_FIELD("worker.p", gs_worker, p),
		GS_LAYOUT_FIELD("worker.current", gs_worker, current),
		GS_LAYOUT_FIELD("worker.next", gs_worker, all_next),

		/* Totals. */
		GS_LAYOUT_ADDRESS("thread_count", gs_thread_count),
		GS_LAYOUT_ADDRESS("worker_count", gs_worker_count),
		GS_LAYOUT_ADDRESS("worker_lost", gs_worker_lost),
		GS_LAYOUT_ADDRESS("idle_procs", gs_idle_procs),
		GS_LAYOUT_ADDRESS("spinning", gs_idle_spinning),
		GS_LAYOUT_ADDRESS("global_length", gs_globq_length),
		GS_LAYOUT_ADDRESS("descriptors", gs_netpoll_count),

		/* Hand-offs by the number of the system call. */
		{ "calls.count", GS_PREEMPT_SYSCALLS },
		GS_LAYOUT_ADDRESS("calls.lasted", gs_preempt_lasted),
		GS_LAYOUT_ADDRESS("calls.blocked", gs_preempt_blocked),

		/* thread.since in nanoseconds: two moments on both clocks. */
		GS_LAYOUT_ADDRESS("clock", gs_dump_clock),
		GS_LAYOUT_FIELD("clock.first", gs_dump_clock, first),
		GS_LAYOUT_FIELD("clock.last", gs_dump_clock, last),
		GS_LAYOUT_FIELD("moment.cycles", gs_view_moment, cycles),
		GS_LAYOUT_FIELD("moment.ns", gs_view_moment, ns),
	},
};
