/* SPDX-License-Identifier: MIT */
/*
 * exec.c - exec and popen, and the terminal's foreground group: what they pass on or look
 * at is the kernel's signal mask, which has to be the calling thread's meanwhile.
 *
 * In a vfork child (see process.c) it is already.
 *
 * Called from: the program. libc's own execs are those of a spawned child.
 */
#include "gate.h"
#include "real.h"
#include "runtime/kick.h"
#include "runtime/region.h"
#include "runtime/signal.h"

#include <alloca.h>
#include <stdarg.h>
#include <termios.h>

/* Round a call of libc's. In a region, so that it stays on one kernel thread. becomes: the
   caller may be another program afterwards. */
static struct gs_thread *gs_exec_begin(bool becomes)
{
	struct gs_thread *self = gs_gate();

	if (self) {
		gs_region_enter(self);
		gs_signal_native(self, true);
		if (becomes) {
			gs_enter_hold(self); /* no handler brings us to another worker */
			gs_kick_seal(self->worker);
			gs_leave(self);
		}
	}
	return self;
}

static void gs_exec_end(struct gs_thread *self)
{
	int err = errno;

	if (self) {
		gs_signal_native(self, false);
		gs_enter_hold(self);
		gs_kick_unseal(self->worker);
		gs_leave(self);
		gs_region_leave(self);
	}
	errno = err;
}

GS_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	struct gs_thread *self = gs_exec_begin(true);
	int ret = gs_real.execve(path, argv, envp);

	gs_exec_end(self);
	return ret;
}

GS_EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

GS_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	struct gs_thread *self = gs_exec_begin(true);
	int ret = gs_real.execvpe(file, argv, envp);

	gs_exec_end(self);
	return ret;
}

GS_EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

GS_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct gs_thread *self = gs_exec_begin(true);
	int ret = gs_real.fexecve(fd, argv, envp);

	gs_exec_end(self);
	return ret;
}

GS_EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[],
		       int flags)
{
	struct gs_thread *self = gs_exec_begin(true);
	int ret = gs_real.execveat(dirfd, path, argv, envp, flags);

	gs_exec_end(self);
	return ret;
}

/* The arguments from first to NULL as a vector on the caller's stack. */
#define GS_EXEC_COLLECT(argv, ap, first)                                        \
	do {                                                                    \
		size_t n_ = 1;                                                  \
		va_list count_;                                                 \
										\
		va_copy(count_, ap);                                            \
		while (va_arg(count_, char *))                                  \
			n_++;                                                   \
		va_end(count_);                                                 \
		argv = alloca((n_ + 1) * sizeof(*argv));                        \
		argv[0] = (char *)first;                                        \
		for (size_t i_ = 1; i_ <= n_; i_++)                             \
			argv[i_] = va_arg(ap, char *);                          \
	} while (0)

GS_EXPORT int execl(const char *path, const char *arg, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, arg);
	GS_EXEC_COLLECT(argv, ap, arg);
	va_end(ap);
	return execve(path, argv, environ);
}

GS_EXPORT int execlp(const char *file, const char *arg, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, arg);
	GS_EXEC_COLLECT(argv, ap, arg);
	va_end(ap);
	return execvpe(file, argv, environ);
}

GS_EXPORT int execle(const char *path, const char *arg, ...)
{
	char **argv, **envp;
	va_list ap;

	va_start(ap, arg);
	GS_EXEC_COLLECT(argv, ap, arg);
	envp = va_arg(ap, char **);
	va_end(ap);
	return execve(path, argv, envp);
}

GS_EXPORT FILE *popen(const char *command, const char *mode)
{
	struct gs_thread *self = gs_exec_begin(false);
	FILE *f = gs_real.popen(command, mode);

	gs_exec_end(self);
	return f;
}

/* These stop a process in the background, unless the calling thread blocks SIGTTOU. */
GS_EXPORT int tcsetpgrp(int fd, pid_t group)
{
	struct gs_thread *self = gs_exec_begin(false);
	int ret = gs_real.tcsetpgrp(fd, group);

	gs_exec_end(self);
	return ret;
}

GS_EXPORT int tcsetattr(int fd, int when, const struct termios *termios)
{
	struct gs_thread *self = gs_exec_begin(false);
	int ret = gs_real.tcsetattr(fd, when, termios);

	gs_exec_end(self);
	return ret;
}
