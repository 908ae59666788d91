/* SPDX-License-Identifier: MIT */
/*
 * callname.h - names of system calls.
 */
#ifndef GS_CALLNAME_H
#define GS_CALLNAME_H

/* The name of system call nr, or NULL. */
const char *gs_callname(unsigned nr);

#endif
