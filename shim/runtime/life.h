/* SPDX-License-Identifier: MIT */
/*
 * life.h - green threads come and go: create, exit, join, detach.
 */
#ifndef GS_LIFE_H
#define GS_LIFE_H

#include "thread.h"

/* What a pthread_attr_t asks for. */
struct gs_life_attr {
	void *stack;       /* the program's own stack's lowest address, or NULL */
	size_t stack_size; /* 0: the default */
	size_t guard;
	bool detached;
	bool c11;          /* start returns int (thrd_create) */
	bool own_policy;   /* and priority: not its maker's */
	struct gs_worker *home; /* where it must begin, from wired.c, or NULL */
	bool has_mask;     /* the signals it starts with blocked, else the maker's */
	uint64_t mask;
};

/* Makes a thread and makes it runnable; *out gets its pthread_t before it runs.
   Returns 0, -EAGAIN (no memory) or -EINVAL (stack too small). Green threads,
   outside the runtime (the program's allocator is called). */
int gs_life_create(struct gs_thread *self, const struct gs_life_attr *attr,
		   void *(*start)(void *), void *arg, pthread_t *out);

/* Makes the calling kernel thread's TCB green thread 1. Once. */
struct gs_thread *gs_life_adopt_main(void);

/* The calling green thread is about to unwind out of its start routine with this
   result (pthread_exit). */
void gs_life_set_result(struct gs_thread *self, void *result);

/* What is left of a thread after its start routine: destructors, then off its
   stack for ever. The last thread ends the process. */
GS_NORETURN void gs_life_finish(struct gs_thread *self);

/* Waits until t has finished; *result gets its value and t is released.
   deadline 0: do not wait (-EBUSY). Returns 0, -EDEADLK, -EINVAL, -ETIMEDOUT,
   -EBUSY, or -EINTR when a cancellation wants the caller (t stays joinable). */
int gs_life_join(struct gs_thread *self, struct gs_thread *t, uint64_t deadline, void **result);

/* Returns 0 or -EINVAL. */
int gs_life_detach(struct gs_thread *t);
bool gs_life_is_detached(const struct gs_thread *t);
bool gs_life_is_over(const struct gs_thread *t);

/* gs_sched_ops.dead */
void gs_life_dead(struct gs_thread *t);

#endif
