/* SPDX-License-Identifier: MIT */
/*
 * libc.c - the slow path of libc's own locks (stdio, malloc, the resolver), which
 * comes here through the second door only: these names are not interposed.
 */
#include "hooks/libc.h"

#include "gate.h"
#include "runtime/child.h"
#include "runtime/mutex.h"

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
