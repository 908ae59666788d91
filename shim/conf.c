/* SPDX-License-Identifier: MIT */
/*
 * conf.c - options from the environment, by the table in conf.def.
 *
 * The environment is read in the constructor: a program may move it or write its
 * title over it before it makes a thread. What was wrong with it is noted then and
 * said at activation, since a program that makes no thread is to see nothing.
 *
 * Invariants: after gs_conf_peek every field of gs_conf is its default or a value
 * the table allows; nothing here ends the process, allocates, or calls libc
 * beyond mem*.
 * Locks: none; runs while one thread exists.
 * Called from: init.c, once; the goshim command.
 */
#include "conf.h"

#include "runtime/log.h"

#include <string.h>

struct gs_conf gs_conf = {
#define GS_OPTION(field, name, type, def, min, max, standing, help) .field = (def),
#define GS_DEBUG(field, word, type, def, min, max, standing, help) .field = (def),
#include "conf.def"
};

struct gs_conf_option gs_conf_options[] = {
#define GS_OPTION(field, name, type, def, min, max, standing, help) \
	{ name, GS_CONF_##type, false, false, &gs_conf.field, def, min, max, standing, help },
#define GS_DEBUG(field, word, type, def, min, max, standing, help) \
	{ word, GS_CONF_##type, true, false, &gs_conf.field, def, min, max, standing, help },
#include "conf.def"
};
const unsigned gs_conf_options_count = GS_ARRAY_SIZE(gs_conf_options);

static const char *const gs_conf_foreign[] = {
#define GS_FOREIGN(name, help) name,
#include "conf.def"
};

enum {
	GS_CONF_WORD = 64,    /* longest name or debug word looked at */
	GS_CONF_SHOWN = 80,   /* bytes of a bad value that are repeated to the user */
	GS_CONF_PHRASE = 96,  /* room for gs_conf_allowed and gs_conf_show */
	GS_CONF_NOTES = 2048, /* room for all notes; more are dropped */
	GS_CONF_NEAR = 3,     /* edits a misspelt name may at most be away from a known one */
};

/* Lines to be said at activation, each with its NUL. */
static char gs_conf_notes[GS_CONF_NOTES];
static size_t gs_conf_noted;
static bool gs_conf_peeked;

static void gs_conf_note(const char *fmt, ...) GS_PRINTF(1, 2);

static void gs_conf_note(const char *fmt, ...)
{
	struct gs_text t = { gs_conf_notes + gs_conf_noted, GS_CONF_NOTES - gs_conf_noted, 0 };
	va_list ap;

	if (t.size == 0)
		return;
	va_start(ap, fmt);
	gs_log_vformat(&t, fmt, ap);
	va_end(ap);
	gs_conf_noted += t.len + 1;
}

static bool gs_conf_is(const char *s, size_t n, const char *name)
{
	return gs_conf_length(name) == n && memcmp(s, name, n) == 0;
}

struct gs_conf_option *gs_conf_find(const char *name, size_t n, bool debug)
{
	for (unsigned i = 0; i < gs_conf_options_count; i++)
		if (gs_conf_options[i].debug == debug && gs_conf_is(name, n, gs_conf_options[i].name))
			return &gs_conf_options[i];
	return NULL;
}

/* s as one line shows it: cut, and without control characters. */
static const char *gs_conf_quote(const char *s, char buf[GS_CONF_SHOWN])
{
	size_t i;

	for (i = 0; s[i] && i < GS_CONF_SHOWN - 4; i++)
		buf[i] = s[i] >= ' ' && s[i] < 0x7f ? s[i] : '?';
	for (unsigned dots = 0; s[i] && dots < 3; dots++)
		buf[i + dots] = '.';
	buf[s[i] ? i + 3 : i] = '\0';
	return buf;
}

static void gs_conf_complain(const struct gs_conf_option *o, const char *text)
{
	char shown[GS_CONF_SHOWN], allowed[GS_CONF_PHRASE], def[GS_CONF_PHRASE];
	bool words = o->standing[0] != '\0';

	gs_conf_note("%s%s=%s: must be %s; using %s%s%s%s", o->debug ? "GOSHIM_DEBUG: " : "", o->name,
		     gs_conf_quote(text, shown), gs_conf_allowed(o, allowed, sizeof(allowed)),
		     gs_conf_show(o, o->def, def, sizeof(def)), words ? " (" : "", o->standing,
		     words ? ")" : "");
}

/* Edits (insert, delete, replace, swap neighbours) from a to b, or a number
   above GS_CONF_NEAR as soon as that is certain to be passed. */
static unsigned gs_conf_distance(const char *a, size_t na, const char *b)
{
	uint8_t rows[3][GS_CONF_WORD];
	uint8_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t nb = gs_conf_length(b);

	if (nb >= GS_CONF_WORD || na > nb + GS_CONF_NEAR || nb > na + GS_CONF_NEAR)
		return GS_CONF_NEAR + 1;
	for (size_t j = 0; j <= nb; j++)
		above[j] = (uint8_t)j;
	for (size_t i = 1; i <= na; i++) {
		uint8_t *recycled = before;

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= nb; j++) {
			char ca = gs_conf_lower(a[i - 1]), cb = gs_conf_lower(b[j - 1]);
			unsigned best = above[j - 1] + (ca != cb);

			best = GS_MIN(best, above[j] + 1U);
			best = GS_MIN(best, row[j - 1] + 1U);
			if (i > 1 && j > 1 && ca == gs_conf_lower(b[j - 2]) &&
			    cb == gs_conf_lower(a[i - 2]))
				best = GS_MIN(best, before[j - 2] + 1U);
			row[j] = (uint8_t)best;
		}
		before = above;
		above = row;
		row = recycled;
	}
	return above[nb];
}

/* Prefers known to *best when it is nearer, and near enough for its length. */
static void gs_conf_nearer(const char *s, size_t n, const char *known, const char **best,
			   unsigned *distance)
{
	size_t len = gs_conf_length(known);
	size_t telling = memcmp(known, "GOSHIM", GS_MIN(len, 6UL)) == 0 ? len - 6 : len;
	unsigned d = gs_conf_distance(s, n, known);

	if (d < *distance && d <= telling * 2 / 5) {
		*distance = d;
		*best = known;
	}
}

/* The known name (or debug word) that s most likely meant, or NULL. */
static const char *gs_conf_guess(const char *s, size_t n, bool debug)
{
	const char *best = NULL;
	unsigned distance = GS_CONF_NEAR + 1;

	for (unsigned i = 0; i < gs_conf_options_count; i++)
		if (gs_conf_options[i].debug == debug)
			gs_conf_nearer(s, n, gs_conf_options[i].name, &best, &distance);
	for (unsigned i = 0; !debug && i < GS_ARRAY_SIZE(gs_conf_foreign); i++)
		gs_conf_nearer(s, n, gs_conf_foreign[i], &best, &distance);
	return best;
}

static void gs_conf_unknown(const char *what, const char *s, size_t n, bool debug)
{
	const char *guess = gs_conf_guess(s, n, debug);
	char name[GS_CONF_WORD], shown[GS_CONF_SHOWN];
	size_t len = GS_MIN(n, sizeof(name) - 1);

	memcpy(name, s, len);
	name[len] = '\0';
	if (guess)
		gs_conf_note("%s%s: unknown, did you mean %s?", what, gs_conf_quote(name, shown), guess);
	else
		gs_conf_note("%s%s: unknown, ignored", what, gs_conf_quote(name, shown));
}

/* One word of GOSHIM_DEBUG: name or name=value, n bytes. */
static void gs_conf_debug_word(const char *s, size_t n)
{
	char word[GS_CONF_WORD];
	struct gs_conf_option *o;
	size_t name = 0, len = GS_MIN(n, sizeof(word) - 1);
	bool good;

	while (name < n && s[name] != '=')
		name++;
	o = gs_conf_find(s, name, true);
	if (!o) {
		gs_conf_unknown("GOSHIM_DEBUG: ", s, name, true);
		return;
	}
	memcpy(word, s, len);
	word[len] = '\0';
	if (o->type == GS_CONF_FLAG) {
		good = name == n;
		if (good)
			*o->value = 1;
	} else {
		good = name < n && n == len && gs_conf_parse(o, word + name + 1, o->value);
	}
	o->given |= good;
	if (!good)
		gs_conf_complain(o, name < len ? word + name + 1 : "");
}

static void gs_conf_debug_list(const char *s)
{
	while (*s) {
		size_t n = 0;

		while (s[n] && s[n] != ',')
			n++;
		if (n)
			gs_conf_debug_word(s, n);
		s += n + (s[n] == ',');
	}
}

/* One NAME=value of the environment, name being its first n bytes. */
static void gs_conf_variable(const char *s, size_t n)
{
	struct gs_conf_option *o = gs_conf_find(s, n, false);

	if (o) {
		/* As getenv: the first of two that have one name counts. Empty is not set. */
		if (o->given || !s[n + 1])
			return;
		o->given = gs_conf_parse(o, s + n + 1, o->value);
		if (!o->given)
			gs_conf_complain(o, s + n + 1);
		return;
	}
	if (gs_conf_is(s, n, "GOSHIM_DEBUG"))
		gs_conf_debug_list(s + n + 1);
	for (unsigned i = 0; i < GS_ARRAY_SIZE(gs_conf_foreign); i++)
		if (gs_conf_is(s, n, gs_conf_foreign[i]))
			return;
	gs_conf_unknown("", s, n, false);
}

void gs_conf_peek(char **envp)
{
	gs_conf_peeked = true;
	for (; envp && *envp; envp++) {
		const char *s = *envp;
		size_t n = 0;

		while (s[n] && s[n] != '=')
			n++;
		if (s[n] && n >= 6 && memcmp(s, "GOSHIM", 6) == 0 && (n == 6 || s[6] == '_'))
			gs_conf_variable(s, n);
	}
}

void gs_conf_load(char **envp)
{
	if (!gs_conf_peeked)
		gs_conf_peek(envp);
	for (size_t at = 0; at < gs_conf_noted; at += gs_conf_length(gs_conf_notes + at) + 1)
		gs_log_line("%s", gs_conf_notes + at);
	gs_conf_noted = 0;
}
