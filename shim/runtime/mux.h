/* SPDX-License-Identifier: MIT */
/*
 * mux.h - waiting for several descriptors at once: poll, select, epoll.
 *
 * gs_mux_poll, gs_mux_epoll and gs_mux_select run inside the runtime, take a
 * deadline of CLOCK_MONOTONIC (GS_MUX_NOW: only ask, GS_NEVER: no limit) and
 * return what the kernel's call returns: a count, 0 when the deadline passed,
 * -errno. -EINTR means that a signal or a cancellation wants the thread: the
 * caller leaves the runtime.
 */
#ifndef GS_MUX_H
#define GS_MUX_H

#include "fd.h"

struct epoll_event;
struct pollfd;

#define GS_MUX_NOW UINT64_C(0)

int gs_mux_poll(struct gs_thread *self, struct pollfd *fds, unsigned long nfds,
		uint64_t deadline);

/* sleeps: it may be the kernel's own call that sleeps, and a signal that comes just before it
   does not end it. */
int gs_mux_epoll(struct gs_thread *self, int epfd, struct epoll_event *events, int max,
		 uint64_t deadline, bool sleeps);

/* select.c. in, out and ex are the program's sets, or NULL; they are as they were
   when the result is an error. */
int gs_mux_select(struct gs_thread *self, int nfds, unsigned long *in, unsigned long *out,
		  unsigned long *ex, uint64_t deadline);

/* What they are made of. */

enum { GS_MUX_FEW = 64 }; /* members that live on the waiter's stack */

struct gs_mux_member {
	struct gs_fd_waiter waiter; /* events and exclusive filled in */
	uint64_t seen;              /* the input word of its record before the question */
	int fd;
	bool input;                 /* the question is, among others: is there input? */
};

/* Whether the kernel is asked before the first round. */
enum gs_mux_first {
	GS_MUX_ASK_UNLESS_IDLE, /* not if the answer is known to be "nothing" */
	GS_MUX_ASK,
	GS_MUX_ASKED,           /* the caller did: nothing was ready */
};

/* One call's wait; embedded in what ask needs to know. */
struct gs_mux {
	int (*ask)(struct gs_mux *m); /* the kernel's answer now: count, 0 or -errno */
	struct gs_mux_member *members;
	uint32_t n;
	uint32_t rounds; /* gs_netpoll_rounds before the last question, */
	bool nothing;    /* if the answer was "nothing" */
	bool parked;     /* the wait did, for once */
	enum gs_reason reason;
	const void *obj; /* for dumps: the descriptor when there is one, else an address */
};

/* Waits until ask has an answer. Returns the answer, 0 (the deadline passed) or -EINTR.
   Inside the runtime. */
int gs_mux_wait(struct gs_thread *self, struct gs_mux *m, uint64_t deadline,
		enum gs_mux_first first);

/* What poll and select report in preference to "nothing in time". */
bool gs_mux_signalled(const struct gs_thread *self);

static inline const void *gs_mux_fd_obj(int fd)
{
	return (const void *)(intptr_t)fd;
}

#endif
