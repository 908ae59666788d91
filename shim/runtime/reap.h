/* SPDX-License-Identifier: MIT */
/*
 * reap.h - waiting for a child of known number without a kernel thread.
 */
#ifndef GS_REAP_H
#define GS_REAP_H

#include "thread.h"

/* Parks until child pid has ended. Returns 0 when the wait call is to be made now: it has
   ended, or it is none of ours, or it cannot be waited for like this and the call may
   block; -EINTR when a handler ends the call. Outside the runtime; a cancellation
   point. */
int gs_reap_await(struct gs_thread *self, int pid);

#endif
