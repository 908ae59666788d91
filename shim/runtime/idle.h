/* SPDX-License-Identifier: MIT */
/*
 * idle.h - processors nobody holds, workers that sleep, and waking one for the
 * other. The essay is in idle.c.
 */
#ifndef GS_IDLE_H
#define GS_IDLE_H

#include "worker.h"

/* Idle processors; workers looking for work in others' queues. */
extern _Atomic uint32_t gs_idle_procs, gs_idle_spinning;

/* Puts a processor nobody holds on the idle list. */
void gs_idle_put(struct gs_proc *p);

/* An idle processor for w, which has none; NULL when there is none. */
struct gs_proc *gs_idle_acquire(struct gs_worker *w);

/* Somebody became runnable and nobody looks for work: get an idle processor a
   worker. Any context inside the runtime. */
void gs_idle_wake_one(void);

/* Gives p, which the caller took out of a region or off a stuck worker, to somebody
   who can use it: another worker if there is work or nobody polls, else the idle list. */
void gs_idle_hand_off(struct gs_proc *p);

/* w goes to sleep, without a processor, and comes back with one; false: there are too
   many workers, and this one, no longer counted, shall end. */
bool gs_idle_sleep(struct gs_worker *w);

/* w, without a processor, becomes the poller. False: there is one. */
bool gs_idle_poll_begin(struct gs_worker *w);
/* It is so no more; it may have a processor now. */
void gs_idle_poll_end(struct gs_worker *w);
/* Somebody sleeps in epoll_wait. */
bool gs_idle_is_polled(void);

/* w holds p, which nobody else does. */
void gs_idle_hold(struct gs_worker *w, struct gs_proc *p);

/* Starts a kernel thread with p; worker.c. */
extern bool (*gs_idle_spawn)(struct gs_proc *p, bool spinning);

void gs_idle_after_fork(void);

#endif
