/* SPDX-License-Identifier: MIT */
/*
 * dump.h - for people: all green threads with their stacks, and the scheduler's
 * state in one line.
 */
#ifndef GS_DUMP_H
#define GS_DUMP_H

#include "view.h"

/* What gs_thread.since means: when the library was turned on, and the monitor's last
   look. The monitor writes the latter, for those who read a core. */
struct gs_dump_clock {
	struct gs_view_moment first, last;
};
extern struct gs_dump_clock gs_dump_clock;

/* Activation: takes the first moment, and sets GOSHIM_DUMP_SIGNAL up, unless the
   program handles that signal. After the signals' step, before the monitor starts. */
void gs_dump_init(void);

/* Prints every green thread. Takes no lock and allocates from the kernel only, but
   uses 16 KiB of stack and takes its time: for the monitor. */
void gs_dump_all(void);

/* Asks the monitor for gs_dump_all. Async-signal-safe. */
void gs_dump_request(void);

/* For the monitor, at each look: does what was asked for. now: gs_now(). */
void gs_dump_poll(uint64_t now);

/* Is a request pending? For the monitor, before it goes to sleep. */
bool gs_dump_wanted(void);

/* One line in the format of Go's schedtrace. now: gs_now(). */
void gs_dump_schedtrace(uint64_t now);

#endif
