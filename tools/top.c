/* SPDX-License-Identifier: MIT */
/*
 * top.c - `goshim top': which green threads use the processors, and what the others
 * wait for, again and again. Read from outside, like everything here: a process does
 * not notice that somebody watches.
 *
 * Called from: goshim.c.
 */
#include "sample.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
	GS_TOP_LINE = 512,
	GS_TOP_ROWS = 24, /* of a terminal that does not say */
	GS_TOP_COLUMNS = 80,
};

static const double gs_top_first = 0.25; /* seconds before the first picture */

struct gs_top_row {
	uint64_t id, total; /* cycles it has had the processor */
	uint64_t used;      /* of those, since the last picture */
	uint64_t since, object, worker;
	int tid;
	unsigned state, reason;
	char name[32];
};

/* What was seen at one moment. */
struct gs_top_picture {
	struct gs_sample sample;
	struct gs_view_moment now;
	struct gs_top_row *rows;
	size_t n, room;
};

struct gs_top {
	struct gs_inspect *in;
	struct gs_view_moment first;
	const struct gs_top_key *key;
	char command[64];
	bool batch, screen;     /* screen: there is one to draw on */
	size_t rows, columns;   /* 0: no limit */
	size_t lines;           /* printed of this picture */
	struct gs_top_picture pictures[2];
	uint64_t running, waiting, region;
};

static volatile sig_atomic_t gs_top_stopped;

static void gs_top_stop(int sig)
{
	gs_top_stopped = 1;
}

static int gs_top_order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int gs_top_by_id(const void *a, const void *b)
{
	return gs_top_order(((const struct gs_top_row *)a)->id, ((const struct gs_top_row *)b)->id);
}

static int gs_top_by_time(const void *a, const void *b)
{
	const struct gs_top_row *x = a, *y = b;

	return x->total == y->total ? gs_top_by_id(a, b) : gs_top_order(y->total, x->total);
}

static int gs_top_by_cpu(const void *a, const void *b)
{
	const struct gs_top_row *x = a, *y = b;

	return x->used == y->used ? gs_top_by_time(a, b) : gs_top_order(y->used, x->used);
}

static int gs_top_by_age(const void *a, const void *b)
{
	const struct gs_top_row *x = a, *y = b;

	return x->since == y->since ? gs_top_by_id(a, b) : gs_top_order(x->since, y->since);
}

static const struct gs_top_key {
	const char *name;
	int (*compare)(const void *a, const void *b);
} gs_top_keys[] = {
	{ "cpu", gs_top_by_cpu },
	{ "time", gs_top_by_time },
	{ "age", gs_top_by_age },
	{ "id", gs_top_by_id },
};

static void gs_top_usage(void)
{
	printf("Usage: goshim top [OPTION...] PID\n"
	       "Show which green threads of a process use the processors, and what the others wait\n"
	       "for. On a terminal, q ends it.\n"
	       "\n"
	       "  -b, --batch          print one picture after the other; so without a terminal\n"
	       "  -d, --delay=SECONDS  between two pictures (2)\n"
	       "  -n, --count=N        end after N pictures\n"
	       "  -r, --rows=N         N threads at the most; 0: as many as fit, in a batch all\n"
	       "  -o, --sort=KEY       cpu, time, age (in this state) or id\n"
	       "  -h, --help           print this\n");
}

static void gs_top_thread(struct gs_inspect *in, const char *record, uint64_t addr, void *arg)
{
	struct gs_top *top = arg;
	struct gs_top_picture *p = &top->pictures[0];
	struct gs_top_row *row;

	(void)addr;
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 1024;
		p->rows = realloc(p->rows, p->room * sizeof(*p->rows));
		if (!p->rows) {
			gs_tool_warn(0, "out of memory");
			exit(GS_EXIT_FAILURE);
		}
	}
	row = &p->rows[p->n++];
	*row = (struct gs_top_row){
		.id = gs_inspect_field(in, record, "thread.id", 8),
		.tid = (int)gs_inspect_field(in, record, "thread.tid", 4),
		.state = (unsigned)gs_inspect_field(in, record, "thread.state", 1),
		.reason = (unsigned)gs_inspect_field(in, record, "thread.reason", 1),
		.object = gs_inspect_field(in, record, "thread.wait_obj", 8),
		.since = gs_inspect_field(in, record, "thread.since", 8),
		.worker = gs_inspect_field(in, record, "thread.worker", 8),
		.total = gs_inspect_field(in, record, "thread.ran", 8),
	};
	if (row->state == top->running && row->since && p->now.cycles > row->since)
		row->total += p->now.cycles - row->since;
	snprintf(row->name, sizeof(row->name), "%.*s",
		 (int)GS_MIN(gs_inspect_value(in, "thread.name.size"), sizeof(row->name) - 1),
		 record + gs_inspect_value(in, "thread.name"));
}

