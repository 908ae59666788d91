/* SPDX-License-Identifier: MIT */
/*
 * log.h - messages to a person: one line, one write, prefixed "goshim[pid]: ".
 *
 * Called from: any context. Never allocates, never touches errno.
 */
#ifndef GS_LOG_H
#define GS_LOG_H

#include "base.h"

#include <stdarg.h>

/* A bounded text buffer; output past the end is dropped and len stops growing. */
struct gs_text {
	char *buf;
	size_t size, len;
};

/* printf for %s %c %d %i %u %x %p %%, with l, ll, z, field width, '-' and '0';
   anything else is copied as it stands. The result is NUL-terminated. */
void gs_log_format(struct gs_text *t, const char *fmt, ...) GS_PRINTF(2, 3);
void gs_log_vformat(struct gs_text *t, const char *fmt, va_list ap);

/* One line to standard error. */
void gs_log_line(const char *fmt, ...) GS_PRINTF(1, 2);

/* The same, only when GOSHIM_DEBUG=verbose (gs_conf.verbose). */
void gs_log_debug(const char *fmt, ...) GS_PRINTF(1, 2);

/* Writes text as it stands to standard error, all of it. */
void gs_log_raw(const char *buf, size_t len);

/* A broken invariant: says where and aborts the process with SIGABRT. */
GS_NORETURN GS_COLD void gs_log_bug(const char *file, int line, const char *what);

#define GS_BUG_ON(cond)                                        \
	do {                                                   \
		if (GS_UNLIKELY(cond))                         \
			gs_log_bug(__FILE__, __LINE__, #cond); \
	} while (0)

#endif
