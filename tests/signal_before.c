/* SPDX-License-Identifier: MIT */
/*
 * signal_before.c - what main blocked and ignored before it made its first thread
 * stays so: a write to a pipe without readers gives EPIPE in every thread, nothing
 * more, and the action that sigaction reports is the one that was set.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *writer(void *arg)
{
	int fds[2];
	sigset_t set;

	if (arg) {
		/* Even where it is let in, it is ignored. */
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
	if (pipe(fds) != 0)
		return "pipe";
	close(fds[0]);
	errno = 0;
	if (write(fds[1], "x", 1) != -1 || errno != EPIPE)
		return "write";
	close(fds[1]);
	return "EPIPE";
}

int main(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	sigset_t set;
	pthread_t t;
	void *said;

	sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	for (int i = 0; i < 4; i++) {
		if (pthread_create(&t, NULL, writer, i % 2 ? "let in" : NULL) != 0)
			return 1;
		pthread_join(t, &said);
		puts(said);
	}
	puts(writer(NULL));
	puts(writer("let in"));
	memset(&action, 0, sizeof(action));
	sigaction(SIGPIPE, NULL, &action);
	printf("ignored %d\n", action.sa_handler == SIG_IGN);
	return 0;
}