/* A new picture; the one before becomes pictures[1]. */
static bool gs_top_look(struct gs_top *top)
{
	struct gs_top_picture before = top->pictures[0];
	struct gs_top_picture *p = &top->pictures[0];

	*p = top->pictures[1];
	top->pictures[1] = before;
	p->n = 0;
	gs_inspect_moments(top->in, &top->first, &p->now);
	if (!gs_sample_take(top->in, &p->sample, gs_top_thread, top))
		return false;
	qsort(p->rows, p->n, sizeof(*p->rows), gs_top_by_id);
	for (size_t i = 0; i < p->n; i++) {
		const struct gs_top_row *old =
			before.n ? bsearch(&p->rows[i], before.rows, before.n, sizeof(*p->rows),
					   gs_top_by_id)
				 : NULL;
		uint64_t had = old ? old->total : 0;

		p->rows[i].used = p->rows[i].total > had ? p->rows[i].total - had : 0;
	}
	return true;
}

static void gs_top_print(struct gs_top *top, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A line, as much of it as there is room for. */
static void gs_top_print(struct gs_top *top, const char *fmt, ...)
{
	char line[GS_TOP_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	if (top->columns && top->columns < sizeof(line))
		line[top->columns] = '\0';
	fputs(line, stdout);
	fputs(top->screen ? "\033[K\n" : "\n", stdout);
	top->lines++;
}

static double gs_top_rate(const struct gs_top *top, const char *counter)
{
	const struct gs_sample *s = &top->pictures[0].sample, *old = &top->pictures[1].sample;
	double seconds = gs_sample_seconds(s, old);

	for (unsigned i = 0; i < top->in->n_stats && seconds > 0; i++)
		if (strcmp(top->in->stats[i], counter) == 0)
			return (double)(s->counters[i] - old->counters[i]) / seconds;
	return 0;
}

static void gs_top_head(struct gs_top *top)
{
	const struct gs_sample *s = &top->pictures[0].sample, *old = &top->pictures[1].sample;
	struct gs_inspect *in = top->in;
	char clock[16], states[128] = "";
	size_t len = 0;
	struct tm tm;

	localtime_r(&s->when.tv_sec, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	for (unsigned i = 0; i < in->n_states && len < sizeof(states); i++)
		len += (size_t)snprintf(states + len, sizeof(states) - len, ", %lu %s",
					gs_sample_state(in, s, i), in->states[i]);
	gs_top_print(top, "goshim top - %s, process %d (%s)", clock, in->pid, top->command);
	gs_top_print(top, "Threads: %llu%s", s->threads, states);
	gs_top_print(top, "Workers: %llu, processors: %llu (%llu idle), queued: %llu, descriptors: %llu",
		     s->workers, s->nprocs, s->idle_procs, s->queued + s->global, s->descriptors);
	gs_top_print(top,
		     "Per second: %.0f switches, %.0f wakes, %.0f steals, %.0f preempts, "
		     "%.0f handoffs; latency p50 %.1f us, p99 %.1f us",
		     gs_top_rate(top, "switches"), gs_top_rate(top, "wakes"),
		     gs_top_rate(top, "steals"), gs_top_rate(top, "preempts"),
		     gs_top_rate(top, "handoffs"), (double)gs_sample_latency(s, old, 0.5) / 1000,
		     (double)gs_sample_latency(s, old, 0.99) / 1000);
	gs_top_print(top, "%s", "");
	gs_top_print(top, "%8s %10s %-8s %6s %10s %10s %-15s %s", "ID", "TID", "STATE", "%CPU", "TIME",
		     "FOR", "NAME", "WHERE");
}

/* What it waits for, or who runs it. */
static void gs_top_where(const struct gs_top *top, const struct gs_top_row *row, char *buf,
			 size_t size)
{
	const struct gs_inspect *in = top->in;
	unsigned long long object = row->object;
	const char *reason = gs_inspect_word(in->reasons, in->n_reasons, row->reason);

	*buf = '\0';
	if (row->state == top->waiting) {
		enum gs_view_object kind =
			gs_view_object(row->reason < in->n_reasons ? in->objects[row->reason] : 0,
				       object);

		if (kind == GS_VIEW_NOTHING)
			snprintf(buf, size, "%s", reason);
		else
			snprintf(buf, size, kind == GS_VIEW_DESCRIPTOR ? "%s, descriptor %llu" :
									 "%s, 0x%llx",
				 reason, object);
	} else if (row->worker && (row->state == top->running || row->state == top->region)) {
		snprintf(buf, size, "worker %llu",
			 (unsigned long long)gs_inspect_number(
				 in, row->worker + gs_inspect_value(in, "worker.id"), 4));
	}
}

static void gs_top_row(struct gs_top *top, const struct gs_top_row *row)
{
	const struct gs_top_picture *p = &top->pictures[0], *old = &top->pictures[1];
	uint64_t age = gs_view_age(&top->first, &p->now, row->since);
	double rate = (double)(p->now.ns - top->first.ns) /
		      (double)(p->now.cycles - top->first.cycles);
	double elapsed = (double)(p->now.cycles - old->now.cycles);
	char where[128], shown[32] = "-";

	if (age != GS_NEVER)
		snprintf(shown, sizeof(shown), "%.3f", (double)age / 1e9);
	gs_top_where(top, row, where, sizeof(where));
	gs_top_print(top, "%8llu %10d %-8s %6.1f %10.3f %10s %-15s %s", (unsigned long long)row->id,
		     row->tid, gs_inspect_word(top->in->states, top->in->n_states, row->state),
		     elapsed > 0 ? 100 * (double)row->used / elapsed : 0.0,
		     (double)row->total * rate / 1e9, shown, row->name, where);
}

static void gs_top_show(struct gs_top *top, size_t limit)
{
	struct gs_top_picture *p = &top->pictures[0];
	struct winsize ws = { 0 };
	size_t room = 0;

	if (top->screen) {
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || !ws.ws_row || !ws.ws_col)
			ws = (struct winsize){ .ws_row = GS_TOP_ROWS, .ws_col = GS_TOP_COLUMNS };
		top->columns = ws.ws_col;
		room = ws.ws_row - 1U;
		fputs("\033[H", stdout);
	}
	top->lines = 0;
	gs_top_head(top);
	qsort(p->rows, p->n, sizeof(*p->rows), top->key->compare);
	for (size_t i = 0; i < p->n && (!limit || i < limit); i++) {
		if (room && top->lines >= room)
			break;
		gs_top_row(top, &p->rows[i]);
	}
	/* gs_top_look searches by id. */
	qsort(p->rows, p->n, sizeof(*p->rows), gs_top_by_id);
	fputs(top->screen ? "\033[J" : "\n", stdout);
	fflush(stdout);
}

/* Waits for the next picture; false when the user wants no more. */
static bool gs_top_wait(const struct gs_top *top, double seconds)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char c = 0;

	if (!top->screen) {
		gs_sample_sleep(seconds);
		return true;
	}
	if (poll(&in, 1, (int)(seconds * 1000)) > 0 && read(STDIN_FILENO, &c, 1) <= 0)
		return false;
	return !gs_top_stopped && c != 'q' && c != 'Q';
}

static int gs_top_run(struct gs_top *top, double delay, unsigned long count, size_t limit)
{
	struct sigaction action = { .sa_handler = gs_top_stop };
	struct termios saved, raw;

	if (!gs_sample_first(top->in, &top->pictures[0].sample, NULL, NULL) || !gs_top_look(top)) {
		return GS_EXIT_FAILURE;
	}
	top->screen = !top->batch && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &saved) == 0;
	if (top->screen) {
		raw = saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
		fputs("\033[H\033[J", stdout);
		fflush(stdout);
	}
	for (unsigned long n = 0; count == 0 || n < count; n++) {
		if (!gs_top_wait(top, n == 0 ? GS_MIN(gs_top_first, delay) : delay) ||
		    !gs_top_look(top))
			break;
		gs_top_show(top, limit);
	}
	if (top->screen)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	free(top->pictures[0].rows);
	free(top->pictures[1].rows);
	return 0;
}

