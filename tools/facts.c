/* SPDX-License-Identifier: MIT */
/*
 * facts.c - looks at a program's file, those of its libraries, and judges.
 *
 * Called from: check.c, run.c.
 */
#include "facts.h"

#include "elf.h"
#include "needed.h"
#include "symbols.h"
#include "tool.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	GS_FACTS_SCRIPTS = 5,      /* an interpreter may be a script; the kernel's own limit */
	GS_FACTS_GLIBC = 2 * 1000 + 34, /* the first that will do */
};

__attribute__((format(printf, 3, 4)))
static void gs_facts_judge(struct gs_facts *f, enum gs_verdict verdict, const char *fmt, ...)
{
	va_list ap;

	f->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
}

/* Adds a name in its alphabetical place, once. */
static void gs_names_add(struct gs_names *set, const char *name)
{
	size_t low = 0, high = set->n;
	char **grown, *copy;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(set->names[mid], name);

		if (c == 0)
			return;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	grown = realloc(set->names, (set->n + 1) * sizeof(*grown));
	copy = strdup(name);
	if (!grown || !copy)
		abort();
	memmove(grown + low + 1, grown + low, (set->n - low) * sizeof(*grown));
	grown[low] = copy;
	set->names = grown;
	set->n++;
}

static void gs_names_free(struct gs_names *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->names[i]);
	free(set->names);
}

void gs_facts_free(struct gs_facts *f)
{
	gs_names_free(&f->makers);
	gs_names_free(&f->libraries);
	gs_names_free(&f->missing);
	gs_names_free(&f->hooked);
	gs_names_free(&f->wired);
	gs_names_free(&f->block);
}

/* One object's imports, as they are read. */
struct gs_imports {
	struct gs_facts *facts;
	bool creates;   /* pthread_create, thrd_create */
	bool cxx;       /* std::thread, which libstdc++ makes */
	bool waits;     /* what only makes sense between threads */
	bool preloads;  /* AddressSanitizer's library, which must come first */
	const char *sanitizer;
};

static void gs_facts_import(const char *name, void *arg)
{
	struct gs_imports *in = arg;
	unsigned kind = gs_symbols_kind(name);

	if (kind & GS_SYMBOL_HOOKED)
		gs_names_add(&in->facts->hooked, name);
	if (kind & GS_SYMBOL_WIRED)
		gs_names_add(&in->facts->wired, name);
	if (kind & GS_SYMBOL_BLOCK)
		gs_names_add(&in->facts->block, name);
	if (strcmp(name, "pthread_create") == 0 || strcmp(name, "thrd_create") == 0)
		in->creates = true;
	else if (strncmp(name, "_ZNSt6thread15_M_start_thread", 29) == 0)
		in->cxx = true;
	else if (strcmp(name, "pthread_cond_wait") == 0 || strcmp(name, "pthread_key_create") == 0)
		in->waits = true;
	else if (strcmp(name, "dlopen") == 0 || strcmp(name, "dlmopen") == 0)
		in->facts->plugins = true;
	else if (strcmp(name, "__asan_init") == 0)
		in->preloads = true;
	else if (strcmp(name, "__tsan_init") == 0)
		in->sanitizer = "ThreadSanitizer";
	/* One that is linked into the program leaves open what that may define. */
	else if (strncmp(name, "__sanitizer_", 12) == 0 && !in->sanitizer)
		in->sanitizer = "a sanitizer";
}

/* Notes what the object imports. Every C++ program has libstdc++, which imports
   pthread_create for those that use std::thread; so it is they who count. */
static struct gs_imports gs_facts_object(struct gs_facts *f, const struct gs_elf *elf,
					 const char *name)
{
	struct gs_imports in = { .facts = f };

	gs_elf_imports(elf, gs_facts_import, &in);
	if (in.cxx || (in.creates && strncmp(name, "libstdc++.so", 12) != 0))
		gs_names_add(&f->makers, name);
	return in;
}

/* glibc's own parts: their calls are seen by the library's second door, or are its own. */
static bool gs_facts_is_libc(const char *name)
{
	static const char *const parts[] = {
		"libc.so.", "ld-linux", "libpthread.so.", "libdl.so.", "librt.so.", "libm.so.",
		"libresolv.so.", "libutil.so.", "libanl.so.", "libnsl.so.1", "libmvec.so.",
	};
	const char *base = strrchr(name, '/');

	base = base ? base + 1 : name;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strncmp(base, parts[i], strlen(parts[i])) == 0)
			return true;
	return false;
}

/* What the Go linker leaves in its programs, and in its libraries. */
static bool gs_facts_is_go(const struct gs_elf *elf)
{
	return gs_elf_has_note(elf, "Go") || gs_elf_has_section(elf, ".go.buildinfo") ||
	       gs_elf_has_section(elf, ".gopclntab");
}

static void gs_facts_library(const char *name, const char *file, void *arg)
{
	struct gs_facts *f = arg;
	struct gs_elf elf;

	if (gs_facts_is_libc(name))
		return;
	if (!file || gs_elf_open(&elf, file) != 0) {
		gs_names_add(&f->missing, name);
		return;
	}
	gs_names_add(&f->libraries, name);
	if (gs_elf_has_note(&elf, "Go")) {
		f->scheduler = "Go";
		gs_facts_judge(f, GS_VERDICT_NATIVE,
			       "uses %s, a Go library, which has a scheduler of its own", name);
	}
	gs_facts_object(f, &elf, name);
	gs_elf_close(&elf);
}

static unsigned gs_facts_version(const char *s)
{
	unsigned major = 0, minor = 0;

	return sscanf(s, "%3u.%3u", &major, &minor) == 2 ? major * 1000 + minor : 0;
}

