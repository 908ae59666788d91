/* SPDX-License-Identifier: MIT */
/*
 * threads.c - C11's mutexes, condition variables and call_once: the POSIX objects
 * under other names, with other answers. mtx_init, mtx_destroy and cnd_init stay
 * libc's; thrd_* and tss_* are in pthread.c.
 */
#include "hooks/sync.h"

#include <errno.h>
#include <threads.h>

static int gs_threads_answer(int err)
{
	switch (err) {
	case 0:
		return thrd_success;
	case ENOMEM:
		return thrd_nomem;
	case ETIMEDOUT:
		return thrd_timedout;
	case EBUSY:
		return thrd_busy;
	default:
		return thrd_error;
	}
}

GS_EXPORT int mtx_lock(mtx_t *m)
{
	return gs_threads_answer(gs_sync_lock((pthread_mutex_t *)m, CLOCK_REALTIME, NULL));
}

GS_EXPORT int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict abs)
{
	return gs_threads_answer(gs_sync_lock((pthread_mutex_t *)m, CLOCK_REALTIME, abs));
}

GS_EXPORT int mtx_trylock(mtx_t *m)
{
	return gs_threads_answer(gs_sync_trylock((pthread_mutex_t *)m));
}

GS_EXPORT int mtx_unlock(mtx_t *m)
{
	return gs_threads_answer(gs_sync_unlock((pthread_mutex_t *)m));
}

GS_EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
	return gs_threads_answer(gs_sync_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m,
						   GS_SYNC_OWN, NULL));
}

GS_EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m,
			    const struct timespec *restrict abs)
{
	return gs_threads_answer(gs_sync_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m,
						   GS_SYNC_OWN, abs));
}

GS_EXPORT int cnd_signal(cnd_t *c)
{
	return gs_threads_answer(gs_sync_cond_wake((pthread_cond_t *)c, false));
}

GS_EXPORT int cnd_broadcast(cnd_t *c)
{
	return gs_threads_answer(gs_sync_cond_wake((pthread_cond_t *)c, true));
}

GS_EXPORT void cnd_destroy(cnd_t *c)
{
	gs_sync_cond_destroy((pthread_cond_t *)c);
}

GS_EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
	gs_sync_once(&flag->__data, routine);
}
