/* SPDX-License-Identifier: MIT */
/*
 * die_core.c - what a process with threads dies of, and whether it leaves a core dump: the
 * status that its parent sees. It runs in a directory that it makes and removes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void fault(void)
{
	*(volatile int *)8 = 1;
}

static void illegal(void)
{
	__builtin_trap();
}

static void quit(void)
{
	raise(SIGQUIT);
}

static void quit_process(void)
{
	kill(getpid(), SIGQUIT);
}

static void terminate(void)
{
	raise(SIGTERM);
}

static void queued(void)
{
	sigqueue(getpid(), SIGXCPU, (union sigval){ 0 });
}

static const struct way {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "fault", fault }, { "illegal", illegal }, { "abort", abort },
	{ "quit", quit }, { "quit, process", quit_process }, { "terminate", terminate },
	{ "queued", queued },
};

static void *body(void *arg)
{
	((const struct way *)arg)->run();
	pause();
	return NULL;
}

static void *company(void *arg)
{
	for (;;)
		usleep(1000);
	return arg;
}

int main(void)
{
	char name[] = "/tmp/die_core.XXXXXX", *dir = mkdtemp(name);
	struct rlimit limit;
	struct dirent *e;
	DIR *d;

	if (!dir || chdir(dir) < 0)
		return 1;
	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(ways[0]); i++) {
		const struct way *way = &ways[i / 2];
		pthread_t t;
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			pthread_create(&t, NULL, company, NULL);
			if (i % 2 == 0)
				body((void *)way);
			pthread_create(&t, NULL, body, (void *)way);
			pthread_join(t, NULL);
		}
		waitpid(pid, &status, 0);
		printf("%s, %s: signal %d, core %d\n", way->name, i % 2 ? "thread" : "main",
		       WTERMSIG(status), !!WCOREDUMP(status));
		d = opendir(".");
		while (d && (e = readdir(d)) != NULL)
			if (e->d_name[0] != '.')
				unlink(e->d_name);
		closedir(d);
	}
	return chdir("/") < 0 || rmdir(dir) < 0;
}
