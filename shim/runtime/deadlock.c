/* SPDX-License-Identifier: MIT */
/*
 * deadlock.c - the deadlock report, after Go's "all goroutines are asleep".
 *
 * A wait that only another green thread can end (a lock, a condition, a join,
 * without a deadline) counts; a wait for a descriptor, a deadline, a signal or a
 * system call may end from outside, and then nothing is said. A signal handler of
 * the program could still end a wait: the report says what is seen, once.
 *
 * Called from: monitor.c.
 */
#include "deadlock.h"

#include "dump.h"
#include "log.h"
#include "thread.h"

struct gs_deadlock_count {
	long stuck, other;
};

static bool gs_deadlock_internal(unsigned reason)
{
	return reason >= GS_REASON_MUTEX && reason <= GS_REASON_LIBC_LOCK;
}

static bool gs_deadlock_add(struct gs_thread *t, void *arg)
{
	struct gs_deadlock_count *count = arg;
	/* relaxed: all processors are idle, nothing moves */
	unsigned state = atomic_load_explicit(&t->state, memory_order_relaxed);

	if (t->kind != GS_KIND_GREEN || state == GS_STATE_DEAD)
		return true;
	if (state == GS_STATE_WAITING && gs_deadlock_internal(t->reason) &&
	    !atomic_load_explicit(&t->timer.on, memory_order_relaxed))
		count->stuck++;
	else
		count->other++;
	return true;
}

void gs_deadlock_look(void)
{
	static bool said;
	struct gs_deadlock_count count = { 0 };

	if (said)
		return;
	gs_thread_each(gs_deadlock_add, &count);
	if (count.stuck == 0 || count.other > 0)
		return;
	said = true;
	gs_log_line("deadlock: all %ld green threads wait for each other", count.stuck);
	gs_dump_all();
}
