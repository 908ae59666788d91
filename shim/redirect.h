/* SPDX-License-Identifier: MIT */
/*
 * redirect.h - the second door: libc's internal calls reach the hooks too.
 */
#ifndef GS_REDIRECT_H
#define GS_REDIRECT_H

#include "runtime/base.h"

#include <pthread.h>

/* Replaces the first bytes of libc's blocking functions by jumps to the hooks.
   Called once, at activation, when the process has one thread. Returns how many
   were redirected; what is refused keeps its body, and the monitor covers it. */
int gs_redirect_install(void);

/* Hooks that only this door leads to, since no program can name what they replace:
   __lll_lock_wait_private (takes the lock, which was seen held),
   __lll_lock_wake_private (the lock is free, and somebody waited), __close_nocancel. */
void gs_libc_lock_wait(int *word);
void gs_libc_lock_wake(int *word);
int gs_libc_close(int fd);

/* pthread_mutex_lock and _unlock, called by libc or by who asked it for the address. */
int gs_libc_mutex_lock(pthread_mutex_t *m);
int gs_libc_mutex_unlock(pthread_mutex_t *m);
/* Where libc's own variables are; told once. */
void gs_libc_own_data(const void *lo, const void *hi);

#endif