/* What is against it, once its libraries are known; false when nothing is. */
static bool gs_facts_obstacle(struct gs_facts *f, const struct gs_imports *in)
{
	if (f->missing.n > 0)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "needs %s, which is not there",
			       f->missing.names[0]);
	else if (f->glibc_needed > f->glibc_present)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "needs glibc %u.%u, and %s is here",
			       f->glibc_needed / 1000, f->glibc_needed % 1000, gnu_get_libc_version());
	else if (in->preloads)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is built with AddressSanitizer, "
			       "which refuses to start behind anything preloaded");
	else if (in->sanitizer)
		gs_facts_judge(f, GS_VERDICT_NATIVE, "is built with %s, which keeps books on every thread",
			       in->sanitizer);
	return f->reason[0] != '\0'; /* or a library has decided it */
}

/* A dynamically linked glibc program, into which the library gets. */
static void gs_facts_inside(struct gs_facts *f, const struct gs_elf *elf)
{
	struct gs_imports in = gs_facts_object(f, elf, "the program itself");
	bool script = strcmp(f->path, f->program) != 0;
	char real[PATH_MAX];

	/* $ORIGIN is where the file is, not where a link to it is. */
	if (!realpath(f->program, real))
		snprintf(real, sizeof(real), "%s", f->program);
	if (gs_needed_list(real, gs_facts_library, f) != 0)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is nothing the dynamic linker can load");
	else if (gs_facts_obstacle(f, &in))
		return;
	else if (in.creates || in.cxx)
		gs_facts_judge(f, GS_VERDICT_GREEN, "makes threads");
	else if (f->plugins && in.waits)
		gs_facts_judge(f, GS_VERDICT_GREEN,
			       "is made for threads, and can load libraries that make them");
	else if (f->makers.n > 0)
		gs_facts_judge(f, GS_VERDICT_GREEN, "may make threads, in %s%s", f->makers.names[0],
			       f->makers.n > 1 ? " or another library" : "");
	else
		gs_facts_judge(f, GS_VERDICT_NATIVE, "makes no threads%s%s",
			       f->plugins ? ", unless libraries it loads while it runs do" : "",
			       script ? "; what the script starts is another matter" : "");
}

/* The mode says whose rights the program has. */
static const char *gs_facts_set_id(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return NULL;
	if (st.st_mode & S_ISUID)
		return "set-user-ID";
	return (st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) ? "set-group-ID" : NULL;
}

static void gs_facts_elf(struct gs_facts *f, const struct gs_elf *elf, bool deep)
{
	const char *privilege = gs_target_privilege(f->program);

	f->linking = gs_elf_dynamic(elf) ? "dynamic" : "static";
	f->libc = !f->loader[0] ? "none" : strstr(f->loader, "/ld-linux-x86-64.so.") ? "glibc" : "other";
	f->scheduler = gs_facts_is_go(elf) ? "Go" : NULL;
	if (deep) {
		f->glibc_needed = gs_elf_glibc(elf);
		f->glibc_present = gs_facts_version(gnu_get_libc_version());
	}
	if (privilege)
		gs_facts_judge(f, GS_VERDICT_NATIVE, "%s", privilege);
	else if (!f->loader[0])
		gs_facts_judge(f, GS_VERDICT_NATIVE, "is statically linked%s",
			       f->scheduler ? ", and a Go program" : "");
	else if (strcmp(f->libc, "glibc") != 0)
		gs_facts_judge(f, GS_VERDICT_NATIVE,
			       "does not use the GNU C library (its loader is %.200s)", f->loader);
	else if (f->scheduler)
		gs_facts_judge(f, GS_VERDICT_NATIVE,
			       "is a Go program, which has a scheduler of its own");
	else if (deep && f->glibc_present < GS_FACTS_GLIBC)
		gs_facts_judge(f, GS_VERDICT_NATIVE, "has glibc %s; 2.34 is the first that will do",
			       gnu_get_libc_version());
	else if (deep)
		gs_facts_inside(f, elf);
}

void gs_facts_read(struct gs_facts *f, const char *command, bool deep)
{
	char next[PATH_MAX];
	struct gs_elf elf;
	int err = -ELOOP;

	memset(f, 0, sizeof(*f));
	if (!gs_target_find(command, f->path, sizeof(f->path))) {
		snprintf(f->path, sizeof(f->path), "%s", command);
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is not a program that can be found and executed");
		return;
	}
	memcpy(f->program, f->path, sizeof(f->program));
	for (int i = 0; i < GS_FACTS_SCRIPTS; i++) {
		err = gs_elf_open(&elf, f->program);
		if (err != -ENOEXEC || !gs_target_script(f->program, next, sizeof(next)))
			break;
		if (!gs_target_find(next, f->program, sizeof(f->program))) {
			gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is a script for %.200s, which is not there",
				       next);
			return;
		}
		err = -ELOOP;
	}
	/* Privilege bits of a script count for nothing; its interpreter's do. */
	f->set_id = gs_facts_set_id(f->program);
	if (err == -EXDEV)
		gs_facts_judge(f, GS_VERDICT_NATIVE, "is not an x86-64 program");
	else if (err == -EACCES && gs_target_privilege(f->program))
		gs_facts_judge(f, GS_VERDICT_NATIVE, "%s", gs_target_privilege(f->program));
	else if (err == -EACCES)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "cannot be read");
	else if (err == -ENOEXEC)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is neither a program nor a script with #!");
	else if (err == -ELOOP)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is a script for a script, too many times over");
	else if (err != 0)
		gs_facts_judge(f, GS_VERDICT_UNKNOWN, "is damaged");
	if (err != 0)
		return;
	memcpy(f->loader, elf.interp, sizeof(f->loader));
	gs_facts_elf(f, &elf, deep);
	gs_elf_close(&elf);
}
