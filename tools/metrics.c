/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - `goshim metrics': the counters of processes in the OpenMetrics text
 * format, for a scraper's textfile directory. Everything counted is a true counter,
 * everything timed a true histogram; rates and quantiles are the reader's business.
 *
 * A family's samples stand together, whatever process they are of, so all processes
 * are looked at before the first line.
 *
 * Called from: goshim.c.
 */
#include "sample.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GS_METRICS_LABELS = 256 };

struct gs_metrics {
	struct gs_inspect in;
	struct gs_sample sample;
	char labels[GS_METRICS_LABELS]; /* pid="1",command="x" */
};

static void gs_metrics_usage(void)
{
	printf("Usage: goshim metrics PID...\n"
	       "Print the counters of processes in the OpenMetrics text format.\n"
	       "\n"
	       "  -h, --help  print this\n"
	       "\n"
	       "For node_exporter's textfile collector, from cron or a timer:\n"
	       "  goshim metrics PID >x.prom.new && mv x.prom.new x.prom\n");
}

/* What OpenMetrics counts, by the library's own name for it. */
static const struct {
	const char *name, *help;
} gs_metrics_counters[] = {
	{ "switches", "Green threads switched to" },
	{ "parks", "Waits that left the processor" },
	{ "wakes", "Green threads made runnable" },
	{ "steals", "Run queues taken from" },
	{ "creates", "Green threads made" },
	{ "exits", "Green threads ended" },
	{ "polls", "Calls of epoll_wait" },
	{ "events", "Readiness events" },
	{ "regions", "Blocking system calls entered" },
	{ "handoffs", "Processors taken from blocked kernel threads" },
	{ "preempts", "Computing green threads interrupted" },
	{ "timers", "Deadlines that fired" },
};

static void gs_metrics_family(const char *name, const char *type, const char *unit,
			      const char *help)
{
	printf("# TYPE goshim_%s %s\n", name, type);
	if (*unit)
		printf("# UNIT goshim_%s %s\n", name, unit);
	printf("# HELP goshim_%s %s.\n", name, help);
}

/* A word of the library as a label's value or part of a name. */
static void gs_metrics_word(char *out, size_t size, const char *word, const char *also)
{
	size_t n = 0;

	for (; *word && n + 1 < size; word++) {
		bool plain = (*word >= 'a' && *word <= 'z') || (*word >= '0' && *word <= '9');

		out[n++] = plain || strchr(also, *word) ? *word : '_';
	}
	out[n] = '\0';
}

static void gs_metrics_label(struct gs_metrics *m)
{
	char command[64], escaped[128];
	size_t n = 0;

	gs_inspect_command(&m->in, command, sizeof(command));
	for (const char *c = command; *c && n + 2 < sizeof(escaped); c++) {
		if (*c == '\\' || *c == '"')
			escaped[n++] = '\\';
		/* Of bytes that are no UTF-8 a reader would make nothing. */
		escaped[n++] = (unsigned char)*c < ' ' || (unsigned char)*c > '~' ? '?' : *c;
	}
	escaped[n] = '\0';
	snprintf(m->labels, sizeof(m->labels), "pid=\"%d\",command=\"%s\"", m->in.pid, escaped);
}

static void gs_metrics_gauge(const struct gs_metrics *m, size_t n, const char *name,
			     const char *help, size_t member)
{
	gs_metrics_family(name, "gauge", "", help);
	for (size_t i = 0; i < n; i++)
		printf("goshim_%s{%s} %llu\n", name, m[i].labels,
		       *(const unsigned long long *)((const char *)&m[i].sample + member));
}

#define GS_METRICS_GAUGE(m, n, name, member, help) \
	gs_metrics_gauge(m, n, name, help, offsetof(struct gs_sample, member))

static void gs_metrics_threads(const struct gs_metrics *m, size_t n)
{
	char word[32];

	gs_metrics_family("threads", "gauge", "", "Green threads by what they do");
	for (size_t i = 0; i < n; i++)
		for (unsigned s = 0; s < m[i].in.n_states; s++)
			printf("goshim_threads{%s,state=\"%s\"} %lu\n", m[i].labels,
			       m[i].in.states[s], gs_sample_state(&m[i].in, &m[i].sample, s));
	gs_metrics_family("waiting_threads", "gauge", "", "Waiting green threads by what for");
	for (size_t i = 0; i < n; i++) {
		for (unsigned r = 0; r < m[i].in.n_reasons; r++) {
			/* "-" is the reason of those that do not wait. */
			if (!strcmp(m[i].in.reasons[r], "-"))
				continue;
			gs_metrics_word(word, sizeof(word), m[i].in.reasons[r], " ");
			printf("goshim_waiting_threads{%s,reason=\"%s\"} %lu\n", m[i].labels, word,
			       m[i].sample.reasons[r]);
		}
	}
}

static const char *gs_metrics_help(const char *counter)
{
	for (size_t i = 0; i < GS_ARRAY_SIZE(gs_metrics_counters); i++)
		if (strcmp(gs_metrics_counters[i].name, counter) == 0)
			return gs_metrics_counters[i].help;
	return "A counter of the library";
}

/* All processes have the library's counters by their own tables, of one version or not. */
static void gs_metrics_counter(const struct gs_metrics *m, size_t n, const char *counter)
{
	char name[48];

	gs_metrics_word(name, sizeof(name), counter, "");
	gs_metrics_family(name, "counter", "", gs_metrics_help(counter));
	for (size_t i = 0; i < n; i++)
		for (unsigned c = 0; c < m[i].in.n_stats; c++)
			if (strcmp(m[i].in.stats[c], counter) == 0)
				printf("goshim_%s_total{%s} %llu\n", name, m[i].labels,
				       m[i].sample.counters[c]);
}

static void gs_metrics_latency(const struct gs_metrics *m, size_t n)
{
	static const char name[] = "goshim_latency_seconds";

	gs_metrics_family("latency_seconds", "histogram", "seconds",
			  "From being runnable to running, of a sample of the wake-ups");
	for (size_t i = 0; i < n; i++) {
		const struct gs_sample *s = &m[i].sample;
		unsigned long long sum = 0;

		for (unsigned b = 0; b < s->n_latency; b++) {
			sum += s->latency[b];
			/* The last one has no end. */
			if (b + 1 < s->n_latency)
				printf("%s_bucket{%s,le=\"%.9f\"} %llu\n", name, m[i].labels,
				       (double)(2ULL << b) / 1e9, sum);
		}
		printf("%s_bucket{%s,le=\"+Inf\"} %llu\n", name, m[i].labels, sum);
		printf("%s_count{%s} %llu\n", name, m[i].labels, sum);
		printf("%s_sum{%s} %.9f\n", name, m[i].labels, (double)s->latency_sum / 1e9);
	}
}

static void gs_metrics_print(const struct gs_metrics *m, size_t n)
{
	gs_metrics_threads(m, n);
	GS_METRICS_GAUGE(m, n, "workers", workers, "Kernel threads that run green threads");
	GS_METRICS_GAUGE(m, n, "lost_workers", lost, "Of those, blocked without a processor");
	GS_METRICS_GAUGE(m, n, "processors", nprocs, "Green threads that may run at a time");
	GS_METRICS_GAUGE(m, n, "idle_processors", idle_procs, "Of those, without work");
	GS_METRICS_GAUGE(m, n, "queued_threads", queued, "Runnable in the processors' queues");
	GS_METRICS_GAUGE(m, n, "globally_queued_threads", global, "Runnable in the common queue");
	GS_METRICS_GAUGE(m, n, "descriptors", descriptors, "Descriptors watched by epoll");
	for (unsigned c = 0; c < m[0].in.n_stats; c++)
		gs_metrics_counter(m, n, m[0].in.stats[c]);
	gs_metrics_latency(m, n);
	printf("# EOF\n");
}

/* A process that was named before: the same sample twice would be an error. */
static bool gs_metrics_known(const struct gs_metrics *m, size_t n, const char *pid)
{
	while (n-- > 0)
		if (atol(pid) == m[n].in.pid)
			return true;
	return false;
}

int gs_metrics_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char own_name[] = "goshim";
	struct gs_metrics *m;
	size_t n = 0;
	int c, code = 0;

	argv[0] = own_name;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c != 'h')
			return GS_EXIT_FAILURE;
		gs_metrics_usage();
		return 0;
	}
	if (optind >= argc) {
		gs_tool_warn(0, "metrics: a process number is wanted; try `goshim metrics --help'");
		return GS_EXIT_FAILURE;
	}
	m = calloc((size_t)(argc - optind), sizeof(*m));
	if (!m) {
		gs_tool_warn(ENOMEM, "metrics");
		return GS_EXIT_FAILURE;
	}
	for (; code == 0 && optind < argc; optind++) {
		if (gs_metrics_known(m, n, argv[optind]))
			continue;
		if (!gs_inspect_open(&m[n].in, argv[optind])) {
			code = GS_EXIT_FAILURE;
			break;
		}
		if (!gs_sample_first(&m[n].in, &m[n].sample, NULL, NULL))
			code = GS_EXIT_FAILURE;
		gs_metrics_label(&m[n++]);
	}
	if (code == 0)
		gs_metrics_print(m, n);
	while (n-- > 0)
		gs_inspect_close(&m[n].in);
	free(m);
	return code;
}
