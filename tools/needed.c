/* SPDX-License-Identifier: MIT */
/*
 * needed.c - asks the dynamic linker which libraries a program is started with. It
 * knows its cache, its search paths and what they depend on; and it is started
 * itself, with the program as data, so that nothing of the program runs. Therefore it is
 * the system's own, and not whatever the program names.
 *
 * Called from: facts.c.
 */
#include "needed.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char gs_needed_loader[] = "/lib64/ld-linux-x86-64.so.2"; /* fixed by the ABI */

/* The environment, but for what changes what the loader does; plus the question. */
static char **gs_needed_environ(void)
{
	static char question[] = "LD_TRACE_LOADED_OBJECTS=1";
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	for (size_t i = 0; env && i < n; i++)
		if (strncmp(environ[i], "LD_", 3) != 0 ||
		    strncmp(environ[i], "LD_LIBRARY_PATH=", 16) == 0)
			env[kept++] = environ[i];
	if (env)
		env[kept] = question;
	return env;
}

/* A line "name => file (address)", "name => not found", "file (address)"; false for others. */
static bool gs_needed_line(char *line, void (*visit)(const char *, const char *, void *), void *arg)
{
	char *name = line + strspn(line, " \t"), *arrow, *end;

	line[strcspn(line, "\n")] = '\0';
	end = strrchr(name, '(');
	if (end && end > name && end[-1] == ' ')
		end[-1] = '\0';
	arrow = strstr(name, " => ");
	if (!arrow) {
		if (*name != '/')
			return false;
		visit(name, name, arg);
		return true;
	}
	*arrow = '\0';
	arrow += 4;
	visit(name, *arrow == '/' ? arrow : NULL, arg);
	return true;
}

int gs_needed_list(const char *path,
		   void (*visit)(const char *name, const char *file, void *arg), void *arg)
{
	char *argv[] = { (char *)gs_needed_loader, (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	char **env = gs_needed_environ();
	char *line = NULL;
	bool answered = false;
	size_t room = 0;
	int fds[2], status, err;
	FILE *f;
	pid_t pid;

	if (!env || pipe(fds) != 0) {
		err = -errno;
		goto free;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
	err = -posix_spawn(&pid, gs_needed_loader, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	f = err == 0 ? fdopen(fds[0], "r") : NULL;
	if (!f) {
		close(fds[0]);
		goto free;
	}
	while (getline(&line, &room, f) > 0)
		answered |= gs_needed_line(line, visit, arg);
	fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!answered)
		err = -ENOEXEC;
free:
	free(line);
	free(env);
	return err;
}
