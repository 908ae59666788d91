/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - starts `true` again and again and waits for it. The environment, and with
 * it the preload, is passed on.
 *
 *	spawn TIMES
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <sys/wait.h>

#include "bench.h"

extern char **environ;

int main(int argc, char **argv)
{
	long times = argc > 1 ? number(argv[1]) : 100;
	double begin = now_ns(), cpu;
	struct rusage ru;

	for (long i = 0; i < times; i++) {
		char *command[] = { "true", NULL };
		int status;
		pid_t pid;

		if (posix_spawn(&pid, "/bin/true", NULL, NULL, command, environ) != 0 ||
		    waitpid(pid, &status, 0) != pid || status != 0)
			die("spawn: true");
	}
	figure("operations", (double)times);
	figure("wall_ms", (now_ns() - begin) / 1e6 / (double)times);
	getrusage(RUSAGE_CHILDREN, &ru);
	cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3 +
	      (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3;
	figure("cpu_ms", cpu / (double)times);
	return 0;
}
