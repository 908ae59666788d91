/* SPDX-License-Identifier: MIT */
/*
 * conf.h - reading the options: environment in, gs_conf out. The goshim command
 * links the same code, so that what it explains is what the library does.
 */
#ifndef GS_SHIM_CONF_H
#define GS_SHIM_CONF_H

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

/* The table of conf.def, in its order. */
extern struct gs_conf_option gs_conf_options[];
extern const unsigned gs_conf_options_count;

/* Fills gs_conf from the environment, without a word. In the constructor. */
void gs_conf_peek(char **envp);

/* Says what gs_conf_peek (called here if it was not before) found wrong, one line
   on standard error for each bad value or unknown GOSHIM_ name. At activation. */
void gs_conf_load(char **envp);

/* Reads text as a value of o; false when it is not allowed, and then *value is kept. */
bool gs_conf_parse(const struct gs_conf_option *o, const char *text, long *value);

/* The option whose name is the first n bytes of name, exactly; NULL when there is none. */
struct gs_conf_option *gs_conf_find(const char *name, size_t n, bool debug);

/* What o allows, in words, and a value of o as a person would write it. Each
   writes at most size bytes and returns buf. */
const char *gs_conf_allowed(const struct gs_conf_option *o, char *buf, size_t size);
const char *gs_conf_show(const struct gs_conf_option *o, long value, char *buf, size_t size);

#endif
