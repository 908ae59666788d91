/* SPDX-License-Identifier: MIT */
/*
 * stats.c - the counters' names.
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
