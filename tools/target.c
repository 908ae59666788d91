/* SPDX-License-Identifier: MIT */
/*
 * target.c - which file a command is, and can a preloaded library get into it? The
 * dynamic linker is never asked by a static program, and ignores the request in a
 * privileged one; both fail silently, hence the line from here.
 *
 * Called from: run.c, facts.c. Nothing found here stops the command from being run.
 */
#include "tool.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { GS_TARGET_HEAD = 256 }; /* the kernel's own look at a "#!" line */

static bool gs_target_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool gs_target_find(const char *name, char *buf, size_t size)
{
	char standard[PATH_MAX];
	const char *path = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(buf, size, "%s", name);
		return gs_target_executable(buf);
	}
	if (!path) {
		if (confstr(_CS_PATH, standard, sizeof(standard)) == 0)
			return false;
		path = standard;
	}
	for (;; path++) {
		size_t n = strcspn(path, ":");

		/* An empty element is the working directory. */
		snprintf(buf, size, "%.*s%s%s", (int)n, path, n ? "/" : "./", name);
		if (*name && gs_target_executable(buf))
			return true;
		path += n;
		if (!*path)
			return false;
	}
}

const char *gs_target_privilege(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) != 0 || (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
		return NULL;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return "is set-user-ID";
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return "is set-group-ID";
	/* Of root, file capabilities make nothing it was not before. */
	if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return "has file capabilities";
	return NULL;
}

/* What env would run with these words: it takes options and variables first. */
static const char *gs_target_env(char *words)
{
	char *word, *rest = NULL;

	for (word = strtok_r(words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0)
			strtok_r(NULL, " \t", &rest); /* the option's value */
		else if (*word != '-' && !strchr(word, '='))
			return word;
	}
	return NULL;
}

bool gs_target_script(const char *path, char *buf, size_t size)
{
	char head[GS_TARGET_HEAD + 1] = "", *name, *words;
	const char *base, *next;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0) {
		n = pread(fd, head, GS_TARGET_HEAD, 0);
		close(fd);
	}
	if (n < 3 || head[0] != '#' || head[1] != '!')
		return false;
	head[strcspn(head, "\n")] = '\0';
	name = head + 2 + strspn(head + 2, " \t");
	words = name + strcspn(name, " \t");
	if (*words)
		*words++ = '\0';
	base = strrchr(name, '/');
	next = base && strcmp(base, "/env") == 0 ? gs_target_env(words) : NULL;
	snprintf(buf, size, "%s", next ? next : name);
	return *name != '\0';
}
