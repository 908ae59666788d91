/* SPDX-License-Identifier: MIT */
/*
 * stat.c - `goshim stat`: the scheduler's counters of a running process, once or
 * again and again, for people or as JSON lines.
 *
 * Called from: goshim.c.
 */
#include "inspect.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	GS_STAT_MAX = 64,         /* counters */
	GS_STAT_MAX_PROCS = 1024,
	GS_STAT_STATES = 16,
	GS_STAT_HEADER = 20,      /* samples between two lines of headings */
};

struct gs_stat_sample {
	struct timespec when;
	unsigned long states[GS_STAT_STATES];
	unsigned long long threads, workers, lost, spinning, idle_procs, nprocs, global, queued,
		descriptors;
	unsigned long long counters[GS_STAT_MAX];
};

static void gs_stat_usage(void)
{
	printf("Usage: goshim stat [OPTION...] PID [INTERVAL [COUNT]]\n"
	       "Print the counters of a process that runs on green threads: the totals since it\n"
	       "started, or what happens per second, every INTERVAL seconds, COUNT times.\n"
	       "\n"
	       "  -j, --json  one JSON object for each sample, counters as totals\n"
	       "  -h, --help  print this\n");
}

static void gs_stat_thread(struct gs_inspect *in, const char *record, uint64_t addr, void *arg)
{
	struct gs_stat_sample *s = arg;
	uint64_t state = gs_inspect_field(in, record, "thread.state", 1);

	(void)addr;
	if (state < GS_STAT_STATES)
		s->states[state]++;
}

static void gs_stat_proc(struct gs_inspect *in, uint64_t proc, struct gs_stat_sample *s)
{
	uint64_t n[GS_STAT_MAX] = { 0 };
	uint64_t head = gs_inspect_number(in, proc + gs_inspect_value(in, "proc.runq.head"), 4);
	uint64_t tail = gs_inspect_number(in, proc + gs_inspect_value(in, "proc.runq.tail"), 4);

	s->queued += (uint32_t)(tail - head);
	s->queued += gs_inspect_number(in, proc + gs_inspect_value(in, "proc.runq.next"), 8) != 0;
	gs_peek_read(&in->view.os.peek, proc + gs_inspect_value(in, "proc.stats"), n,
		     in->n_stats * sizeof(n[0]));
	for (unsigned i = 0; i < in->n_stats; i++)
		s->counters[i] += n[i];
}

static bool gs_stat_take(struct gs_inspect *in, struct gs_stat_sample *s)
{
	uint64_t procs = gs_inspect_at(in, "procs", 8), size = gs_inspect_value(in, "proc.size");

	memset(s, 0, sizeof(*s));
	clock_gettime(CLOCK_REALTIME, &s->when);
	s->threads = gs_inspect_at(in, "thread_count", 8);
	s->workers = gs_inspect_at(in, "worker_count", 4);
	s->lost = gs_inspect_at(in, "worker_lost", 4);
	s->spinning = gs_inspect_at(in, "spinning", 4);
	s->idle_procs = gs_inspect_at(in, "idle_procs", 4);
	s->nprocs = gs_inspect_at(in, "nprocs", 4);
	s->global = gs_inspect_at(in, "global_length", 4);
	s->descriptors = gs_inspect_at(in, "descriptors", 4);
	for (uint64_t i = 0; procs && i < s->nprocs && i < GS_STAT_MAX_PROCS; i++)
		gs_stat_proc(in, procs + i * size, s);
	return gs_inspect_each(in, gs_stat_thread, s) && gs_inspect_alive(in);
}

static unsigned long gs_stat_state(const struct gs_inspect *in, const struct gs_stat_sample *s,
				   unsigned state)
{
	return state < in->n_states && state < GS_STAT_STATES ? s->states[state] : 0;
}

static void gs_stat_list(const struct gs_inspect *in, const struct gs_stat_sample *s)
{
	printf("%-16s %llu\n", "threads", s->threads);
	for (unsigned i = 0; i < in->n_states; i++)
		printf("  %-14s %lu\n", in->states[i], gs_stat_state(in, s, i));
	printf("%-16s %llu\n", "workers", s->workers);
	printf("%-16s %llu\n", "processors", s->nprocs);
	printf("%-16s %llu\n", "idle processors", s->idle_procs);
	printf("%-16s %llu\n", "queued", s->queued);
	printf("%-16s %llu\n", "queued globally", s->global);
	printf("%-16s %llu\n", "descriptors", s->descriptors);
	for (unsigned i = 0; i < in->n_stats; i++)
		printf("%-16s %llu\n", in->stats[i], s->counters[i]);
}

