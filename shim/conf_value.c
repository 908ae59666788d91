/* SPDX-License-Identifier: MIT */
/*
 * conf_value.c - values of options as text: reading, bounds, and saying both to
 * a person. conf.c decides where the text comes from.
 *
 * Invariants: a value that is not allowed leaves the old one alone.
 * Locks: none; no state.
 * Called from: conf.c, the goshim command.
 */
#include "conf_value.h"

#include "runtime/log.h"

#include <signal.h>

/* Does s, up to its first n bytes, say word? Case does not matter. */
static bool gs_conf_says(const char *s, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (!word[i] || gs_conf_lower(s[i]) != gs_conf_lower(word[i]))
			return false;
	return !word[n];
}

/* An unsigned decimal number at s, which must not pass max; returns what follows, or NULL. */
static const char *gs_conf_digits(const char *s, long max, long *n)
{
	const char *from = s;

	for (*n = 0; *s >= '0' && *s <= '9'; s++) {
		if (*n > (max - (*s - '0')) / 10)
			return NULL;
		*n = *n * 10 + (*s - '0');
	}
	return s > from ? s : NULL;
}

static bool gs_conf_parse_bool(const char *s, long *value)
{
	static const char words[][6] = { "0", "1", "off", "on", "no", "yes", "false", "true" };
	size_t n = gs_conf_length(s);

	for (unsigned i = 0; i < GS_ARRAY_SIZE(words); i++) {
		if (gs_conf_says(s, n, words[i])) {
			*value = i & 1;
			return true;
		}
	}
	return false;
}

static bool gs_conf_parse_size(const char *s, long *value)
{
	int shift = 0;
	long n;

	s = gs_conf_digits(s, INT64_MAX, &n);
	if (!s)
		return false;
	switch (gs_conf_lower(*s)) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	}
	if (shift)
		s++;
	if (*s || n > INT64_MAX >> shift)
		return false;
	*value = n << shift;
	return true;
}

struct gs_conf_signal {
	char name[8];
	uint8_t number;
};

/* Those a program can catch and that do not report a fault of its own. */
static const struct gs_conf_signal gs_conf_signals[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },       { "QUIT", SIGQUIT },   { "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },     { "ALRM", SIGALRM },   { "TERM", SIGTERM },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT },     { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU }, { "URG", SIGURG },       { "XCPU", SIGXCPU },   { "XFSZ", SIGXFSZ },
	{ "PROF", SIGPROF }, { "VTALRM", SIGVTALRM }, { "WINCH", SIGWINCH }, { "IO", SIGIO },
	{ "PWR", SIGPWR },   { "STKFLT", SIGSTKFLT },
};

static bool gs_conf_signal_usable(long n)
{
	for (unsigned i = 0; i < GS_ARRAY_SIZE(gs_conf_signals); i++)
		if (gs_conf_signals[i].number == n)
			return true;
	return n >= SIGRTMIN && n <= SIGRTMAX;
}

static bool gs_conf_parse_signal(const char *s, long *value)
{
	const char *rest;
	size_t len;
	long n;

	rest = gs_conf_digits(s, SIGRTMAX, &n);
	if (rest) {
		if (*rest || !gs_conf_signal_usable(n))
			return false;
		*value = n;
		return true;
	}
	if (gs_conf_says(s, GS_MIN(gs_conf_length(s), 3UL), "sig"))
		s += 3;
	len = gs_conf_length(s);
	for (unsigned i = 0; i < GS_ARRAY_SIZE(gs_conf_signals); i++) {
		if (gs_conf_says(s, len, gs_conf_signals[i].name)) {
			*value = gs_conf_signals[i].number;
			return true;
		}
	}
	if (len < 5 || !(gs_conf_says(s, 5, "rtmin") || gs_conf_says(s, 5, "rtmax")))
		return false;
	n = 0;
	if (s[5]) {
		if (s[5] != (gs_conf_says(s, 5, "rtmin") ? '+' : '-'))
			return false;
		rest = gs_conf_digits(s + 6, SIGRTMAX - SIGRTMIN, &n);
		if (!rest || *rest)
			return false;
	}
	*value = gs_conf_says(s, 5, "rtmin") ? SIGRTMIN + n : SIGRTMAX - n;
	return true;
}

bool gs_conf_parse(const struct gs_conf_option *o, const char *text, long *value)
{
	const char *rest;
	long n = 0;

	switch (o->type) {
	case GS_CONF_BOOL:
		if (!gs_conf_parse_bool(text, &n))
			return false;
		break;
	case GS_CONF_COUNT:
		rest = gs_conf_digits(text, INT64_MAX, &n);
		if (!rest || *rest)
			return false;
		break;
	case GS_CONF_SIZE:
		if (!gs_conf_parse_size(text, &n))
			return false;
		break;
	case GS_CONF_SIGNAL:
		/* "0" is the default, none, and not a signal. */
		if (!gs_conf_says(text, gs_conf_length(text), "0") && !gs_conf_parse_signal(text, &n))
			return false;
		break;
	case GS_CONF_FLAG:
		return false; /* a word without a value */
	}
	if (n != o->def && (n < o->min || n > o->max))
		return false;
	*value = n;
	return true;
}

static void gs_conf_put_size(struct gs_text *t, long n)
{
	if (n && n % (1L << 30) == 0)
		gs_log_format(t, "%ldg", n >> 30);
	else if (n && n % (1L << 20) == 0)
		gs_log_format(t, "%ldm", n >> 20);
	else if (n && n % (1L << 10) == 0)
		gs_log_format(t, "%ldk", n >> 10);
	else
		gs_log_format(t, "%ld", n);
}

const char *gs_conf_show(const struct gs_conf_option *o, long value, char *buf, size_t size)
{
	struct gs_text t = { .buf = buf, .size = size };

	if (o->type == GS_CONF_SIZE) {
		gs_conf_put_size(&t, value);
		return buf;
	}
	if (o->type == GS_CONF_SIGNAL) {
		for (unsigned i = 0; i < GS_ARRAY_SIZE(gs_conf_signals); i++) {
			if (gs_conf_signals[i].number == value) {
				gs_log_format(&t, "%s", gs_conf_signals[i].name);
				return buf;
			}
		}
		if (value >= SIGRTMIN) {
			gs_log_format(&t, "RTMIN+%ld", value - SIGRTMIN);
			return buf;
		}
	}
	gs_log_format(&t, "%ld", value);
	return buf;
}

const char *gs_conf_allowed(const struct gs_conf_option *o, char *buf, size_t size)
{
	struct gs_text t = { .buf = buf, .size = size };

	switch (o->type) {
	case GS_CONF_BOOL:
		gs_log_format(&t, "0 or 1");
		break;
	case GS_CONF_COUNT:
	case GS_CONF_SIZE:
		if (o->def < o->min)
			gs_log_format(&t, "%ld, or ", o->def);
		if (o->type == GS_CONF_COUNT) {
			gs_log_format(&t, "a number from %ld to %ld", o->min, o->max);
			break;
		}
		gs_log_format(&t, "a size from ");
		gs_conf_put_size(&t, o->min);
		gs_log_format(&t, " to ");
		gs_conf_put_size(&t, o->max);
		gs_log_format(&t, " (k, m and g multiply)");
		break;
	case GS_CONF_SIGNAL:
		gs_log_format(&t, "0, or a signal that can be caught, like USR2, SIGUSR2, RTMIN+3 or 12");
		break;
	case GS_CONF_FLAG:
		gs_log_format(&t, "the word without a value");
		break;
	}
	return buf;
}
