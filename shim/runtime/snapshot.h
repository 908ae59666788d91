/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - what a thread of libc's own looks like before it has done anything:
 * the pattern that tcb.c makes TCBs from.
 */
#ifndef GS_SNAPSHOT_H
#define GS_SNAPSHOT_H

#include "lock.h"

enum { GS_SNAPSHOT_FIXUPS = 64, GS_SNAPSHOT_PARTS = 128 };

/* Bytes relative to the thread pointer. */
struct gs_snapshot_part {
	ptrdiff_t off;
	size_t len;
	uintptr_t object; /* where the object whose static block this is was loaded; else 0 */
};

/* The parts that are copied afresh when a TCB is reused. */
struct gs_snapshot_parts {
	struct gs_snapshot_part list[GS_SNAPSHOT_PARTS];
	unsigned n;
};

struct gs_snapshot {
	struct gs_lock lock; /* guards parts and the bytes they name, once objects come and go */
	char *copy;     /* the bytes; copy + below is its thread pointer */
	size_t below;   /* thread-local bytes under the thread pointer */
	size_t pthread; /* bytes of struct pthread above it */
	size_t align;
	ptrdiff_t rebase[GS_SNAPSHOT_FIXUPS]; /* words that point into the TCB itself */
	unsigned rebases;
	ptrdiff_t stackblock; /* stack and size, two words */
	ptrdiff_t specific;   /* of the second-level pointers; 0 when unknown */
	ptrdiff_t robust;     /* the head of the list of robust mutexes; 0 when unknown, */
	size_t robust_len;    /* and its length, for the kernel */
	struct gs_snapshot_part warm[2]; /* libc's block; the resolver's state */
	struct gs_snapshot_parts parts;
};

extern struct gs_snapshot gs_snapshot;

/* Takes it: starts one real thread and waits for it. Called when only one thread
   exists. Returns 0, or -errno with *why set to what was not understood. */
int gs_snapshot_take(const char **why);

/* Lists the parts as the calling thread, one of libc's own that knows all loaded
   objects, sees them. false: there are too many. */
bool gs_snapshot_list(struct gs_snapshot_parts *parts);

/* Round gs_snapshot.lock: neither preempted nor interrupted while it is held. */
void gs_snapshot_lock(void);
void gs_snapshot_unlock(void);

/* Offset of a field that libthread_db knows. */
static inline ptrdiff_t gs_snapshot_field(const uint32_t *descriptor)
{
	return (ptrdiff_t)descriptor[2];
}

#endif
