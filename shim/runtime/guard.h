/* SPDX-License-Identifier: MIT */
/*
 * guard.h - putting things right when a call never comes back, because the thread
 * ends in it: a cancellation, or pthread_exit in a signal handler.
 */
#ifndef GS_GUARD_H
#define GS_GUARD_H

/* Calls body(arg); if the thread ends inside, undo(arg), and the thread goes on ending.
   On a green thread. */
void gs_guard_call(void (*body)(void *), void (*undo)(void *), void *arg);

#endif
