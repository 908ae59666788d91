/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - barriers. The object is glibc's, as pthread_barrier_init fills it;
 * one that was used before the first thread was made stays valid.
 */
#ifndef GS_BARRIER_H
#define GS_BARRIER_H

#include "park.h"

/* Overlays glibc's struct pthread_barrier; away is in its padding. */
struct gs_barrier {
	uint32_t in;    /* arrivals; in - out of them in this round */
	uint32_t round;
	uint32_t count; /* threads to a round */
	int shared;     /* 0: private to the process */
	uint32_t out;
	uint32_t away;  /* waiters in a signal handler */
};

/* The rest of pthread_barrier_init. */
static inline void gs_barrier_init(struct gs_barrier *b)
{
	b->away = 0;
}

/* True for one thread of each round. */
bool gs_barrier_wait(struct gs_thread *self, struct gs_barrier *b);

/* Waits until nobody will touch the object any more. */
void gs_barrier_drain(struct gs_thread *self, struct gs_barrier *b);

#endif
