/* SPDX-License-Identifier: MIT */
/*
 * netpoll.h - the epoll instance. It knows descriptors only as numbers with a
 * generation; what an event means is the business of fd.c, through
 * gs_netpoll_ops.
 */
#ifndef GS_NETPOLL_H
#define GS_NETPOLL_H

#include "base.h"

#include <sys/epoll.h>

/* Creates the epoll instance and its wake-up eventfd, both close-on-exec and
   high-numbered. Returns 0 or -errno. */
int gs_netpoll_init(void);

/* Registers fd, edge-triggered, for input, hang-up, urgent data and, if out, for output;
   the event will carry fd and gen. Returns 0 or -errno (-EPERM: cannot be polled). */
int gs_netpoll_add(int fd, uint32_t gen, bool out);
/* Re-arms it: a condition that holds now gives a new event. once: and that, or the next,
   is the last before it is armed again. */
int gs_netpoll_rearm(int fd, uint32_t gen, bool out, bool once);
/* No more events, but for errors, until it is armed again. */
int gs_netpoll_hush(int fd, uint32_t gen);
int gs_netpoll_del(int fd);

enum { GS_NETPOLL_BATCH = 192 }; /* fits into a run queue that is a quarter full */

struct gs_netpoll_batch {
	int n;
	bool slept; /* its coming woke a kernel thread; set by who waited, poller.c */
	struct epoll_event events[GS_NETPOLL_BATCH];
};

/* Fetches events, waiting up to timeout nanoseconds (0: not at all, GS_NEVER: until
   gs_netpoll_kick). Returns how many. Scheduler context. */
int gs_netpoll_wait(struct gs_netpoll_batch *b, uint64_t timeout);

/* For the poller, before it gives up that role: takes note of a kick among the
   events. Others leave the kick for it. */
void gs_netpoll_drain(const struct gs_netpoll_batch *b);

/* Hands each fetched event to gs_netpoll_ops.event. */
void gs_netpoll_dispatch(struct gs_netpoll_batch *b);

/* Wakes the worker that waits in gs_netpoll_wait. Any context. */
void gs_netpoll_kick(void);

/* The epoll and event descriptors are ours: is fd one of them? For hooks that close. */
bool gs_netpoll_owns(int fd);
/* The lowest of ours in [first, last], or -1. */
int gs_netpoll_own(unsigned first, unsigned last);
/* The program is about to reuse or close fd, which is ours: moves ours elsewhere. */
void gs_netpoll_evade(int fd);

/* A number for one of our descriptors: high, but within FD_SETSIZE. Closes fd; returns fd
   itself when none is free. */
int gs_netpoll_raise(int fd);

/* fork, child side: a new epoll instance; the old one's registrations are the parent's. */
void gs_netpoll_after_fork(void);

/* How many descriptors are registered (roughly). */
extern _Atomic uint32_t gs_netpoll_count;

/* Batches handed out. Who reads the same number twice knows that of all events that were
   fetched in between, none was told of. */
extern _Atomic uint32_t gs_netpoll_rounds;

struct gs_netpoll_ops {
	/* Called for each event, inside the runtime, with the kernel's EPOLL* bits;
	   slept: a kernel thread was woken for it. */
	void (*event)(int fd, uint32_t gen, uint32_t events, bool slept);
	/* For the monitor, about once a second: re-arms descriptors that have had
	   waiters for long. True while there are some it has not done that for. */
	bool (*audit)(void);
};
extern struct gs_netpoll_ops gs_netpoll_ops;

#endif
