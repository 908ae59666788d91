/* SPDX-License-Identifier: MIT */
/*
 * stats.h - counters, one set per processor on its own cache lines. The owner
 * adds with a plain relaxed store; readers sum.
 *
 * Besides them, how long threads wait for the processor once they could run: of one
 * wake-up in GS_STATS_SAMPLE the time is taken, since taking it costs about as much as
 * the switch it precedes.
 */
#ifndef GS_STATS_H
#define GS_STATS_H

#include "base.h"

enum gs_stat {
	GS_STAT_SWITCHES,   /* threads switched to */
	GS_STAT_PARKS,      /* waits that left the processor */
	GS_STAT_WAKES,      /* threads made runnable */
	GS_STAT_STEALS,
	GS_STAT_CREATES,
	GS_STAT_EXITS,
	GS_STAT_POLLS,      /* epoll_wait calls */
	GS_STAT_EVENTS,     /* readiness events */
	GS_STAT_REGIONS,    /* blocking regions entered */
	GS_STAT_HANDOFFS,   /* processors taken from blocked workers */
	GS_STAT_PREEMPTS,
	GS_STAT_TIMERS,     /* deadlines that fired */
	GS_STAT_COUNT
};

enum {
	GS_STATS_SAMPLE = 64,
	GS_STATS_BUCKETS = 40, /* the last one: 9 minutes and more */
};

struct gs_stats {
	_Atomic uint64_t n[GS_STAT_COUNT];
	/* Waits of 2^i to 2^(i+1) nanoseconds, and their sum. */
	_Atomic uint64_t latency[GS_STATS_BUCKETS];
	_Atomic uint64_t latency_sum;
};

extern const char *const gs_stats_names[GS_STAT_COUNT];

static inline void gs_stats_bump(_Atomic uint64_t *n, uint64_t by)
{
	/* relaxed, and not a read-modify-write: one writer */
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static inline void gs_stats_add(struct gs_stats *s, enum gs_stat which, uint64_t by)
{
	gs_stats_bump(&s->n[which], by);
}

/* Is the wake-up just counted in s one whose time is to be taken? */
static inline bool gs_stats_sampled(const struct gs_stats *s)
{
	/* relaxed: the owner's own */
	return atomic_load_explicit(&s->n[GS_STAT_WAKES], memory_order_relaxed) %
		       GS_STATS_SAMPLE == 0;
}

/* A sampled wake-up's thread got the processor that many cycles later. */
void gs_stats_latency(struct gs_stats *s, int64_t cycles);

/* For the monitor: so many cycles have been so many nanoseconds. Until the first call
   no latency is counted. */
void gs_stats_learn(uint64_t cycles, uint64_t ns);

#endif