static void gs_stat_json(const struct gs_inspect *in, const struct gs_stat_sample *s)
{
	printf("{\"pid\":%d,\"time\":%lld.%03ld,\"threads\":%llu,\"states\":{", in->pid,
	       (long long)s->when.tv_sec, s->when.tv_nsec / 1000000, s->threads);
	for (unsigned i = 0; i < in->n_states; i++)
		printf("%s\"%s\":%lu", i ? "," : "", in->states[i], gs_stat_state(in, s, i));
	printf("},\"workers\":%llu,\"spinning\":%llu,\"lost\":%llu,\"processors\":%llu,"
	       "\"idle_processors\":%llu,\"queued\":%llu,\"global_queued\":%llu,"
	       "\"descriptors\":%llu,\"counters\":{",
	       s->workers, s->spinning, s->lost, s->nprocs, s->idle_procs, s->queued, s->global,
	       s->descriptors);
	for (unsigned i = 0; i < in->n_stats; i++)
		printf("%s\"%s\":%llu", i ? "," : "", in->stats[i], s->counters[i]);
	printf("}}\n");
}

/* One line of rates, with the headings now and then. */
static void gs_stat_line(const struct gs_inspect *in, const struct gs_stat_sample *s,
			 const struct gs_stat_sample *last, unsigned long n)
{
	double seconds = (double)(s->when.tv_sec - last->when.tv_sec) +
			 (double)(s->when.tv_nsec - last->when.tv_nsec) / 1e9;
	struct tm tm;
	char clock[16];

	if (n % GS_STAT_HEADER == 0) {
		printf("%s%-8s %8s %6s %6s %6s", n ? "\n" : "", "time", "threads", "worker",
		       "idle", "queued");
		for (unsigned i = 0; i < in->n_stats; i++)
			printf(" %8s/s", in->stats[i]);
		putchar('\n');
	}
	localtime_r(&s->when.tv_sec, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("%-8s %8llu %6llu %6llu %6llu", clock, s->threads, s->workers, s->idle_procs,
	       s->queued + s->global);
	for (unsigned i = 0; i < in->n_stats; i++) {
		double done = (double)(s->counters[i] - last->counters[i]);

		printf(" %10.1f", seconds > 0 ? done / seconds : 0.0);
	}
	putchar('\n');
}

static bool gs_stat_parse(const char *what, const char *word, double *n)
{
	char *end;

	errno = 0;
	*n = strtod(word, &end);
	if (!errno && !*end && end != word && *n > 0 && *n < 1e9)
		return true;
	gs_tool_warn(0, "stat: %s must be a number above 0, not `%s'", what, word);
	return false;
}

static void gs_stat_sleep(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/* interval 0: once. count 0: until the process ends. */
static int gs_stat_run(struct gs_inspect *in, double interval, unsigned long count, bool json)
{
	struct gs_stat_sample samples[2];

	if (!gs_stat_take(in, &samples[0])) {
		gs_tool_warn(0, "process %d cannot be read, or has ended", in->pid);
		return GS_EXIT_FAILURE;
	}
	if (json)
		gs_stat_json(in, &samples[0]);
	else if (interval == 0)
		gs_stat_list(in, &samples[0]);
	for (unsigned long n = 0; interval > 0 && (count == 0 || n < count); n++) {
		/* Of JSON's samples, the first is one of the count. */
		if (json && count && n + 1 == count)
			break;
		fflush(stdout);
		gs_stat_sleep(interval);
		if (!gs_stat_take(in, &samples[(n + 1) % 2]))
			break;
		if (json)
			gs_stat_json(in, &samples[(n + 1) % 2]);
		else
			gs_stat_line(in, &samples[(n + 1) % 2], &samples[n % 2], n);
	}
	return 0;
}

int gs_stat_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char own_name[] = "goshim";
	double interval = 0, count = 0;
	struct gs_inspect in;
	bool json = false;
	int c, code;

	argv[0] = own_name;
	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			gs_stat_usage();
			return 0;
		default:
			return GS_EXIT_FAILURE;
		}
	}
	argv += optind;
	argc -= optind;
	if (argc < 1 || argc > 3) {
		gs_tool_warn(0, "stat: a process number is wanted, and at most an interval and a "
				"count behind it; try `goshim stat --help'");
		return GS_EXIT_FAILURE;
	}
	if ((argc > 1 && !gs_stat_parse("the interval", argv[1], &interval)) ||
	    (argc > 2 && !gs_stat_parse("the count", argv[2], &count)) ||
	    !gs_inspect_open(&in, argv[0]))
		return GS_EXIT_FAILURE;
	in.n_stats = GS_MIN(in.n_stats, (unsigned)GS_STAT_MAX);
	code = gs_stat_run(&in, interval, (unsigned long)count, json);
	gs_inspect_close(&in);
	return code;
}
