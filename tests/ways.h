/* SPDX-License-Identifier: MIT */
/*
 * ways.h - test programs that are many small ones: without an argument they list the ways
 * there are, with one they go that way.
 */
#ifndef WAYS_H
#define WAYS_H

#include "check.h"

#include <pthread.h>

struct way {
	const char *name;
	void (*run)(void);
};

static inline void go(const struct way *ways, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!name)
			puts(ways[i].name);
		else if (strcmp(name, ways[i].name) == 0)
			ways[i].run();
}

#define GO(ways, name) go(ways, sizeof(ways) / sizeof((ways)[0]), name)

static inline pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, arg) == 0);
	return t;
}

#endif
