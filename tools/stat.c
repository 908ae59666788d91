/* SPDX-License-Identifier: MIT */
/*
 * stat.c - `goshim stat`: the scheduler's counters of a running process, once or
 * again and again, for people or as JSON lines.
 *
 * Called from: goshim.c.
 */
#include "runtime/callname.h"
#include "sample.h"
#include "tool.h"

#include <getopt.h>
#include <stdio.h>

enum { GS_STAT_HEADER = 20 }; /* samples between two lines of headings */

static void gs_stat_usage(void)
{
	printf("Usage: goshim stat [OPTION...] PID [INTERVAL [COUNT]]\n"
	       "Print the counters of a process that runs on green threads: the totals since it\n"
	       "started, or what happens per second, every INTERVAL seconds, COUNT times. Latency\n"
	       "is how long threads that can run wait for a processor: half of them less than p50,\n"
	       "all but a hundredth less than p99.\n"
	       "\n"
	       "  -j, --json  one JSON object for each sample, counters as totals\n"
	       "  -h, --help  print this\n");
}

static void gs_stat_list(const struct gs_inspect *in, const struct gs_sample *s)
{
	printf("%-16s %llu\n", "threads", s->threads);
	for (unsigned i = 0; i < in->n_states; i++)
		printf("  %-14s %lu\n", in->states[i], gs_sample_state(in, s, i));
	printf("%-16s %llu\n", "workers", s->workers);
	printf("%-16s %llu\n", "processors", s->nprocs);
	printf("%-16s %llu\n", "idle processors", s->idle_procs);
	printf("%-16s %llu\n", "queued", s->queued);
	printf("%-16s %llu\n", "queued globally", s->global);
	printf("%-16s %llu\n", "descriptors", s->descriptors);
	for (unsigned i = 0; i < in->n_stats; i++)
		printf("%-16s %llu\n", in->stats[i], s->counters[i]);
	printf("%-16s %.3f\n", "latency p50 us", (double)gs_sample_latency(s, NULL, 0.5) / 1000);
	printf("%-16s %.3f\n", "latency p99 us", (double)gs_sample_latency(s, NULL, 0.99) / 1000);
}

/* Which calls cost their threads a kernel thread. */
static void gs_stat_calls(struct gs_inspect *in)
{
	uint64_t n = gs_inspect_value(in, "calls.count");
	uint64_t lasted = gs_inspect_value(in, "calls.lasted");
	uint64_t blocked = gs_inspect_value(in, "calls.blocked");
	bool any = false;

	for (unsigned nr = 0; nr < n; nr++) {
		unsigned in_region = (unsigned)gs_inspect_number(in, lasted + 4 * nr, 4);
		unsigned unannounced = (unsigned)gs_inspect_number(in, blocked + 4 * nr, 4);
		const char *name = gs_callname(nr);

		if (in_region + unannounced == 0)
			continue;
		if (!any)
			printf("system calls that blocked a kernel thread\n");
		any = true;
		if (name)
			printf("  %-14s %u", name, in_region + unannounced);
		else
			printf("  %-14u %u", nr, in_region + unannounced);
		if (unannounced)
			printf(", %u unannounced", unannounced);
		putchar('\n');
	}
}

static void gs_stat_json(const struct gs_inspect *in, const struct gs_sample *s)
{
	printf("{\"pid\":%d,\"time\":%lld.%03ld,\"threads\":%llu,\"states\":{", in->pid,
	       (long long)s->when.tv_sec, s->when.tv_nsec / 1000000, s->threads);
	for (unsigned i = 0; i < in->n_states; i++)
		printf("%s\"%s\":%lu", i ? "," : "", in->states[i], gs_sample_state(in, s, i));
	printf("},\"workers\":%llu,\"spinning\":%llu,\"lost\":%llu,\"processors\":%llu,"
	       "\"idle_processors\":%llu,\"queued\":%llu,\"global_queued\":%llu,"
	       "\"descriptors\":%llu,\"counters\":{",
	       s->workers, s->spinning, s->lost, s->nprocs, s->idle_procs, s->queued, s->global,
	       s->descriptors);
	for (unsigned i = 0; i < in->n_stats; i++)
		printf("%s\"%s\":%llu", i ? "," : "", in->stats[i], s->counters[i]);
	printf("},\"latency_ns\":{\"p50\":%llu,\"p99\":%llu}}\n", gs_sample_latency(s, NULL, 0.5),
	       gs_sample_latency(s, NULL, 0.99));
}

/* One line of rates, with the headings now and then. */
static void gs_stat_line(const struct gs_inspect *in, const struct gs_sample *s,
			 const struct gs_sample *last, unsigned long n)
{
	double seconds = gs_sample_seconds(s, last);
	struct tm tm;
	char clock[16];

	if (n % GS_STAT_HEADER == 0) {
		printf("%s%-8s %8s %6s %6s %6s", n ? "\n" : "", "time", "threads", "worker",
		       "idle", "queued");
		for (unsigned i = 0; i < in->n_stats; i++)
			printf(" %8s/s", in->stats[i]);
		printf(" %9s %9s\n", "p50 us", "p99 us");
	}
	localtime_r(&s->when.tv_sec, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("%-8s %8llu %6llu %6llu %6llu", clock, s->threads, s->workers, s->idle_procs,
	       s->queued + s->global);
	for (unsigned i = 0; i < in->n_stats; i++) {
		double done = (double)(s->counters[i] - last->counters[i]);

		printf(" %10.1f", seconds > 0 ? done / seconds : 0.0);
	}
	printf(" %9.1f %9.1f\n", (double)gs_sample_latency(s, last, 0.5) / 1000,
	       (double)gs_sample_latency(s, last, 0.99) / 1000);
}

/* interval 0: once. count 0: until the process ends. */
static int gs_stat_run(struct gs_inspect *in, double interval, unsigned long count, bool json)
{
	struct gs_sample samples[2];

	if (!gs_sample_first(in, &samples[0], NULL, NULL))
		return GS_EXIT_FAILURE;
	if (json) {
		gs_stat_json(in, &samples[0]);
	} else if (interval == 0) {
		gs_stat_list(in, &samples[0]);
		gs_stat_calls(in);
	}
	for (unsigned long n = 0; interval > 0 && (count == 0 || n < count); n++) {
		/* Of JSON's samples, the first is one of the count. */
		if (json && count && n + 1 == count)
			break;
		fflush(stdout);
		gs_sample_sleep(interval);
		if (!gs_sample_take(in, &samples[(n + 1) % 2], NULL, NULL))
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
	if ((argc > 1 && !gs_sample_parse("stat", "the interval", argv[1], &interval)) ||
	    (argc > 2 && !gs_sample_parse("stat", "the count", argv[2], &count)) ||
	    !gs_inspect_open(&in, argv[0]))
		return GS_EXIT_FAILURE;
	code = gs_stat_run(&in, interval, (unsigned long)count, json);
	gs_inspect_close(&in);
	return code;
}
