/* SPDX-License-Identifier: MIT */
/*
 * deadlock.h - GOSHIM_DEBUG=deadlock: tells once when nothing can ever run again.
 */
#ifndef GS_DEADLOCK_H
#define GS_DEADLOCK_H

/* All processors have been idle for a while: is every green thread waiting for
   another one? Monitor only. */
void gs_deadlock_look(void);

#endif
