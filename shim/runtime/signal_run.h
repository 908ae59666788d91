/* SPDX-License-Identifier: MIT */
/*
 * signal_run.h - running the program's handlers: between signal.c, which has the frame,
 * and signal_run.c.
 */
#ifndef GS_SIGNAL_RUN_H
#define GS_SIGNAL_RUN_H

#include "sigact.h"
#include "thread.h"

#include <ucontext.h>

/* What is round a call that self's kernel thread is in. */
struct gs_signal_inside {
	bool region, sealed, native;
	uint64_t kmask; /* native: lent to it */
};

/* Out of whatever self is in, and back in, perhaps on another worker: the program's handlers
   run in between. Inside the runtime. */
void gs_signal_step_out(struct gs_thread *self, struct gs_signal_inside *was);
void gs_signal_step_in(struct gs_thread *self, const struct gs_signal_inside *was);

/* Runs the handler act has for sig, above the frame uc. Inside the runtime, inrt 1. */
void gs_signal_run(struct gs_thread *self, int sig, const struct gs_sigact *act, siginfo_t *info,
		   ucontext_t *uc);

/* Delivers to self whatever is pending and not blocked, above the frame uc. Inside the
   runtime. A region is left first: the program's handler may do anything. */
void gs_signal_deliver(struct gs_thread *self, ucontext_t *uc);

/* For signal_life.c: the kernel's handler is ours from now on; the process is a new one. */
void gs_signal_listen(void);
void gs_signal_forked(void);

#endif
