/* SPDX-License-Identifier: MIT */
/*
 * dump.c - `goshim dump`: the green threads of a running process with their
 * stacks, as the library itself prints them, but from outside.
 *
 * Called from: goshim.c.
 */
#include "inspect.h"
#include "remote.h"
#include "stop.h"
#include "tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GS_DUMP_TEXT = 64 * 1024, /* of one thread */
	GS_DUMP_STATES = 16,
	GS_DUMP_LOOKS = 3,
};

struct gs_dump {
	struct gs_view_moment first, now;
	struct gs_text text;
	bool stacks, stop; /* stop: computing threads, for the moment of the look */
	struct gs_remote remote;
	unsigned long states[GS_DUMP_STATES];
	unsigned long n, room;
	struct gs_dump_item {
		uint64_t id, addr;
	} *items;
};

static void gs_dump_usage(void)
{
	printf("Usage: goshim dump [OPTION...] PID\n"
	       "Print the green threads of a running process, with their stacks.\n"
	       "\n"
	       "  -n, --no-stop    leave running threads alone: no stack of theirs is printed\n"
	       "  -s, --no-stacks  one line for each thread only\n"
	       "  -h, --help       print this\n"
	       "\n"
	       "The process is not stopped; a kernel thread that computes is, for the moment it\n"
	       "takes to read its stack. What it takes is the permission to trace it\n"
	       "(the same user, or CAP_SYS_PTRACE; see ptrace(2)).\n");
}

