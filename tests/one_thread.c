/* SPDX-License-Identifier: MIT */
/*
 * one_thread.c - makes a thread, waits for it, prints a line. With the argument
 * "none" it makes none; with "title" it first writes over its environment, as
 * servers do that show a title in ps.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

static void *body(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;
	void *result = NULL;

	if (argc > 1 && strcmp(argv[1], "none") == 0) {
		puts("no thread");
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "title") == 0)
		for (char **e = environ; *e; e++)
			memset(*e, 'x', strlen(*e));
	if (pthread_create(&t, NULL, body, &t) != 0 || pthread_join(t, &result) != 0 || result != &t)
		return 1;
	puts("one thread");
	return 0;
}
