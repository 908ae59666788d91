/* SPDX-License-Identifier: MIT */
/*
 * view.h - how a green thread is shown to a person: one line about it, one line
 * for each frame of its stack. The dump inside the process and the goshim command
 * outside print with the same code.
 */
#ifndef GS_VIEW_H
#define GS_VIEW_H

#include "log.h"
#include "thread.h"
#include "unwind.h"

struct gs_view_cache;

/* One moment on the cycle counter and on CLOCK_MONOTONIC. */
struct gs_view_moment {
	uint64_t cycles, ns;
};

struct gs_view {
	struct gs_objects os;
	struct gs_view_cache *cache; /* names of places met before */
};

/* Gets ready to show threads of process pid. Returns 0 or -errno. */
int gs_view_open(struct gs_view *v, int pid);
void gs_view_close(struct gs_view *v);

/* Nanoseconds from when the cycle counter stood at since to now, GS_NEVER when that
   cannot be told; first is an earlier moment, the earlier the better. */
uint64_t gs_view_age(const struct gs_view_moment *first, const struct gs_view_moment *now,
		     uint64_t since);

enum gs_view_object {
	GS_VIEW_ADDRESS,
	GS_VIEW_NOTHING,
	GS_VIEW_DESCRIPTOR,
	GS_VIEW_THREAD, /* a pthread_t */
};

/* What gs_thread.wait_obj is for each reason; enum gs_view_object. */
extern const uint8_t gs_view_objects[GS_REASON_COUNT];

/* What object is, where the reason says kind: small addresses are none. */
enum gs_view_object gs_view_object(unsigned kind, uint64_t object);

struct gs_view_thread {
	uint64_t id;
	int tid;
	const char *name;   /* "" for none */
	const char *state;
	const char *reason; /* NULL: not waiting */
	enum gs_view_object kind;
	uint64_t object;
	uint64_t age; /* nanoseconds since it got or left the processor; GS_NEVER: unknown */
	int worker;   /* who runs it, or -1 */
	int ktid;
	bool wired;
};

void gs_view_thread(struct gs_text *t, const struct gs_view *v,
		    const struct gs_view_thread *thread);

/* A place on a stack, and the way to the next one: who unwinds embeds it. */
struct gs_view_walk {
	uint64_t pc;
	bool call;   /* pc is where a call returns to, not where the frame stopped */
	bool signal; /* pc is the code a signal handler returns to */
	/* On to the caller's frame. As gs_unwind_step: 1, 0 at the end, or -errno;
	   -ENODATA when a register would be needed that is not known. */
	int (*step)(struct gs_view_walk *w);
};

/* The stack from w on, one line per frame. Returns how many frames there were. */
unsigned gs_view_stack(struct gs_text *t, struct gs_view *v, struct gs_view_walk *w);

/* "function+0x12 (file+0x3456)". */
void gs_view_place(struct gs_text *t, struct gs_view *v, uint64_t addr, bool call);

/* The registers a kernel thread blocked in a system call went in with, as far as
   the kernel tells. False when it is not blocked in one. */
bool gs_view_kernel_frame(const struct gs_view *v, int ktid, struct gs_unwind_frame *f);

#endif
