/* SPDX-License-Identifier: MIT */
/*
 * libc.h - hooks that only the second door (redirect.c) leads to.
 */
#ifndef GS_HOOKS_LIBC_H
#define GS_HOOKS_LIBC_H

/* __lll_lock_wait_private: takes the lock, which was seen held. */
void gs_libc_lock_wait(int *word);

/* __lll_lock_wake_private: the lock is free, and somebody waited. */
void gs_libc_lock_wake(int *word);

/* __close_nocancel. */
int gs_libc_close(int fd);

#endif
