/* SPDX-License-Identifier: MIT */
/*
 * libc.c - the slow path of libc's own locks (stdio, malloc, the resolver), and mutexes
 * of libc's own, both of which come here through the second door only.
 *
 * A mutex inside libc (of its asynchronous input and output, say) goes with a condition
 * variable inside libc, whose code lets go of it and takes it again by itself: so it is
 * waited for in the kernel, as that code does.
 */
#include "gate.h"
#include "hooks/sync.h"
#include "redirect.h"
#include "runtime/child.h"
#include "runtime/mutex.h"
#include "runtime/shared.h"

static struct {
	uintptr_t lo, hi;
} gs_libc_data;

void gs_libc_own_data(const void *lo, const void *hi)
{
	gs_libc_data.lo = (uintptr_t)lo;
	gs_libc_data.hi = (uintptr_t)hi;
}

static bool gs_libc_owns(const void *at)
{
	return (uintptr_t)at - gs_libc_data.lo < gs_libc_data.hi - gs_libc_data.lo;
}

int gs_libc_mutex_lock(pthread_mutex_t *m)
{
	if (gs_libc_owns(m) && gs_sched_on)
		return -gs_shared_lock(gs_gate(), (struct gs_mutex *)m, CLOCK_REALTIME, NULL);
	return gs_sync_lock(m, CLOCK_REALTIME, NULL);
}

int gs_libc_mutex_unlock(pthread_mutex_t *m)
{
	if (gs_libc_owns(m) && gs_sched_on)
		return -gs_shared_unlock((struct gs_mutex *)m);
	return gs_sync_unlock(m);
}

void gs_libc_lock_wait(int *word)
{
	gs_mutex_libc_wait(gs_gate(), (_Atomic uint32_t *)word);
}

void gs_libc_lock_wake(int *word)
{
	if (GS_UNLIKELY(gs_child_unborn()))
		return;
	gs_mutex_libc_wake(gs_gate(), (_Atomic uint32_t *)word);
}
