/* SPDX-License-Identifier: MIT */
/*
 * ids_all.c - user and group ids belong to the process: whichever thread changes them,
 * every kernel thread has them afterwards, also those made later, and signals reach
 * their threads as before. Without privilege the same calls fail the same way.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CROWD = 8, ROUNDS = 60 };

static atomic_int stop, handled;
static int ends[2];

static void on_usr1(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static void *compute(void *arg)
{
	volatile unsigned long n = 0;

	(void)arg;
	while (!atomic_load(&stop))
		n++;
	return NULL;
}

static void *wait_in_read(void *arg)
{
	char c;

	(void)arg;
	while (read(ends[0], &c, 1) < 0 && errno == EINTR)
		;
	return NULL;
}

/* The lines of /proc/self/task/TID/status that begin with key: are all the same? Prints it. */
static void everywhere(const char *key)
{
	char first[512] = "", line[512], path[300];
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	int differ = 0;
	FILE *f;

	while (dir && (e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!f)
			continue;
		while (fgets(line, sizeof(line), f)) {
			if (strncmp(line, key, strlen(key)) != 0)
				continue;
			if (!first[0])
				strcpy(first, line);
			differ += strcmp(first, line) != 0;
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
	printf("  %d differ: %s", differ, first);
}

static void show(const char *what, int ret)
{
	printf("%s: %d %s\n", what, ret, ret < 0 ? strerror(errno) : "");
	everywhere("Uid:");
	everywhere("Gid:");
	everywhere("Groups:");
}

/* Somebody computes, somebody waits, main waits: each gets its signal. */
static void signals_arrive(pthread_t *threads, int n)
{
	int before = atomic_load(&handled);

	for (int i = 0; i < n; i++)
		pthread_kill(threads[i], SIGUSR1);
	kill(getpid(), SIGUSR1);
	while (atomic_load(&handled) < before + n + 1)
		usleep(1000);
	printf("signals: %d\n", atomic_load(&handled) - before);
}

static void *change(void *arg)
{
	const gid_t groups[3] = { 7, 8, 9 };

	(void)arg;
	show("setgroups", setgroups(3, groups));
	show("setresgid", setresgid(33, 33, 0));
	show("setegid", setegid(0));
	show("setresuid", setresuid(33, 33, 0));
	show("setresuid, not allowed", setresuid(5, 5, 5));
	show("seteuid", seteuid(0));
	return NULL;
}

/* Back and forth, while others start and end, and are sent signals. */
static void *again(void *arg)
{
	int bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		bad += setresgid(-1, i % 2 ? 0 : 33, -1) != 0;
		bad += getegid() != (i % 2 ? 0 : 33);
	}
	*(int *)arg = bad;
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	struct sigaction act = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };
	pthread_t crowd[CROWD], changer, other;
	int bad = -1, status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &act, NULL);
	if (pipe(ends) < 0)
		return 1;
	for (int i = 0; i < CROWD; i++)
		pthread_create(&crowd[i], NULL, i < 2 ? compute : wait_in_read, NULL);
	signals_arrive(crowd, CROWD);
	pthread_create(&changer, NULL, change, NULL);
	pthread_join(changer, NULL);
	signals_arrive(crowd, CROWD);
	show("main's own setgid", setgid(44));
	pthread_create(&changer, NULL, again, &bad);
	for (int i = 0; i < ROUNDS; i++) {
		int before = atomic_load(&handled);

		pthread_create(&other, NULL, nothing, NULL);
		pthread_kill(crowd[i % CROWD], SIGUSR1);
		pthread_join(other, NULL);
		while (atomic_load(&handled) == before)
			sched_yield();
	}
	pthread_join(changer, NULL);
	printf("back and forth: %d bad\n", geteuid() == 0 ? bad : 0);
	signals_arrive(crowd, CROWD);
	if (fork() == 0) {
		pthread_create(&changer, NULL, nothing, NULL);
		pthread_join(changer, NULL);
		show("setuid for good, in a child", setuid(geteuid() == 0 ? 1000 : geteuid()));
		show("setuid back", setuid(0));
		signals_arrive(NULL, 0);
		exit(0);
	}
	wait(&status);
	printf("child: %x\n", status);
	atomic_store(&stop, 1);
	close(ends[1]);
	for (int i = 0; i < CROWD; i++)
		pthread_join(crowd[i], NULL);
	return 0;
}
