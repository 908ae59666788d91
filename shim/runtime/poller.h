/* SPDX-License-Identifier: MIT */
/*
 * poller.h - fetching events and watching deadlines. Private to floor 2; scheduler context.
 */
#ifndef GS_POLLER_H
#define GS_POLLER_H

#include "worker.h"

/* Sleeps in epoll_wait as the poller, and then makes threads runnable. Returns false when
   there is one already. w holds no processor, but may have one afterwards. */
bool gs_poller_sleep(struct gs_worker *w);

/* w, which holds a processor, asks for events without waiting. */
void gs_poller_ask(struct gs_worker *w);

/* Nothing to run is left: is it worth while to ask before w goes to sleep? Not if it is
   going to do so in epoll_wait and, by last time's experience, will find nothing there at
   once. (A poller has been woken by now, if there is anything, but may wait for a CPU.) */
bool gs_poller_may_ask(struct gs_worker *w);

/* Runs the deadlines that have come: of all processors, or of mine (the caller's) only. */
void gs_poller_run_timers(struct gs_proc *mine, bool all);

/* If there is a deadline that the poller does not know of: wakes it. */
void gs_poller_cover(void);

/* fork, child side: nobody sleeps. */
void gs_poller_after_fork(void);

#endif
