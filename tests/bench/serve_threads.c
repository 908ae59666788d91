/* SPDX-License-Identifier: MIT */
/*
 * serve_threads.c - echo and HTTP server, a thread per connection, blocking calls: the
 * program the library is for. Run bare it is the contender "native", with the library
 * "shim".
 */
#define _GNU_SOURCE
#include "serve.h"

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buffer[SERVE_BUFFER];
	size_t have = 0, length;
	const char *answer;
	ssize_t n;

	while ((n = read(fd, buffer + have, sizeof(buffer) - have)) > 0) {
		have += (size_t)n;
		length = serve_answer(buffer, have, &answer);
		if (length && write(fd, answer, length) != (ssize_t)length)
			break;
		if (length)
			have = 0;
	}
	close(fd);
	return NULL;
}

static void *hog(void *arg)
{
	for (volatile unsigned long turn = 0;; turn = turn + 1)
		;
	return arg;
}

int main(int argc, char **argv)
{
	int listener = serve_listen(argc, argv);

	fflush(stdout);
	for (int i = serve_hogs ? allowed_cpus() : 0; i > 0; i--) {
		pthread_t thread;

		start(&thread, hog, NULL);
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			die("accept");
		serve_nodelay(fd);
		start(&thread, serve, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
}