static const struct gs_top_key *gs_top_find_key(const char *name)
{
	for (size_t i = 0; i < GS_ARRAY_SIZE(gs_top_keys); i++)
		if (strcmp(gs_top_keys[i].name, name) == 0)
			return &gs_top_keys[i];
	gs_tool_warn(0, "top: the sort key must be cpu, time, age or id, not `%s'", name);
	return NULL;
}

int gs_top_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "rows", required_argument, NULL, 'r' },
		{ "sort", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char own_name[] = "goshim";
	struct gs_inspect in;
	struct gs_top top = { .in = &in, .key = &gs_top_keys[0] };
	double delay = 2, count = 0, rows = 0;
	int c, code = 0;

	argv[0] = own_name;
	while ((c = getopt_long(argc, argv, "bd:n:r:o:h", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			top.batch = true;
			break;
		case 'd':
			if (!gs_sample_parse("top", "the delay", optarg, &delay))
				return GS_EXIT_FAILURE;
			break;
		case 'n':
			if (!gs_sample_parse("top", "the count", optarg, &count))
				return GS_EXIT_FAILURE;
			break;
		case 'r':
			if (strcmp(optarg, "0") != 0 &&
			    !gs_sample_parse("top", "the number of rows", optarg, &rows))
				return GS_EXIT_FAILURE;
			break;
		case 'o':
			top.key = gs_top_find_key(optarg);
			if (!top.key)
				return GS_EXIT_FAILURE;
			break;
		case 'h':
			gs_top_usage();
			return 0;
		default:
			return GS_EXIT_FAILURE;
		}
	}
	if (optind + 1 != argc) {
		gs_tool_warn(0, "top: one process number is wanted; try `goshim top --help'");
		return GS_EXIT_FAILURE;
	}
	if (!gs_inspect_open(&in, argv[optind]))
		return GS_EXIT_FAILURE;
	if (in.active) {
		gs_inspect_command(&in, top.command, sizeof(top.command));
		top.running = gs_inspect_value(&in, "state.running");
		top.waiting = gs_inspect_value(&in, "state.waiting");
		top.region = gs_inspect_value(&in, "state.region");
		code = gs_top_run(&top, delay, (unsigned long)count, (size_t)rows);
	} else {
		gs_inspect_inactive(&in);
	}
	gs_inspect_close(&in);
	return code;
}
