/* SPDX-License-Identifier: MIT */
/*
 * support.c - in place of a file of glibc's support library that counts kernel
 * threads to find out whether a thread has ended.
 */
#include <time.h>

void support_wait_for_thread_exit(void);

void support_wait_for_thread_exit(void)
{
	const struct timespec ts = { .tv_nsec = 300000000 };

	nanosleep(&ts, NULL);
}
