/* SPDX-License-Identifier: MIT */
/*
 * target.c - can a preloaded library get into this program? The dynamic linker
 * is never asked by a static one, and ignores the request in a privileged one;
 * both fail silently, hence the line from here.
 *
 * Called from: run.c. Nothing found here stops the command from being run.
 */
#include "tool.h"

#include <elf.h>
#include <errno.h>
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

/* Does running the file change whose rights the process has? */
static const char *gs_target_privilege(const char *path)
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

/* What the ELF file fd says against a preload; buf is room for a sentence. */
static const char *gs_target_elf(int fd, char *buf, size_t size)
{
	char interp[PATH_MAX] = "";
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh))
		return NULL;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return "is not an x86-64 program";
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		off_t at = (off_t)(eh.e_phoff + (Elf64_Off)i * eh.e_phentsize);

		if (pread(fd, &ph, sizeof(ph), at) != sizeof(ph))
			return NULL;
		if (ph.p_type != PT_INTERP)
			continue;
		if (ph.p_filesz >= sizeof(interp) ||
		    pread(fd, interp, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
			return NULL;
		if (strstr(interp, "/ld-linux-x86-64.so."))
			return NULL;
		snprintf(buf, size, "does not use the GNU C library (its loader is %.200s)", interp);
		return buf;
	}
	return "is statically linked";
}

/* The interpreter of a "#!" file, in place in head; NULL when there is none. */
static char *gs_target_interpreter(char *head)
{
	char *name = head + 2 + strspn(head + 2, " \t");

	name[strcspn(name, " \t\n")] = '\0';
	return *name ? name : NULL;
}

void gs_target_check(const char *path)
{
	char head[GS_TARGET_HEAD + 1] = "", sentence[PATH_MAX];
	const char *why = gs_target_privilege(path);
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		goto out; /* execute permission without read permission */
	n = pread(fd, head, GS_TARGET_HEAD, 0);
	if (why || n < SELFMAG)
		goto close;
	if (memcmp(head, ELFMAG, SELFMAG) == 0) {
		why = gs_target_elf(fd, sentence, sizeof(sentence));
	} else if (head[0] == '#' && head[1] == '!') {
		char *interpreter = gs_target_interpreter(head);

		if (interpreter && gs_target_executable(interpreter)) {
			int script = fd;

			/* Privilege bits of a script count for nothing; its interpreter's do. */
			fd = open(interpreter, O_RDONLY | O_CLOEXEC | O_NOCTTY);
			close(script);
			if (fd < 0)
				goto out;
			path = interpreter;
			why = gs_target_privilege(path);
			if (!why && pread(fd, sentence, SELFMAG, 0) == SELFMAG &&
			    memcmp(sentence, ELFMAG, SELFMAG) == 0)
				why = gs_target_elf(fd, sentence, sizeof(sentence));
		}
	}
close:
	close(fd);
out:
	if (why)
		gs_tool_warn(0, "warning: `%s' %s: it will run without the library", path, why);
}
