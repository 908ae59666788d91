/* SPDX-License-Identifier: MIT */
/*
 * check.c - `goshim check`: tells before the start what to expect of a program.
 *
 * Called from: goshim.c. Nothing of the program is run.
 */
#include "facts.h"
#include "tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GS_CHECK_MARGIN = 14, /* where values begin */
	GS_CHECK_WIDTH = 78,
};

static const char *const gs_check_verdicts[] = { "green", "native", "unknown" };

static void gs_check_usage(void)
{
	printf("Usage: goshim check [OPTION...] COMMAND...\n"
	       "Tell what to expect of each COMMAND under the library. None of them is run.\n"
	       "\n"
	       "  -v, --verbose  say what that was concluded from\n"
	       "  -j, --json     one JSON object for each\n"
	       "  -h, --help     print this\n"
	       "\n"
	       "Verdicts: `green', its threads become green threads; `native', it runs as it does\n"
	       "without the library; `unknown', it would not run, or nobody can tell.\n"
	       "\n"
	       "The exit status is 0 when all are green, 1 when at least one is native, 2 when at\n"
	       "least one is unknown or goshim itself failed.\n");
}

/* The verdict, and of a green program what can cost kernel threads. */
static void gs_check_line(const struct gs_facts *f, const char *command)
{
	const char *sep = "; of what it calls ";

	printf("%s: %s: %s", command, gs_check_verdicts[f->verdict], f->reason);
	if (f->verdict == GS_VERDICT_GREEN) {
		if (f->wired.n > 0)
			printf("%s%zu can wire a thread", sep, f->wired.n);
		if (f->wired.n > 0)
			sep = ", ";
		if (f->block.n > 0)
			printf("%s%zu can occupy a kernel thread", sep, f->block.n);
	}
	putchar('\n');
}

static void gs_check_names(const char *title, const struct gs_names *set)
{
	int column = printf("  %-*s", GS_CHECK_MARGIN - 2, title);

	for (size_t i = 0; i < set->n; i++) {
		if (i > 0 && column + 1 + (int)strlen(set->names[i]) > GS_CHECK_WIDTH)
			column = printf("\n%*s", GS_CHECK_MARGIN, "") - 1;
		else if (i > 0)
			column += printf(" ");
		column += printf("%s", set->names[i]);
	}
	printf("%s\n", set->n == 0 ? "none" : "");
}

static void gs_check_details(const struct gs_facts *f)
{
	enum { W = GS_CHECK_MARGIN - 2 };

	printf("  %-*s%s\n", W, "file", f->path);
	if (strcmp(f->path, f->program) != 0)
		printf("  %-*s%s\n", W, "run by", f->program);
	if (!f->linking)
		return;
	printf("  %-*s%s%s%s\n", W, "linked", f->linking, f->loader[0] ? ", by " : "", f->loader);
	printf("  %-*s%s", W, "C library", f->libc);
	if (f->glibc_needed && strcmp(f->libc, "glibc") == 0)
		printf(", at least %u.%u; %u.%u is here", f->glibc_needed / 1000,
		       f->glibc_needed % 1000, f->glibc_present / 1000, f->glibc_present % 1000);
	printf("\n  %-*s%s\n", W, "privileges", f->set_id ? f->set_id : "none");
	printf("  %-*s%s\n", W, "scheduler", f->scheduler ? f->scheduler : "none of its own");
	if (strcmp(f->linking, "dynamic") != 0)
		return;
	gs_check_names("libraries", &f->libraries);
	if (f->missing.n > 0)
		gs_check_names("missing", &f->missing);
	printf("  %-*s%s\n", W, "plug-ins", f->plugins ? "can be loaded, and are not seen here" : "none");
	gs_check_names("threads by", &f->makers);
	gs_check_names("hooked", &f->hooked);
	gs_check_names("wire", &f->wired);
	gs_check_names("occupy", &f->block);
}

static void gs_check_string(const char *key, const char *value)
{
	printf(",\"%s\":", key);
	if (!value) {
		printf("null");
		return;
	}
	putchar('"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else if ((unsigned char)*value < ' ')
			printf("\\u%04x", (unsigned char)*value);
		else
			putchar(*value);
	}
	putchar('"');
}

static void gs_check_list(const char *key, const struct gs_names *set)
{
	printf(",\"%s\":[", key);
	for (size_t i = 0; i < set->n; i++)
		printf("%s\"%s\"", i > 0 ? "," : "", set->names[i]);
	putchar(']');
}

static void gs_check_release(const char *key, unsigned version)
{
	char text[24];

	snprintf(text, sizeof(text), "%u.%u", version / 1000, version % 1000);
	gs_check_string(key, version ? text : NULL);
}

static void gs_check_json(const struct gs_facts *f, const char *command)
{
	printf("{\"version\":1");
	gs_check_string("command", command);
	gs_check_string("verdict", gs_check_verdicts[f->verdict]);
	gs_check_string("reason", f->reason);
	gs_check_string("file", f->path);
	gs_check_string("program", f->program);
	gs_check_string("linking", f->linking);
	gs_check_string("loader", f->loader[0] ? f->loader : NULL);
	gs_check_string("libc", f->libc);
	gs_check_release("glibc_needed", f->glibc_needed);
	gs_check_release("glibc_present", f->glibc_present);
	gs_check_string("privileges", f->set_id);
	gs_check_string("scheduler", f->scheduler);
	printf(",\"plugins\":%s", f->plugins ? "true" : "false");
	gs_check_list("threads", &f->makers);
	gs_check_list("libraries", &f->libraries);
	gs_check_list("missing", &f->missing);
	gs_check_list("hooked", &f->hooked);
	gs_check_list("wire", &f->wired);
	gs_check_list("occupy", &f->block);
	printf("}\n");
}

int gs_check_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char own_name[] = "goshim";
	bool verbose = false, json = false;
	int c, worst = GS_VERDICT_GREEN;

	/* getopt_long says who complains. */
	argv[0] = own_name;
	while ((c = getopt_long(argc, argv, "vjh", options, NULL)) != -1) {
		switch (c) {
		case 'v':
			verbose = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			gs_check_usage();
			return 0;
		default:
			return GS_VERDICT_UNKNOWN;
		}
	}
	if (!argv[optind]) {
		gs_tool_warn(0, "check: a command is missing; try `goshim check --help'");
		return GS_VERDICT_UNKNOWN;
	}
	for (argv += optind; *argv; argv++) {
		struct gs_facts f;

		gs_facts_read(&f, *argv, true);
		if (json) {
			gs_check_json(&f, *argv);
		} else {
			gs_check_line(&f, *argv);
			if (verbose)
				gs_check_details(&f);
		}
		if ((int)f.verdict > worst)
			worst = (int)f.verdict;
		gs_facts_free(&f);
	}
	return worst;
}
