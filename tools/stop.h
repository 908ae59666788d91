/* SPDX-License-Identifier: MIT */
/*
 * stop.h - stops a kernel thread of another process for the moment it takes to
 * read its registers and its stack.
 */
#ifndef GS_STOP_H
#define GS_STOP_H

#include "runtime/unwind.h"

struct gs_stop {
	int tid;
	int signal; /* it was about to take, and takes when it goes on; 0: none */
};

/* Stops kernel thread tid, if the kernel permits it and the thread is computing and
   not in a system call, and gives its registers. Then gs_stop_release must follow. */
bool gs_stop_thread(struct gs_stop *s, int tid, struct gs_unwind_frame *f);
void gs_stop_release(struct gs_stop *s);

#endif
