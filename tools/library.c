/* SPDX-License-Identifier: MIT */
/*
 * library.c - where libgoshim.so is: as told, or where the build or the
 * installation put it relative to the command. Never the working directory,
 * unless told so.
 *
 * Called from: run.c.
 */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory this command was started from, or false. */
static bool gs_library_own_directory(char buf[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return false;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static bool gs_library_try(const char *path, char *buf)
{
	struct stat st;

	return realpath(path, buf) && stat(buf, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(buf, R_OK) == 0;
}

/* The build tree, then the installation, wherever it was moved to as a whole. */
static bool gs_library_search(char *buf)
{
	static const char bindir[] = GOSHIM_BINDIR;
	char dir[PATH_MAX], path[2 * PATH_MAX];
	size_t n;

	if (gs_library_own_directory(dir)) {
		snprintf(path, sizeof(path), "%s/.libs/libgoshim.so", dir);
		if (gs_library_try(path, buf))
			return true;
		n = strlen(dir);
		if (n >= sizeof(bindir) - 1 && strcmp(dir + n - (sizeof(bindir) - 1), bindir) == 0) {
			snprintf(path, sizeof(path), "%.*s%s/libgoshim.so",
				 (int)(n - (sizeof(bindir) - 1)), dir, GOSHIM_LIBDIR);
			if (gs_library_try(path, buf))
				return true;
		}
	}
	return gs_library_try(GOSHIM_LIBDIR "/libgoshim.so", buf);
}

const char *gs_library_find(const char *given, char *buf, size_t size)
{
	const char *from = "--lib";
	char found[PATH_MAX];
	size_t bad;

	if (!given) {
		given = getenv("GOSHIM_LIB");
		from = "GOSHIM_LIB";
	}
	if (given && *given) {
		if (!gs_library_try(given, found)) {
			gs_tool_warn(0, "%s: no readable library at `%s'", from, given);
			return NULL;
		}
	} else if (!gs_library_search(found)) {
		gs_tool_warn(0, "libgoshim.so is not in %s, nor beside this command; use --lib",
			     GOSHIM_LIBDIR);
		return NULL;
	}
	/* ld.so splits LD_PRELOAD at the first two and expands the third. */
	bad = strcspn(found, " :$");
	if (found[bad]) {
		gs_tool_warn(0, "`%s': LD_PRELOAD cannot name a path that contains `%c'", found,
			     found[bad]);
		return NULL;
	}
	if (strlen(found) >= size) {
		gs_tool_warn(ENAMETOOLONG, "`%s'", found);
		return NULL;
	}
	return strcpy(buf, found);
}
