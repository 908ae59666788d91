/* SPDX-License-Identifier: MIT */
/*
 * rawcall.h - system calls about signals and processes that a program makes through
 * syscall().
 */
#ifndef GS_HOOKS_RAWCALL_H
#define GS_HOOKS_RAWCALL_H

#include "runtime/base.h"

/* Is nr one of them? Then it has been made, and *ret is what syscall returns, errno
   included. a has six arguments. On a green thread outside the runtime. */
bool gs_rawcall(long nr, const long *a, long *ret);

/* rt_tgsigqueueinfo, as gs_rawcall; sigsend.c. */
bool gs_send_info(int pid, int tid, int sig, const void *info, long *ret);

/* The same for those that make a process; clone.c. */
bool gs_clone_syscall(long nr, const long *a, long *ret);

#endif
