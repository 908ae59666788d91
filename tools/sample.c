/* SPDX-License-Identifier: MIT */
/*
 * sample.c - adds up what the processors of a process have counted, and how many
 * threads are where.
 *
 * Called from: stat.c, top.c, metrics.c.
 */
#include "sample.h"

#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct gs_sample_walk {
	struct gs_sample *sample;
	gs_inspect_fn *each;
	void *arg;
	uint64_t waiting;
};

static void gs_sample_thread(struct gs_inspect *in, const char *record, uint64_t addr, void *arg)
{
	struct gs_sample_walk *w = arg;
	uint64_t state = gs_inspect_field(in, record, "thread.state", 1);
	uint64_t reason = gs_inspect_field(in, record, "thread.reason", 1);

	if (state < GS_SAMPLE_STATES)
		w->sample->states[state]++;
	if (state == w->waiting && reason < GS_SAMPLE_REASONS)
		w->sample->reasons[reason]++;
	if (w->each)
		w->each(in, record, addr, w->arg);
}

/* Adds n numbers at an address of the process to sums. */
static void gs_sample_add(const struct gs_inspect *in, uint64_t at, unsigned n,
			  unsigned long long *sums)
{
	uint64_t numbers[GS_SAMPLE_COUNTERS] = { 0 };

	_Static_assert(GS_SAMPLE_BUCKETS <= GS_SAMPLE_COUNTERS, "room for either");
	gs_peek_read(&in->view.os.peek, at, numbers, n * sizeof(numbers[0]));
	for (unsigned i = 0; i < n; i++)
		sums[i] += numbers[i];
}

static void gs_sample_proc(const struct gs_inspect *in, uint64_t proc, struct gs_sample *s)
{
	uint64_t head = gs_inspect_number(in, proc + gs_inspect_value(in, "proc.runq.head"), 4);
	uint64_t tail = gs_inspect_number(in, proc + gs_inspect_value(in, "proc.runq.tail"), 4);

	s->queued += (uint32_t)(tail - head);
	s->queued += gs_inspect_number(in, proc + gs_inspect_value(in, "proc.runq.next"), 8) != 0;
	gs_sample_add(in, proc + gs_inspect_value(in, "proc.stats"), in->n_stats, s->counters);
	gs_sample_add(in, proc + gs_inspect_value(in, "proc.latency"), s->n_latency, s->latency);
	s->latency_sum +=
		gs_inspect_number(in, proc + gs_inspect_value(in, "proc.latency.sum"), 8);
}

bool gs_sample_take(struct gs_inspect *in, struct gs_sample *s, gs_inspect_fn *each, void *arg)
{
	uint64_t procs = gs_inspect_at(in, "procs", 8), size = gs_inspect_value(in, "proc.size");
	struct gs_sample_walk walk = {
		.sample = s,
		.each = each,
		.arg = arg,
		.waiting = gs_inspect_value(in, "state.waiting"),
	};

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
	s->n_latency = (unsigned)GS_MIN(gs_inspect_value(in, "latency.count"),
					(uint64_t)GS_SAMPLE_BUCKETS);
	in->n_stats = GS_MIN(in->n_stats, (unsigned)GS_SAMPLE_COUNTERS);
	in->n_reasons = GS_MIN(in->n_reasons, (unsigned)GS_SAMPLE_REASONS);
	for (uint64_t i = 0; procs && i < s->nprocs && i < GS_SAMPLE_PROCS; i++)
		gs_sample_proc(in, procs + i * size, s);
	return gs_inspect_each(in, gs_sample_thread, &walk) && gs_inspect_alive(in);
}

bool gs_sample_first(struct gs_inspect *in, struct gs_sample *s, gs_inspect_fn *each, void *arg)
{
	if (gs_sample_take(in, s, each, arg))
		return true;
	gs_tool_warn(0, "process %d cannot be read, or has ended", in->pid);
	return false;
}

unsigned long gs_sample_state(const struct gs_inspect *in, const struct gs_sample *s,
			      unsigned state)
{
	return state < in->n_states && state < GS_SAMPLE_STATES ? s->states[state] : 0;
}

unsigned long long gs_sample_latency(const struct gs_sample *s, const struct gs_sample *before,
				     double share)
{
	unsigned long long total = 0, seen = 0;

	for (unsigned i = 0; i < s->n_latency; i++)
		total += s->latency[i] - (before ? before->latency[i] : 0);
	for (unsigned i = 0; i < s->n_latency && total; i++) {
		seen += s->latency[i] - (before ? before->latency[i] : 0);
		if ((double)seen >= share * (double)total)
			return 2ULL << i;
	}
	return 0;
}

double gs_sample_seconds(const struct gs_sample *s, const struct gs_sample *before)
{
	return (double)(s->when.tv_sec - before->when.tv_sec) +
	       (double)(s->when.tv_nsec - before->when.tv_nsec) / 1e9;
}

bool gs_sample_parse(const char *command, const char *what, const char *word, double *n)
{
	char *end;

	errno = 0;
	*n = strtod(word, &end);
	if (!errno && !*end && end != word && *n > 0 && *n < 1e9)
		return true;
	gs_tool_warn(0, "%s: %s must be a number above 0, not `%s'", command, what, word);
	return false;
}

void gs_sample_sleep(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}
