/* SPDX-License-Identifier: MIT */
/*
 * prototypes.h - the headers that declare what hooks.def names, and
 * declarations of those that no header declares any more.
 */
#ifndef GS_HOOKS_PROTOTYPES_H
#define GS_HOOKS_PROTOTYPES_H

#undef _FORTIFY_SOURCE

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <threads.h>

/* Declared by no header. */
int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		      void (*)(void), void *);
int __pthread_key_create(pthread_key_t *, void (*)(void *));

#endif
