/* SPDX-License-Identifier: MIT */
/*
 * block_crowd.c - very many threads in calls that libc makes by itself: fgets on sockets,
 * getline on pipes, getaddrinfo against a name server that answers nobody before everybody
 * has asked, and wait for a child each. Prints what they got; how many kernel threads that
 * took, and how long the look-ups did, goes to standard error as "name value" lines.
 *
 *	block_crowd [SOCKETS [PIPES [NAMES [CHILDREN [SLOW_MS]]]]]
 *
 * With SLOW_MS the server answers each question so many milliseconds after it came.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS, PIPES, NAMES, CHILDREN, SLOW, ARGS };

struct work {
	pthread_t thread;
	int in, out;
	long number;
};

static long args[ARGS] = { 2000, 2000, 500, 100, 0 };
static _Atomic long begun, right[SLOW];
static struct sockaddr_in server_addr;
static int server;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static long kernel_threads(void)
{
	char line[256];
	long n = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Threads:", 8) == 0)
			n = atol(line + 8);
	if (f)
		fclose(f);
	return n;
}

/* ---- the name server, a process ---- */

struct question {
	unsigned char b[600];
	size_t n;
	struct sockaddr_in from;
	double due;
};

static void reply(struct question *q)
{
	static const unsigned char tail[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0 };
	unsigned char *b = q->b;
	size_t n = 12;
	long number = strtol((char *)b + 14, NULL, 10); /* after the length and an "n" */

	while (b[n])
		n += b[n] + 1;
	n += 5;
	b[2] |= 0x80;
	b[3] = 0x80;
	b[7] = 1;
	b[9] = b[11] = 0;
	memcpy(b + n, tail, sizeof(tail));
	n += sizeof(tail);
	b[n++] = (unsigned char)(number >> 8);
	b[n++] = (unsigned char)number;
	sendto(server, b, n, 0, (struct sockaddr *)&q->from, sizeof(q->from));
}

static void serve(long expected)
{
	struct question *all = calloc((size_t)expected + 1, sizeof(*all));
	long got = 0, answered = 0;
	int size = 4 << 20;

	setsockopt(server, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	while (all && answered < expected) {
		struct pollfd p = { .fd = server, .events = POLLIN };
		bool due = args[SLOW] ? answered < got && now() >= all[answered].due
				      : got == expected;

		if (due) {
			reply(&all[answered++]);
			continue;
		}
		if (poll(&p, 1, args[SLOW] && answered < got ? 1 : -1) > 0 && got < expected) {
			socklen_t len = sizeof(all[got].from);

			all[got].n = (size_t)recvfrom(server, all[got].b, 512, 0,
						      (struct sockaddr *)&all[got].from, &len);
			all[got++].due = now() + (double)args[SLOW];
		}
	}
	_exit(0);
}

static pid_t start_server(long expected)
{
	socklen_t len = sizeof(server_addr);
	pid_t pid;

	server = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&server_addr, 0, sizeof(server_addr));
	server_addr.sin_family = AF_INET;
	server_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(server, (struct sockaddr *)&server_addr, sizeof(server_addr)) == 0);
	CHECK(getsockname(server, (struct sockaddr *)&server_addr, &len) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		serve(expected);
	close(server);
	return pid;
}

/* ---- the crowd ---- */

static void *socket_line(void *arg)
{
	struct work *w = arg;
	FILE *f = fdopen(w->in, "r+");
	char line[64];

	CHECK(f);
	begun++;
	if (fgets(line, sizeof(line), f) && strtol(line, NULL, 10) == w->number)
		right[SOCKETS]++;
	fclose(f);
	return NULL;
}

static void *pipe_line(void *arg)
{
	struct work *w = arg;
	FILE *f = fdopen(w->in, "r");
	char *line = NULL;
	size_t room = 0;

	CHECK(f);
	begun++;
	if (getline(&line, &room, f) > 0 && strtol(line, NULL, 10) == w->number)
		right[PIPES]++;
	free(line);
	fclose(f);
	return NULL;
}

