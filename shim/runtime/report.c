/* SPDX-License-Identifier: MIT */
/*
 * report.c - GOSHIM_STATS: the counters, for a person, when the program ends.
 *
 * Called from: the library's destructor.
 */
#include "report.h"

#include "callname.h"
#include "log.h"
#include "preempt.h"
#include "worker.h"

void gs_report_print(void)
{
	for (int i = 0; i < GS_STAT_COUNT; i++) {
		uint64_t sum = 0;

		/* relaxed: counters */
		for (uint32_t p = 0; p < gs_nprocs; p++)
			sum += atomic_load_explicit(&gs_procs[p].stats.n[i], memory_order_relaxed);
		gs_log_line("%-10s %lu", gs_stats_names[i], sum);
	}
	for (unsigned nr = 0; nr < GS_PREEMPT_SYSCALLS; nr++) {
		uint32_t lasted = gs_preempt_lasted[nr], blocked = gs_preempt_blocked[nr];
		const char *name = gs_callname(nr);

		if (lasted + blocked > 0)
			gs_log_line("system call %s (%u) blocked a kernel thread %u times, %u of them "
				    "unannounced", name ? name : "?", nr, lasted + blocked, blocked);
	}
}
