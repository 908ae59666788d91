/* SPDX-License-Identifier: MIT */
/*
 * signal.h - signals per green thread, as far as calls that wait need to know.
 *
 * Called from: floor 3 and the hooks, on a green thread.
 */
#ifndef GS_SIGNAL_H
#define GS_SIGNAL_H

#include "thread.h"

/* After a wait ended with -EINTR and gs_leave let the handlers run: true when
   every handler that ran had SA_RESTART, so that the call goes on waiting. */
bool gs_signal_restarts(struct gs_thread *self);

/* Blocks exactly the signals in set (bit n-1 for signal n) and stores what was
   blocked before in *old. When a pending signal is deliverable now, GS_ATT_SIGNAL
   is in self->attention on return, and an interruptible wait ends with -EINTR; the
   handler runs when the thread leaves the runtime. Inside the runtime. Returns 0. */
int gs_signal_swap_mask(struct gs_thread *self, uint64_t set, uint64_t *old);

#endif
