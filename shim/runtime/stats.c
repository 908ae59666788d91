/* SPDX-License-Identifier: MIT */
/*
 * stats.c - the counters' names, and the distribution of latencies.
 *
 * Locks: none. Called from: switch.h, on the processor the counters belong to; dump.c,
 * on the monitor (gs_stats_learn).
 */
#include "stats.h"

const char *const gs_stats_names[GS_STAT_COUNT] = {
	[GS_STAT_SWITCHES] = "switches",
	[GS_STAT_PARKS] = "parks",
	[GS_STAT_WAKES] = "wakes",
	[GS_STAT_STEALS] = "steals",
	[GS_STAT_CREATES] = "creates",
	[GS_STAT_EXITS] = "exits",
	[GS_STAT_POLLS] = "polls",
	[GS_STAT_EVENTS] = "events",
	[GS_STAT_REGIONS] = "regions",
	[GS_STAT_HANDOFFS] = "handoffs",
	[GS_STAT_PREEMPTS] = "preempts",
	[GS_STAT_TIMERS] = "timers",
};

enum {
	GS_STATS_FRACTION = 20,    /* bits of gs_stats_factor behind the point */
	GS_STATS_MAX_CYCLES = 43,  /* bits; more would overflow, and is an hour */
	GS_STATS_MIN_LEARN = 1000000,
};

static _Atomic uint64_t gs_stats_factor; /* nanoseconds per cycle; 0: not known yet */

void gs_stats_learn(uint64_t cycles, uint64_t ns)
{
	/* relaxed: the number is all there is */
	if (ns >= GS_STATS_MIN_LEARN && cycles > 0)
		atomic_store_explicit(&gs_stats_factor,
				      (uint64_t)((double)ns / (double)cycles *
						 (1 << GS_STATS_FRACTION)),
				      memory_order_relaxed);
}

void gs_stats_latency(struct gs_stats *s, int64_t cycles)
{
	uint64_t factor = atomic_load_explicit(&gs_stats_factor, memory_order_relaxed);
	/* Another CPU's counter, or a processor that reads it seldom, may be behind. */
	uint64_t wait = cycles > 0 ? (uint64_t)cycles : 0, ns;
	unsigned bucket;

	if (factor == 0)
		return;
	ns = GS_MIN(wait, 1ULL << GS_STATS_MAX_CYCLES) * factor >> GS_STATS_FRACTION;
	bucket = 63 - (unsigned)__builtin_clzll(ns | 1);
	gs_stats_bump(&s->latency[GS_MIN(bucket, GS_STATS_BUCKETS - 1U)], 1);
	gs_stats_bump(&s->latency_sum, ns);
}
