/* SPDX-License-Identifier: MIT */
/*
 * stats.h - counters, one set per processor on its own cache lines. The owner
 * adds with a plain relaxed store; readers sum.
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

struct gs_stats {
	_Atomic uint64_t n[GS_STAT_COUNT];
};

extern const char *const gs_stats_names[GS_STAT_COUNT];

static inline void gs_stats_add(struct gs_stats *s, enum gs_stat which, uint64_t by)
{
	/* relaxed, and not a read-modify-write: one writer */
	atomic_store_explicit(&s->n[which],
			      atomic_load_explicit(&s->n[which], memory_order_relaxed) + by,
			      memory_order_relaxed);
}

#endif
