/* SPDX-License-Identifier: MIT */
/*
 * exec_env.c - what a program that was started by one with threads finds: its descriptors,
 * its environment, the signals it ignores. By every way of starting one, from main and
 * from a thread. (Masks: sig_child.c.)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char me[4096];
static const char *library; /* set: say whether it is in LD_PRELOAD */

static void *idle(void *arg)
{
	poll(NULL, 0, -1);
	return arg;
}

/* In the new program. It makes a thread, too, so that the library is at work in it. */
static int child(const char *how)
{
	DIR *dir = opendir("/proc/self/fd");
	const char *preload = getenv("LD_PRELOAD");
	struct dirent *e;
	int fds = 0, high = 0;
	pthread_t t;

	while ((e = readdir(dir)) != NULL) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		fds++;
		high = fd > high ? fd : high;
	}
	closedir(dir);
	printf("%s: %d descriptors, highest %d, FIRST=%s, SECOND=%s", how, fds, high,
	       getenv("FIRST") ? getenv("FIRST") : "", getenv("SECOND") ? getenv("SECOND") : "");
	if (library)
		printf(", %s", preload && strstr(preload, "libgoshim") ? library : "alone");
	printf("\n");
	pthread_create(&t, NULL, idle, NULL);
	return 5;
}

static void reap(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) != 5)
		printf("status %x\n", status);
}

#define FORKED(call)                   \
	do {                           \
		fflush(stdout);        \
		pid = fork();          \
		if (pid == 0) {        \
			call;          \
			_exit(errno);  \
		}                      \
		reap(pid);             \
	} while (0)

static void *start_all(void *arg)
{
	char *envp[] = { "FIRST=given", library ? "LIBRARY=1" : "X=", NULL };
	char command[4200];
	char *argv[3] = { me, NULL, NULL };
	pid_t pid;
	int fd;

#define HOW(name) argv[1] = name
	HOW("execv");
	FORKED(execv(me, argv));
	HOW("execve");
	FORKED(execve(me, argv, envp));
	HOW("execvp");
	FORKED(execvp(me, argv));
	HOW("execvpe");
	FORKED(execvpe(me, argv, envp));
	FORKED(execl(me, me, "execl", (char *)NULL));
	FORKED(execlp(me, me, "execlp", (char *)NULL));
	FORKED(execle(me, me, "execle", (char *)NULL, envp));
	HOW("fexecve");
	fd = open(me, O_RDONLY | O_CLOEXEC);
	FORKED(fexecve(fd, argv, environ));
	close(fd);
	HOW("execveat");
	FORKED(execveat(AT_FDCWD, me, argv, environ, 0));
	HOW("posix_spawn");
	fflush(stdout);
	if (posix_spawn(&pid, me, NULL, NULL, argv, environ) == 0)
		reap(pid);
	HOW("vfork");
	pid = vfork();
	if (pid == 0) {
		execv(me, argv);
		_exit(1);
	}
	reap(pid);
	snprintf(command, sizeof(command), "'%s' system", me);
	printf("system: %x\n", system(command));
	/* A failed one leaves everything as it was. */
	argv[0] = "/nonexistent";
	printf("nothing there: %d", execv(argv[0], argv));
	printf(" %s\n", strerror(errno));
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;
	int fds[2];

	library = getenv("LIBRARY") ? "with the library" : NULL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "replace") != 0)
		return child(argv[1]);
	if (readlink("/proc/self/exe", me, sizeof(me) - 1) < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return 1;
	setenv("SECOND", "inherited", 1);
	pthread_create(&t, NULL, idle, NULL);
	epoll_create1(EPOLL_CLOEXEC);
	start_all(NULL);
	pthread_create(&t, NULL, start_all, NULL);
	pthread_join(t, NULL);
	argv[0] = me;
	execl(me, me, "main itself", (char *)NULL);
	return 1;
}