static void *look_up(void *arg)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct work *w = arg;
	char name[64];

	/* This thread's resolver asks our server, and longer than anybody waits. */
	CHECK(res_init() == 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = server_addr;
	_res.retrans = 100;
	_res.retry = 1;
	_res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
	snprintf(name, sizeof(name), "n%ld.example", w->number);
	begun++;
	if (getaddrinfo(name, "80", &hints, &list) == 0) {
		struct sockaddr_in *a = (struct sockaddr_in *)list->ai_addr;

		if (ntohl(a->sin_addr.s_addr) == (10U << 24 | (uint32_t)w->number))
			right[NAMES]++;
		freeaddrinfo(list);
	}
	return NULL;
}

static void *parent(void *arg)
{
	struct work *w = arg;
	int status = 0;

	begun++;
	if (waitpid(w->in, &status, 0) == w->in && WEXITSTATUS(status) == w->number % 100)
		right[CHILDREN]++;
	return NULL;
}

static void *(*const bodies[SLOW])(void *) = { socket_line, pipe_line, look_up, parent };
static const char *const names[SLOW] = { "sockets", "pipes", "names", "children" };

/* Forked while there is one thread only; each ends when its pipe does. */
static void make_child(struct work *w)
{
	int p[2];
	char c;

	CHECK(pipe(p) == 0);
	w->in = fork();
	CHECK(w->in >= 0);
	if (w->in == 0) {
		close(p[1]);
		_exit(read(p[0], &c, 1) == 1 ? (int)(w->number % 100) : 200);
	}
	close(p[0]);
	w->out = p[1];
}

static void make(struct work *w, int kind)
{
	int p[2];

	switch (kind) {
	case SOCKETS:
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) == 0);
		break;
	case PIPES:
		CHECK(pipe(p) == 0);
		break;
	case CHILDREN:
		make_child(w);
		return;
	default:
		return;
	}
	w->in = p[0];
	w->out = p[1];
}

static void tell(struct work *w, int kind)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%ld\n", w->number);

	if (kind != NAMES)
		CHECK(write(w->out, line, (size_t)n) == n);
	if (kind != NAMES)
		close(w->out);
}

int main(int argc, char **argv)
{
	struct work *work[SLOW];
	pthread_attr_t attr;
	struct rlimit limit;
	long all = 0, most = 0;
	double look_ups;
	pid_t pid;

	for (int i = 1; i < argc && i <= ARGS; i++)
		args[i - 1] = atol(argv[i]);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	pid = start_server(args[NAMES]);
	for (int k = SLOW - 1; k >= 0; k--) {
		work[k] = calloc((size_t)args[k] + 1, sizeof(*work[k]));
		CHECK(work[k]);
		for (long i = 0; i < args[k]; i++) {
			work[k][i].number = i;
			make(&work[k][i], k);
		}
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	look_ups = now();
	for (int k = SLOW - 1; k >= 0; k--)
		for (long i = 0; i < args[k]; i++) {
			CHECK(pthread_create(&work[k][i].thread, &attr, bodies[k], &work[k][i]) == 0);
			all++;
		}
	/* All of them are about to block, or have answered; some time for the rest. */
	while (begun < all)
		sched_yield();
	for (int i = 0; i < 20; i++) {
		long n = kernel_threads();

		most = n > most ? n : most;
		usleep(2000);
	}
	for (long i = 0; i < args[NAMES]; i++)
		pthread_join(work[NAMES][i].thread, NULL);
	look_ups = now() - look_ups;
	for (int k = 0; k < SLOW; k++)
		for (long i = 0; i < args[k]; i++)
			tell(&work[k][i], k);
	for (int k = 0; k < SLOW; k++) {
		for (long i = 0; k != NAMES && i < args[k]; i++)
			pthread_join(work[k][i].thread, NULL);
		printf("%s: %ld of %ld right\n", names[k], right[k], args[k]);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	fprintf(stderr, "kernel_threads %ld\nlook_ups_ms %.0f\n", most, look_ups);
	return 0;
}
