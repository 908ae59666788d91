/* SPDX-License-Identifier: MIT */
/*
 * monitor.h - a kernel thread without a processor that takes processors from
 * workers stuck in the kernel, asks computing threads to yield, and looks after
 * wake-ups and deadlines nobody has picked up.
 */
#ifndef GS_MONITOR_H
#define GS_MONITOR_H

#include "base.h"

/* Starts it. Returns 0 or -errno (the runtime works without, but a thread in a
   long system call then keeps its processor). */
int gs_monitor_start(void);

extern bool gs_monitor_running;
extern _Atomic uint32_t gs_monitor_asleep;
void gs_monitor_rouse(void);

/* A processor went from idle to busy: the monitor has something to watch. */
static inline void gs_monitor_wake(void)
{
	/* relaxed: a stale answer delays the monitor's first look, not any thread */
	if (GS_UNLIKELY(atomic_load_explicit(&gs_monitor_asleep, memory_order_relaxed)))
		gs_monitor_rouse();
}

/* A worker without a processor has put threads on the global queue. */
void gs_monitor_call(void);

void gs_monitor_after_fork(void);

#endif
