/* SPDX-License-Identifier: MIT */
/*
 * goshim.c - the goshim command: picks the sub-command.
 *
 * Called from: the shell.
 */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gs_command {
	const char *name;
	int (*main)(int argc, char **argv);
	int failure; /* the exit code when goshim itself failed */
	const char *help;
};

static const struct gs_command gs_commands[] = {
	{ "run", gs_run_main, GS_EXIT_FAILURE, "run a command on green threads" },
	{ "check", gs_check_main, GS_EXIT_CHECK_FAILURE,
	  "tell what to expect of a command, before it is run" },
	{ "dump", gs_dump_main, GS_EXIT_FAILURE,
	  "print the green threads of a process, with their stacks" },
	{ "top", gs_top_main, GS_EXIT_FAILURE,
	  "show which threads of a process run, and what the others wait for" },
	{ "stat", gs_stat_main, GS_EXIT_FAILURE, "print the counters of a process" },
	{ "metrics", gs_metrics_main, GS_EXIT_FAILURE, "print the counters of processes for OpenMetrics" },
};

void gs_tool_warn(int errnum, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("goshim: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (errnum)
		fprintf(stderr, ": %s", strerror(errnum));
	fputc('\n', stderr);
}

static void gs_goshim_usage(void)
{
	printf("Usage: goshim COMMAND [ARGUMENT...]\n"
	       "       goshim --explain | --help | --version\n"
	       "\n"
	       "Commands:\n");
	for (size_t i = 0; i < sizeof(gs_commands) / sizeof(gs_commands[0]); i++)
		printf("  %-12s %s\n", gs_commands[i].name, gs_commands[i].help);
	printf("\n"
	       "Options:\n"
	       "  --explain    print every setting, its value and where it comes from\n"
	       "  --help       print this\n"
	       "  --version    print the version\n"
	       "\n"
	       "`goshim COMMAND --help' says more; so do goshim(1) and libgoshim(7).\n");
}

/* Standard output carried the whole answer, or that is a failure. */
static int gs_goshim_finish(int code, int failure)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	gs_tool_warn(0, "cannot write to standard output");
	return failure;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		gs_tool_warn(0, "a command is missing; try `goshim --help'");
		return GS_EXIT_FAILURE;
	}
	for (size_t i = 0; i < sizeof(gs_commands) / sizeof(gs_commands[0]); i++)
		if (strcmp(word, gs_commands[i].name) == 0)
			return gs_goshim_finish(gs_commands[i].main(argc - 1, argv + 1),
						gs_commands[i].failure);
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		printf("goshim %s\n", GOSHIM_VERSION);
		return gs_goshim_finish(0, GS_EXIT_FAILURE);
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		gs_goshim_usage();
		return gs_goshim_finish(0, GS_EXIT_FAILURE);
	}
	if (strcmp(word, "--explain") == 0)
		return gs_goshim_finish(gs_explain_main(), GS_EXIT_FAILURE);
	gs_tool_warn(0, "`%s' is not a command; try `goshim --help'", word);
	return GS_EXIT_FAILURE;
}
