/* SPDX-License-Identifier: MIT */
/*
 * access.h - can the program's arguments be read and written? For those of which the
 * kernel would have said EFAULT, and which the runtime looks at itself.
 *
 * Free of cost on the caller's own stack. Any context.
 */
#ifndef GS_ACCESS_H
#define GS_ACCESS_H

#include "thread.h"

/* Does [p, p+len) lie on self's stack, above the caller? */
bool gs_access_on_stack(const struct gs_thread *self, const void *p, size_t len);

/* Can [p, p+len), at least 4 bytes, be read? */
bool gs_access_readable(const struct gs_thread *self, const void *p, size_t len);

/* Can [p, p+len), at least 8 bytes, be written? What is there may be lost. */
bool gs_access_writable(const struct gs_thread *self, void *p, size_t len);

#endif
