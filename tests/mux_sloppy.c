/* SPDX-License-Identifier: MIT */
/*
 * mux_sloppy.c - select(getdtablesize(), ...) on an ordinary fd_set. Linux reads no
 * more of a set than the process's descriptor table is long, so this works, whatever
 * follows the set in memory.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static int p[2];

static void *later(void *arg)
{
	struct timespec ts = { 0, 20000000 };

	nanosleep(&ts, NULL);
	return write(p[1], "x", 1) == 1 ? NULL : arg;
}

int main(void)
{
	struct {
		unsigned long set[1024 / 64], after[64 * 1024 / 64];
	} m;
	struct rlimit lim;
	pthread_t t;
	int r, changed = 0;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max < 65536 ? lim.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &lim);
	if (pipe(p) != 0)
		return 1;
	memset(&m, 0xff, sizeof(m));
	memset(m.set, 0, sizeof(m.set));
	m.set[0] = 1UL << p[0];
	pthread_create(&t, NULL, later, &m);
	r = select((int)lim.rlim_cur, (fd_set *)m.set, NULL, NULL, NULL);
	printf("%d %s\n", r, r < 0 ? strerror(errno) : m.set[0] == 1UL << p[0] ? "right" : "wrong");
	pthread_join(t, NULL);
	for (size_t i = 0; i < sizeof(m.after) / sizeof(m.after[0]); i++)
		changed |= m.after[i] != ~0UL;
	printf("%s\n", changed ? "wrote beyond the set" : "nothing else touched");
	return 0;
}
