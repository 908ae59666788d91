/* SPDX-License-Identifier: MIT */
/*
 * block_dlopen.c - dlopen of an object whose constructor reads from a pipe, while others
 * run; and two who want the loader at the same time.
 *
 *	block_dlopen OBJECT
 */
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *load(void *path)
{
	return dlopen(path, RTLD_NOW);
}

static void *run(void *arg)
{
	for (int i = 0; i < 20; i++)
		usleep(500);
	return arg;
}

int main(int argc, char **argv)
{
	void *handles[2];
	pthread_t t[2], o;
	char text[16];
	int p[2];

	CHECK(argc == 2 && pipe(p) == 0);
	snprintf(text, sizeof(text), "%d", p[0]);
	setenv("DLOPEN_FD", text, 1);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&t[i], NULL, load, argv[1]) == 0);
	CHECK(pthread_create(&o, NULL, run, NULL) == 0);
	pthread_join(o, NULL);
	printf("others ran\n");
	CHECK(write(p[1], "x", 1) == 1);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &handles[i]);
	printf("loaded: %d\n", handles[0] && handles[0] == handles[1]);
	return 0;
}
