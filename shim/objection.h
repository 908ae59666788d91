/* SPDX-License-Identifier: MIT */
/*
 * objection.h - programs that the library leaves alone.
 */
#ifndef GS_OBJECTION_H
#define GS_OBJECTION_H

/* What in the process cannot live with green threads, in words; NULL for nothing. To be asked
   when the process starts, and again when it makes its first thread: libraries may have been
   loaded meanwhile. No thread of the library's exists yet. */
const char *gs_objection_find(void);

#endif
