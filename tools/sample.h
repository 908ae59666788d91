/* SPDX-License-Identifier: MIT */
/*
 * sample.h - the scheduler's numbers of a process at one moment, as `stat', `top' and
 * `metrics' show them.
 */
#ifndef GS_SAMPLE_H
#define GS_SAMPLE_H

#include "inspect.h"

#include <time.h>

enum {
	GS_SAMPLE_COUNTERS = 64,
	GS_SAMPLE_PROCS = 1024,
	GS_SAMPLE_STATES = 16,
	GS_SAMPLE_REASONS = 64,
	GS_SAMPLE_BUCKETS = 64,
};

struct gs_sample {
	struct timespec when;
	unsigned long states[GS_SAMPLE_STATES];
	unsigned long reasons[GS_SAMPLE_REASONS]; /* of those that wait */
	unsigned long long threads, workers, lost, spinning, idle_procs, nprocs, global, queued,
		descriptors;
	unsigned long long counters[GS_SAMPLE_COUNTERS];
	/* Waits for a processor: how many of 2^i to 2^(i+1) ns, of one wake-up in so many. */
	unsigned long long latency[GS_SAMPLE_BUCKETS], latency_sum;
	unsigned n_latency;
};

/* False when the process cannot be read, or has ended. each, unless NULL, is called for
   every green thread as by gs_inspect_each. */
bool gs_sample_take(struct gs_inspect *in, struct gs_sample *s, gs_inspect_fn *each, void *arg);

/* The same, and a line on standard error when it fails. */
bool gs_sample_first(struct gs_inspect *in, struct gs_sample *s, gs_inspect_fn *each, void *arg);

/* How many of s's threads are in a state; 0 for a number that is none. */
unsigned long gs_sample_state(const struct gs_inspect *in, const struct gs_sample *s,
			      unsigned state);

/* Nanoseconds that a share of the waits for a processor since before (NULL: ever) did
   not pass, rounded up to a power of two; 0 when none was timed. */
unsigned long long gs_sample_latency(const struct gs_sample *s, const struct gs_sample *before,
				     double share);

double gs_sample_seconds(const struct gs_sample *s, const struct gs_sample *before);

/* Reads a number above 0; false after a line that says what is wrong with it. */
bool gs_sample_parse(const char *command, const char *what, const char *word, double *n);

/* Sleeps that long, whatever signals come. */
void gs_sample_sleep(double seconds);

#endif
