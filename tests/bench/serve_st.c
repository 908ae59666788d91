/* SPDX-License-Identifier: MIT */
/*
 * serve_st.c - echo and HTTP server with State Threads: a coroutine per connection,
 * a process per CPU, by poll. Prints "pid N" for each process, since all their CPU time counts.
 */
#define _GNU_SOURCE
#include <st.h>
#include <sys/prctl.h>

#include "serve.h"

static void *serve(void *arg)
{
	st_netfd_t fd = arg;
	char buffer[SERVE_BUFFER];
	size_t have = 0, length;
	const char *answer;
	ssize_t n;

	while ((n = st_read(fd, buffer + have, sizeof(buffer) - have, ST_UTIME_NO_TIMEOUT)) > 0) {
		have += (size_t)n;
		length = serve_answer(buffer, have, &answer);
		if (length && st_write(fd, answer, length, ST_UTIME_NO_TIMEOUT) != (ssize_t)length)
			break;
		if (length)
			have = 0;
	}
	st_netfd_close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int listener = serve_listen(argc, argv), cpus = allowed_cpus();
	st_netfd_t shared;

	fflush(stdout);
	for (int i = 1; i < cpus; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	printf("pid %d\n", getpid());
	fflush(stdout);
	/* Debian builds it without epoll; what it calls the default, select, ends at 1,024. */
	if (st_set_eventsys(ST_EVENTSYS_POLL) < 0 || st_init() < 0)
		die("st_init");
	shared = st_netfd_open_socket(listener);
	for (;;) {
		st_netfd_t fd = st_accept(shared, NULL, NULL, ST_UTIME_NO_TIMEOUT);

		if (!fd)
			die("st_accept");
		serve_nodelay(st_netfd_fileno(fd));
		if (!st_thread_create(serve, fd, 0, 65536))
			die("st_thread_create");
	}
}
