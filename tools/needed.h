/* SPDX-License-Identifier: MIT */
/*
 * needed.h - the shared libraries a program is started with.
 */
#ifndef GS_NEEDED_H
#define GS_NEEDED_H

/* Calls visit for each of them: its name in the program, and the file, or NULL when there is
   none. 0, or -errno when the loader has no answer. */
int gs_needed_list(const char *path,
		   void (*visit)(const char *name, const char *file, void *arg), void *arg);

#endif
