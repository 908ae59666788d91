/* SPDX-License-Identifier: MIT */
/*
 * conf_value.h - an option, and its values as text.
 */
#ifndef GS_SHIM_CONF_VALUE_H
#define GS_SHIM_CONF_VALUE_H

#include "runtime/conf.h"

enum gs_conf_type {
	GS_CONF_BOOL,
	GS_CONF_COUNT,
	GS_CONF_SIZE,
	GS_CONF_SIGNAL,
	GS_CONF_FLAG,
};

struct gs_conf_option {
	const char *name; /* of the variable, or the word in GOSHIM_DEBUG */
	uint8_t type;     /* enum gs_conf_type */
	bool debug;       /* a word of GOSHIM_DEBUG */
	bool given;       /* out: the environment set it, and to something allowed */
	long *value;      /* its field of gs_conf */
	long def, min, max;
	const char *standing; /* what the default stands for, "" when it speaks for itself */
	const char *help;
};

/* What conf.c and conf_value.c need of libc, which they must not call. */
static inline char gs_conf_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline size_t gs_conf_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* Reads text as a value of o; false when it is not allowed, and then *value is kept. */
bool gs_conf_parse(const struct gs_conf_option *o, const char *text, long *value);

/* What o allows, in words, and a value of o as a person would write it. Each
   writes at most size bytes and returns buf. */
const char *gs_conf_allowed(const struct gs_conf_option *o, char *buf, size_t size);
const char *gs_conf_show(const struct gs_conf_option *o, long value, char *buf, size_t size);

#endif
