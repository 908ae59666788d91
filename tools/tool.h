/* SPDX-License-Identifier: MIT */
/*
 * tool.h - what the sub-commands of goshim share.
 */
#ifndef GS_TOOL_H
#define GS_TOOL_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes, those of coreutils' env, nice and stdbuf. */
enum {
	GS_EXIT_FAILURE = 125,   /* goshim itself failed */
	GS_EXIT_CANNOT_RUN = 126, /* the command was found and cannot be run */
	GS_EXIT_NOT_FOUND = 127,
	GS_EXIT_CHECK_FAILURE = 2, /* of "check", which has codes of its own */
};

/* One line on standard error, "goshim: ..."; errnum, when not 0, is spelled out behind it. */
void gs_tool_warn(int errnum, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What is behind "run" on the command line, "run" included; returns an exit code. */
int gs_run_main(int argc, char **argv);

/* The same for the other commands. */
int gs_dump_main(int argc, char **argv);
int gs_metrics_main(int argc, char **argv);
int gs_stat_main(int argc, char **argv);
int gs_top_main(int argc, char **argv);

/* The same for "check", which has exit codes of its own. */
int gs_check_main(int argc, char **argv);

/* `goshim --explain`: every option, its value and where that comes from. */
int gs_explain_main(void);

/* The absolute path of libgoshim.so: given (--lib) or $GOSHIM_LIB or where it
   belongs, in buf; NULL after a line that says what is wrong. */
const char *gs_library_find(const char *given, char *buf, size_t size);

/* The file that execvp would run for name; false when there is none. */
bool gs_target_find(const char *name, char *buf, size_t size);

/* The interpreter a script names (what env would look for, if that is env), in buf; false
   when the file is no script. */
bool gs_target_script(const char *path, char *buf, size_t size);

/* What the file has that changes whose rights a process has: "is set-user-ID", ... or NULL. */
const char *gs_target_privilege(const char *path);

#endif
