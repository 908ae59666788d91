/* SPDX-License-Identifier: MIT */
/*
 * io_close.c - a program that closes what it does not know, and lands on any number it
 * likes: closing everything from 3 up, ranges, dup2 onto the highest numbers, freopen;
 * after each of these its threads still wait and are woken.
 */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *answer(void *arg)
{
	int *fd = arg;
	char c;

	while (read(fd[1], &c, 1) == 1) {
		usleep(500);
		CHECK(write(fd[1], &c, 1) == 1);
	}
	return NULL;
}

/* Two threads talk for a while. */
static void alive(const char *after)
{
	pthread_t t;
	int fd[2];
	char c = 'x';

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	pthread_create(&t, NULL, answer, fd);
	for (int i = 0; i < 5; i++)
		CHECK(write(fd[0], &c, 1) == 1 && read(fd[0], &c, 1) == 1);
	close(fd[0]);
	pthread_join(t, NULL);
	close(fd[1]);
	printf("alive after %s\n", after);
}

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void *run(void *arg)
{
	struct rlimit limit;
	int top, fd[2], closed = 0;
	char b[10];
	pid_t pid;
	DIR *dir;
	FILE *f;

	alive("nothing");
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	top = (int)(limit.rlim_cur < 70000 ? limit.rlim_cur : 70000);
	CHECK(pipe(fd) == 0);
	for (int i = 3; i < top; i++)
		closed += close(i) == 0;
	printf("closed %d\n", closed);
	alive("closing them one by one");
	CHECK(pipe(fd) == 0);
	closefrom(3);
	printf("open: %d %d\n", is_open(fd[0]), is_open(fd[1]));
	alive("closefrom");
	CHECK(pipe(fd) == 0);
	CHECK(close_range(3, ~0U, 0) == 0);
	printf("open: %d %d\n", is_open(fd[0]), is_open(fd[1]));
	CHECK(close_range(7, 3, 0) == -1 && errno == EINVAL);
	alive("close_range");
	for (int i = 1; i <= 40; i++)
		CHECK(dup2(0, top - i) == top - i);
	alive("dup2 onto the highest");
	for (int i = 1; i <= 40; i++)
		CHECK(close(top - i) == 0 && close(top - i) == -1 && errno == EBADF);
	alive("closing those");
	CHECK(pipe(fd) == 0);
	CHECK(dup2(fd[1], 50) == 50 && dup3(fd[1], 51, O_CLOEXEC) == 51);
	CHECK(dup3(fd[1], fd[1], 0) == -1 && errno == EINVAL && dup2(fd[1], fd[1]) == fd[1]);
	CHECK(dup2(1000, 50) == -1 && errno == EBADF && is_open(50));
	close(fd[1]);
	CHECK(write(50, "a", 1) == 1 && write(51, "b", 1) == 1);
	close(50);
	printf("read %zd", read(fd[0], b, 2));
	close(51);
	printf(" %zd\n", read(fd[0], b, 2));
	close(fd[0]);

	CHECK(pipe(fd) == 0);
	f = fdopen(fd[1], "w");
	CHECK(f && fprintf(f, "buffered") == 8 && fclose(f) == 0);
	printf("fclose flushes: %zd", read(fd[0], b, sizeof(b)));
	printf(" %zd\n", read(fd[0], b, sizeof(b)));
	close(fd[0]);
	CHECK(pipe(fd) == 0);
	f = fdopen(fd[1], "w");
	CHECK(f && fprintf(f, "again") == 5 && freopen("/dev/null", "w", f) != NULL);
	printf("freopen too: %zd", read(fd[0], b, sizeof(b)));
	printf(" %zd\n", read(fd[0], b, sizeof(b)));
	CHECK(fclose(f) == 0);
	close(fd[0]);
	dir = opendir("/");
	CHECK(dir && dirfd(dir) >= 0);
	closed = dirfd(dir);
	CHECK(closedir(dir) == 0 && !is_open(closed));
	alive("all that");

	/* A child that tidies up leaves the parent's alone. */
	CHECK(pipe(fd) == 0);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		dup2(fd[1], 1);
		closefrom(3);
		alive("fork");
		CHECK(write(1, "child\n", 6) == 6);
		_exit(0);
	}
	close(fd[1]);
	fflush(stdout);
	f = fdopen(fd[0], "r");
	while (fgets(b, sizeof(b), f))
		fputs(b, stdout);
	fclose(f);
	CHECK(waitpid(pid, &closed, 0) == pid);
	printf("child: %d\n", closed);
	alive("a child's work");
	return arg;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	return 0;
}
