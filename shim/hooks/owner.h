/* SPDX-License-Identifier: MIT */
/*
 * owner.h - whom the kernel sends a descriptor's signals to.
 */
#ifndef GS_HOOKS_OWNER_H
#define GS_HOOKS_OWNER_H

#include <fcntl.h>

/* fcntl's F_SETOWN_EX, F_GETOWN_EX and F_SETSIG; they return what the kernel does. */
long gs_owner_set(int fd, const struct f_owner_ex *owner);
long gs_owner_get(int fd, struct f_owner_ex *owner);
long gs_owner_signal(int fd, int sig);

#endif
