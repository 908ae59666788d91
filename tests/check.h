/* SPDX-License-Identifier: MIT */
/*
 * check.h - CHECK(what must be so), or the test program ends there and says where.
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x)                                                                            \
	do {                                                                                \
		if (!(x)) {                                                                 \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #x, strerror(errno)); \
			exit(99);                                                           \
		}                                                                           \
	} while (0)

#endif
