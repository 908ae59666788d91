/* SPDX-License-Identifier: MIT */
/*
 * remote.h - stacks of another process, by libunwind's remote interface. The
 * library itself cannot link libunwind (see unwind.c) and has its own reader; from
 * outside, the one everybody else uses is better.
 */
#ifndef GS_REMOTE_H
#define GS_REMOTE_H

#include "runtime/unwind.h"
#include "runtime/view.h"

struct gs_remote {
	struct gs_view *view;
	void *space; /* libunwind's address space */
};

/* Gets ready to unwind in the process v shows. False after a line that says why not. */
bool gs_remote_open(struct gs_remote *r, struct gs_view *v);
void gs_remote_close(struct gs_remote *r);

/* The stack whose innermost frame is f, one line per frame, as gs_view_stack. */
void gs_remote_stack(struct gs_text *t, struct gs_remote *r, const struct gs_unwind_frame *f);

#endif
