/* SPDX-License-Identifier: MIT */
/*
 * sched.h - what the kernel keeps per kernel thread, for hooks that come by it in
 * other ways than by a function of its own.
 */
#ifndef GS_HOOKS_SCHED_H
#define GS_HOOKS_SCHED_H

#include "runtime/base.h"

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>

struct gs_thread;
struct gs_worker;

/* For syscall(): is nr one of the calls about a thread, its processor time or its
   kernel thread? */
bool gs_sched_wires(long nr);
/* Makes it: returns the kernel's result. a has six arguments. Any context. */
long gs_sched_syscall(long nr, const long *a);
/* Those of them that are about the calling thread only; identity.c. */
long gs_identity_syscall(struct gs_thread *self, long nr, const long *a);
/* pkey_alloc, also before the first thread is made. */
long gs_identity_key(const long *a);
/* The same call while the library is off: it may be a reason to stay that. */
long gs_identity_early(long nr, const long *a);

/* The live green thread a program means by this number; NULL when it is none of
   ours. 0 is the calling thread. */
struct gs_thread *gs_sched_thread(struct gs_thread *self, pid_t tid);

/* For pthread_create: *home is where a thread with these attributes (which may be
   NULL) must begin, or NULL when any worker will do. Returns 0 or an error number. */
int gs_sched_birth(struct gs_thread *self, const pthread_attr_t *attr, struct gs_worker **home);

/* clock.c. The kernel's clock_gettime, of any clock. */
long gs_clock_get(clockid_t clock, struct timespec *ts);
long gs_clock_resolution(clockid_t clock, struct timespec *res);
/* The kernel's getrusage. */
long gs_clock_usage(int who, void *usage);
/* Makes clock and, if not NULL, ev mean kernel threads instead of green ones, for
   timer_create. Returns 0 or -errno. */
int gs_clock_translate(struct gs_thread *self, clockid_t *clock, struct sigevent *ev);

#endif