/* In the order of their ids, which is that of their creation. */
static int gs_dump_compare(const void *a, const void *b)
{
	const struct gs_dump_item *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void gs_dump_collect(struct gs_inspect *in, const char *record, uint64_t addr, void *arg)
{
	struct gs_dump *d = arg;
	uint64_t state = gs_inspect_field(in, record, "thread.state", 1);

	if (state < GS_DUMP_STATES)
		d->states[state]++;
	if (d->n == d->room) {
		d->room = d->room ? 2 * d->room : 1024;
		d->items = realloc(d->items, d->room * sizeof(*d->items));
		if (!d->items) {
			gs_tool_warn(0, "out of memory");
			exit(GS_EXIT_FAILURE);
		}
	}
	d->items[d->n++] = (struct gs_dump_item){
		.id = gs_inspect_field(in, record, "thread.id", 8),
		.addr = addr,
	};
}

/* The registers of a thread that is off its stack. */
static bool gs_dump_saved_frame(const struct gs_inspect *in, uint64_t ctx,
				struct gs_unwind_frame *f)
{
	static const struct {
		unsigned reg;
		const char *name;
	} saved[] = {
		{ GS_UNWIND_RBX, "frame.rbx" }, { GS_UNWIND_RBP, "frame.rbp" },
		{ GS_UNWIND_R12, "frame.r12" }, { GS_UNWIND_R13, "frame.r13" },
		{ GS_UNWIND_R14, "frame.r14" }, { GS_UNWIND_R15, "frame.r15" },
		{ GS_UNWIND_PC, "frame.pc" },
	};

	*f = (struct gs_unwind_frame){ 0 };
	for (size_t i = 0; i < GS_ARRAY_SIZE(saved); i++) {
		uint64_t value;

		if (gs_peek_read(&in->view.os.peek, ctx + gs_inspect_value(in, saved[i].name),
				 &value, sizeof(value)) != 0)
			return false;
		gs_unwind_set(f, saved[i].reg, value);
	}
	gs_unwind_set(f, GS_UNWIND_RSP, ctx + gs_inspect_value(in, "frame.size"));
	return true;
}

/* What a kernel thread runs now, if that is still the green thread at addr. */
static void gs_dump_running(struct gs_inspect *in, struct gs_dump *d, uint64_t addr,
			    uint64_t worker, int ktid)
{
	struct gs_unwind_frame f;
	struct gs_stop stop;

	if (!d->stop || !gs_stop_thread(&stop, ktid, &f))
		return;
	if (gs_inspect_number(in, worker + gs_inspect_value(in, "worker.current"), 8) == addr)
		gs_remote_stack(&d->text, &d->remote, &f);
	gs_stop_release(&stop);
}

static void gs_dump_stack(struct gs_inspect *in, struct gs_dump *d, const char *record,
			  uint64_t addr, int ktid)
{
	uint64_t state = gs_inspect_field(in, record, "thread.state", 1);
	uint64_t start = gs_inspect_field(in, record, "thread.start", 8);
	uint64_t ctx = gs_inspect_field(in, record, "thread.ctx", 8);
	struct gs_unwind_frame f;
	bool found = false;

	if (start && gs_inspect_field(in, record, "thread.since", 8) == 0) {
		gs_log_format(&d->text, "    not started yet: ");
		gs_view_place(&d->text, &in->view, start, false);
		gs_log_format(&d->text, "\n");
		return;
	}
	if (state == gs_inspect_value(in, "state.runnable") ||
	    state == gs_inspect_value(in, "state.waiting"))
		found = gs_dump_saved_frame(in, ctx, &f);
	else if (ktid > 0 && gs_view_kernel_frame(&in->view, ktid, &f))
		found = state == gs_inspect_value(in, "state.region");
	else if (ktid > 0)
		gs_dump_running(in, d, addr, gs_inspect_field(in, record, "thread.worker", 8), ktid);
	if (found)
		gs_remote_stack(&d->text, &d->remote, &f);
}

static void gs_dump_thread(struct gs_inspect *in, struct gs_dump *d, const char *record,
			   uint64_t addr)
{
	uint64_t state = gs_inspect_field(in, record, "thread.state", 1);
	uint64_t reason = gs_inspect_field(in, record, "thread.reason", 1);
	uint64_t worker = gs_inspect_field(in, record, "thread.worker", 8);
	size_t name_at = gs_inspect_value(in, "thread.name");
	bool on_worker = worker && (state == gs_inspect_value(in, "state.running") ||
				    state == gs_inspect_value(in, "state.region"));
	char name[64] = "";
	struct gs_view_thread shown = {
		.id = gs_inspect_field(in, record, "thread.id", 8),
		.tid = (int)gs_inspect_field(in, record, "thread.tid", 4),
		.name = name,
		.state = gs_inspect_word(in->states, in->n_states, state),
		.kind = reason < in->n_reasons ? in->objects[reason] : GS_VIEW_ADDRESS,
		.object = gs_inspect_field(in, record, "thread.wait_obj", 8),
		.age = gs_view_age(&d->first, &d->now,
				   gs_inspect_field(in, record, "thread.since", 8)),
		.worker = -1,
		.wired = gs_inspect_field(in, record, "thread.wired", 1),
	};

	snprintf(name, sizeof(name), "%.*s", (int)gs_inspect_value(in, "thread.name.size"),
		 record + name_at);
	if (state == gs_inspect_value(in, "state.waiting"))
		shown.reason = gs_inspect_word(in->reasons, in->n_reasons, reason);
	if (on_worker) {
		uint64_t id = worker + gs_inspect_value(in, "worker.id");
		uint64_t ktid = worker + gs_inspect_value(in, "worker.ktid");

		shown.worker = (int)gs_inspect_number(in, id, 4);
		shown.ktid = (int)gs_inspect_number(in, ktid, 4);
	}
	gs_view_thread(&d->text, &in->view, &shown);
	if (d->stacks)
		gs_dump_stack(in, d, record, addr, shown.ktid);
}

/* A fresh look at one of the threads; false when it is gone. */
static bool gs_dump_look(struct gs_inspect *in, struct gs_dump *d, const struct gs_dump_item *item)
{
	size_t size = gs_inspect_value(in, "thread.size");
	char *record = malloc(2 * size), *again = record + size;
	bool there = false;

	for (int look = 0; record && look < GS_DUMP_LOOKS; look++) {
		d->text.len = 0;
		there = gs_peek_read(&in->view.os.peek, item->addr, record, size) == 0 &&
			gs_inspect_field(in, record, "thread.id", 8) == item->id &&
			gs_inspect_field(in, record, "thread.kind", 1) ==
				gs_inspect_value(in, "kind.green");
		if (!there)
			break;
		gs_dump_thread(in, d, record, item->addr);
		/* A stack that was running meanwhile is not what it looks like. */
		if (gs_peek_read(&in->view.os.peek, item->addr, again, size) != 0 ||
		    gs_inspect_field(in, record, "thread.since", 8) ==
			    gs_inspect_field(in, again, "thread.since", 8))
			break;
	}
	free(record);
	return there;
}

static unsigned long gs_dump_state(const struct gs_inspect *in, const struct gs_dump *d,
				   const char *name)
{
	uint64_t state = gs_inspect_value(in, name);

	return state < GS_DUMP_STATES ? d->states[state] : 0;
}

static int gs_dump_process(struct gs_inspect *in, bool stacks, bool stop)
{
	static char text[GS_DUMP_TEXT];
	struct gs_dump d = {
		.stacks = stacks,
		.stop = stop,
		.text = { .buf = text, .size = sizeof(text) },
	};

	if (!gs_remote_open(&d.remote, &in->view))
		return GS_EXIT_FAILURE;
	gs_inspect_moments(in, &d.first, &d.now);
	if (!gs_inspect_each(in, gs_dump_collect, &d)) {
		gs_tool_warn(0, "process %d cannot be read, or has ended", in->pid);
		return GS_EXIT_FAILURE;
	}
	printf("goshim[%d]: %llu green threads: %lu running, %lu runnable, %lu waiting, "
	       "%lu in system calls, %lu finished; %llu workers, %llu processors (%llu idle)\n",
	       in->pid, (unsigned long long)gs_inspect_at(in, "thread_count", 8),
	       gs_dump_state(in, &d, "state.running"),
	       gs_dump_state(in, &d, "state.runnable") + gs_dump_state(in, &d, "state.new"),
	       gs_dump_state(in, &d, "state.waiting"), gs_dump_state(in, &d, "state.region"),
	       gs_dump_state(in, &d, "state.dead"),
	       (unsigned long long)gs_inspect_at(in, "worker_count", 4),
	       (unsigned long long)gs_inspect_at(in, "nprocs", 4),
	       (unsigned long long)gs_inspect_at(in, "idle_procs", 4));
	qsort(d.items, d.n, sizeof(*d.items), gs_dump_compare);
	for (unsigned long i = 0; i < d.n; i++) {
		if (!gs_dump_look(in, &d, &d.items[i]))
			continue;
		if (stacks || i == 0)
			putchar('\n');
		fwrite(text, 1, d.text.len, stdout);
	}
	free(d.items);
	gs_remote_close(&d.remote);
	return 0;
}

int gs_dump_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-stop", no_argument, NULL, 'n' },
		{ "no-stacks", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char own_name[] = "goshim";
	struct gs_inspect in;
	bool stacks = true, stop = true;
	int c, code = 0;

	argv[0] = own_name;
	while ((c = getopt_long(argc, argv, "nsh", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			stop = false;
			break;
		case 's':
			stacks = false;
			break;
		case 'h':
			gs_dump_usage();
			return 0;
		default:
			return GS_EXIT_FAILURE;
		}
	}
	if (optind + 1 != argc) {
		gs_tool_warn(0, "dump: one process number is wanted; try `goshim dump --help'");
		return GS_EXIT_FAILURE;
	}
	if (!gs_inspect_open(&in, argv[optind]))
		return GS_EXIT_FAILURE;
	if (in.active)
		code = gs_dump_process(&in, stacks, stop);
	else
		gs_inspect_inactive(&in);
	gs_inspect_close(&in);
	return code;
}
