/* SPDX-License-Identifier: MIT */
/*
 * loop.h - event loops: threads that sleep in epoll_wait again and again.
 */
#ifndef GS_LOOP_H
#define GS_LOOP_H

#include "worker.h"

struct epoll_event;

/* How often a thread has written to something local while others slept in system calls. */
extern _Atomic uint32_t gs_loop_told;

/* For whoever writes to what another thread of the process may wait for. Inside the runtime
   or outside. */
static inline void gs_loop_tell(void)
{
	/* relaxed, both: a hint */
	if (GS_UNLIKELY(atomic_load_explicit(&gs_worker_lost, memory_order_relaxed) != 0))
		atomic_fetch_add_explicit(&gs_loop_told, 1, memory_order_relaxed);
}

/* self has parked in epoll_wait. */
void gs_loop_parked(struct gs_thread *self);

/* Shall self sleep in the kernel's epoll_wait, now? Inside the runtime. */
bool gs_loop_may_sleep(const struct gs_thread *self);

/* Does its next epoll_wait probably sleep, so that there is no point in asking first? */
static inline bool gs_loop_sleepy(const struct gs_thread *self)
{
	return self->loop_slept;
}

/* epoll_wait until deadline, which gs_loop_may_sleep has allowed. Returns what the kernel
   does: a count, 0, -errno; -EINTR also when a signal or a cancellation wants the thread.
   Inside the runtime. */
int gs_loop_sleep(struct gs_thread *self, int epfd, struct epoll_event *events, int max,
		  uint64_t deadline);

#endif
