/* SPDX-License-Identifier: MIT */
/*
 * stats.c - sums of the counters, for a person, when the program ends.
 *
 * Called from: the library's destructor.
 */
#include "stats.h"

#include "log.h"
#include "preempt.h"
#include "worker.h"

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

void gs_stats_report(void)
{
	for (int i = 0; i < GS_STAT_COUNT; i++) {
		uint64_t sum = 0;

		/* relaxed: counters */
		for (uint32_t p = 0; p < gs_nprocs; p++)
			sum += atomic_load_explicit(&gs_procs[p].stats.n[i], memory_order_relaxed);
		gs_log_line("%-10s %lu", gs_stats_names[i], sum);
	}
	for (int nr = 0; nr < GS_PREEMPT_SYSCALLS; nr++)
		if (gs_preempt_blocked[nr])
			gs_log_line("system call %d blocked a kernel thread unannounced, %u times", nr,
				    gs_preempt_blocked[nr]);
}
