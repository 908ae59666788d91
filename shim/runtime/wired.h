/* SPDX-License-Identifier: MIT */
/*
 * wired.h - what the kernel keeps per kernel thread (affinity, priority,
 * namespaces, credentials, filters) for green threads: whoever changes it gets a
 * kernel thread of its own, its home, for good.
 *
 * Called from: hooks, on green threads outside the runtime; with self NULL from
 * kernel threads that are not ours. Results are the kernel's, -errno on failure.
 */
#ifndef GS_WIRED_H
#define GS_WIRED_H

#include "thread.h"

struct gs_worker;

/* Start-up, on main: sets gs_sched_ops.wish. */
void gs_wired_init(void);

/* A call that can only be made by the kernel thread concerned, and of which nothing
   is left when it fails: gives self a home and makes the call there. inherited:
   threads it creates from now on are to have what the call changes. */
long gs_wired_call(struct gs_thread *self, long nr, const long *a, bool inherited);

/* A call about a kernel thread that may be made by any: argument at of it names t,
   and t gets a home, if it has none, when the call succeeds and changes something.
   A t that is elsewhere moves home when it next leaves the runtime; answers about
   it are right at once. */
long gs_wired_set(struct gs_thread *self, struct gs_thread *t, long nr, const long *a, int at);

/* The kernel thread to ask about t, 0 for the calling one. */
int gs_wired_ask(struct gs_thread *self, struct gs_thread *t);

/* The kernel thread that is, or will be, t's own; -EAGAIN when there is none to be had. */
int gs_wired_ktid(struct gs_thread *self, struct gs_thread *t);

/* Whose own kernel thread is it? NULL: nobody's. */
struct gs_thread *gs_wired_whose(int ktid);

/* A thread is about to be created. Do threads that self makes inherit something? */
bool gs_wired_inherits(const struct gs_thread *self);
/* A home for it, with what it inherits; NULL when there is none to be had. */
struct gs_worker *gs_wired_new(struct gs_thread *self);
/* Makes a call about it, as gs_wired_set; *changed is set when something changed. */
long gs_wired_apply(struct gs_worker *w, long nr, const long *a, int at, bool *changed);
/* t, which has not started, will begin there. */
void gs_wired_bind(struct gs_thread *t, struct gs_worker *w);
/* It is not needed after all. */
void gs_wired_discard(struct gs_worker *w);

/* t's name has changed: shows it on its own kernel thread, if it has one, and, for main,
   as the process's. */
void gs_wired_rename(struct gs_thread *t);

/* The thread, which has a home, is about to end. Inside the runtime. */
void gs_wired_end(struct gs_thread *self);

/* gs_sched_ops.wish */
void gs_wired_attend(struct gs_thread *self);

/* fork, child side. */
void gs_wired_after_fork(struct gs_thread *self);

#endif
