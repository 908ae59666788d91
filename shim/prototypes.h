/* SPDX-License-Identifier: MIT */
/*
 * prototypes.h - the headers that declare what hooks.def names, and
 * declarations of those that no header declares any more.
 */
#ifndef GS_PROTOTYPES_H
#define GS_PROTOTYPES_H

#undef _FORTIFY_SOURCE

#include <aio.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <threads.h>

/* Declared by no header. */
int __open64_2(const char *, int);
int __openat64_2(int, const char *, int);
int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		      void (*)(void), void *);
int __pthread_key_create(pthread_key_t *, void (*)(void *));

int __pthread_mutex_lock(pthread_mutex_t *);
int __pthread_mutex_trylock(pthread_mutex_t *);
int __pthread_mutex_unlock(pthread_mutex_t *);
int __pthread_rwlock_rdlock(pthread_rwlock_t *);
int __pthread_rwlock_wrlock(pthread_rwlock_t *);
int __pthread_rwlock_tryrdlock(pthread_rwlock_t *);
int __pthread_rwlock_trywrlock(pthread_rwlock_t *);
int __pthread_rwlock_unlock(pthread_rwlock_t *);
int __pthread_once(pthread_once_t *, void (*)(void));

int __sigaction(int, const struct sigaction *, struct sigaction *);
int __sigsuspend(const sigset_t *);
mqd_t __mq_open_2(const char *, int);
void __longjmp_chk(struct __jmp_buf_tag[1], int) __attribute__((noreturn));
__sighandler_t bsd_signal(int, __sighandler_t);

#endif
