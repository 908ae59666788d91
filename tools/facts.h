/* SPDX-License-Identifier: MIT */
/*
 * facts.h - what can be known of a program before it is started, and what follows.
 */
#ifndef GS_FACTS_H
#define GS_FACTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum gs_verdict {
	GS_VERDICT_GREEN,   /* its threads become green threads */
	GS_VERDICT_NATIVE,  /* it runs as it does without the library */
	GS_VERDICT_UNKNOWN, /* it would not run, or nobody can tell how */
};

struct gs_names {
	char **names;
	size_t n;
};

struct gs_facts {
	enum gs_verdict verdict;
	char reason[PATH_MAX + 128]; /* says it of the program: "is ...", "makes ..." */
	char path[PATH_MAX];         /* the file that is executed */
	char program[PATH_MAX];      /* the program: the same, or the interpreter of a script */
	char loader[PATH_MAX];       /* "" for none */
	const char *linking;         /* "static", "dynamic" */
	const char *libc;            /* "glibc", "other", "none" */
	unsigned glibc_needed;       /* X.Y as X * 1000 + Y; 0: none, or not looked for */
	unsigned glibc_present;
	const char *set_id;    /* of the file's mode, whoever runs it; or NULL */
	const char *scheduler; /* its own one's name, or NULL */
	bool plugins;          /* it can load more libraries while it runs */
	struct gs_names makers;    /* the objects whose code makes threads */
	struct gs_names libraries; /* all it is started with, but for libc's own */
	struct gs_names missing;   /* those that are not there */
	struct gs_names hooked, wired, block; /* what it imports, by symbols.h */
};

/* What execvp would run for command. deep: with its libraries and imports; else what decides
   whether the library gets in at all. To be freed. */
void gs_facts_read(struct gs_facts *f, const char *command, bool deep);
void gs_facts_free(struct gs_facts *f);

#endif
