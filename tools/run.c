/* SPDX-License-Identifier: MIT */
/*
 * run.c - `goshim run`: puts the library into LD_PRELOAD and the options into
 * the environment, then becomes the command.
 *
 * Called from: goshim.c.
 */
#include "tool.h"

#include "conf.h"
#include "facts.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void gs_run_usage(void)
{
	printf("Usage: goshim run [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	       "Run COMMAND with its threads as green threads.\n"
	       "\n"
	       "  -p, --maxprocs=N       how many run at the same time (GOSHIM_MAXPROCS)\n"
	       "  -s, --stack-size=SIZE  stack of a thread that does not ask for a size\n"
	       "                         (GOSHIM_STACK_SIZE); k, m and g multiply\n"
	       "  -d, --debug=LIST       comma-separated words (GOSHIM_DEBUG); see libgoshim(7)\n"
	       "      --lib=PATH         the library to preload (GOSHIM_LIB)\n"
	       "  -h, --help             print this\n"
	       "\n"
	       "The exit status is COMMAND's; 125 when goshim itself fails, 126 when COMMAND\n"
	       "cannot be run, 127 when it is not found.\n");
}

/* Puts an option of the table into the environment, if its value is allowed. */
static bool gs_run_set(const char *option, const char *variable, const char *value)
{
	const struct gs_conf_option *o = gs_conf_find(variable, strlen(variable), false);
	char allowed[128];
	long ignored;

	if (o && !gs_conf_parse(o, value, &ignored)) {
		gs_tool_warn(0, "%s=%s: must be %s", option, value,
			     gs_conf_allowed(o, allowed, sizeof(allowed)));
		return false;
	}
	if (setenv(variable, value, 1) != 0) {
		gs_tool_warn(errno, "%s", variable);
		return false;
	}
	return true;
}

/* Puts the library before whatever LD_PRELOAD holds already. */
static bool gs_run_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	size_t n = strlen(library);
	char *value = NULL;
	int err = 0;

	if (!old || !*old) {
		if (setenv("LD_PRELOAD", library, 1) != 0)
			err = errno;
	} else if (strncmp(old, library, n) != 0 || !strchr(" :", old[n])) {
		if (asprintf(&value, "%s:%s", library, old) < 0)
			err = ENOMEM;
		else if (setenv("LD_PRELOAD", value, 1) != 0)
			err = errno;
		free(value);
	}
	if (err)
		gs_tool_warn(err, "LD_PRELOAD");
	return err == 0;
}

/* Warns, in one line, when the library cannot get into the program at path. */
static void gs_run_check(const char *path)
{
	struct gs_facts f;

	gs_facts_read(&f, path, false);
	if (f.verdict == GS_VERDICT_NATIVE && f.reason[0])
		gs_tool_warn(0, "warning: `%s' %s: it will run without the library", f.program, f.reason);
	gs_facts_free(&f);
}

int gs_run_main(int argc, char **argv)
{
	enum { OPT_LIB = 256 };
	static const struct option options[] = {
		{ "maxprocs", required_argument, NULL, 'p' },
		{ "stack-size", required_argument, NULL, 's' },
		{ "debug", required_argument, NULL, 'd' },
		{ "lib", required_argument, NULL, OPT_LIB },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char own_name[] = "goshim", path[PATH_MAX], library[PATH_MAX];
	const char *lib = NULL;
	int c, err;

	/* getopt_long says who complains. */
	argv[0] = own_name;
	while ((c = getopt_long(argc, argv, "+p:s:d:h", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			if (!gs_run_set("--maxprocs", "GOSHIM_MAXPROCS", optarg))
				return GS_EXIT_FAILURE;
			break;
		case 's':
			if (!gs_run_set("--stack-size", "GOSHIM_STACK_SIZE", optarg))
				return GS_EXIT_FAILURE;
			break;
		case 'd':
			if (!gs_run_set("--debug", "GOSHIM_DEBUG", optarg))
				return GS_EXIT_FAILURE;
			break;
		case OPT_LIB:
			lib = optarg;
			break;
		case 'h':
			gs_run_usage();
			return 0;
		default:
			return GS_EXIT_FAILURE;
		}
	}
	argv += optind;
	if (!*argv) {
		gs_tool_warn(0, "run: a command is missing; try `goshim run --help'");
		return GS_EXIT_FAILURE;
	}
	if (!gs_library_find(lib, library, sizeof(library)) || !gs_run_preload(library))
		return GS_EXIT_FAILURE;
	if (gs_target_find(*argv, path, sizeof(path)))
		gs_run_check(path);
	execvp(*argv, argv);
	err = errno;
	gs_tool_warn(err, "cannot run `%s'", *argv);
	return err == ENOENT ? GS_EXIT_NOT_FOUND : GS_EXIT_CANNOT_RUN;
}
