/* SPDX-License-Identifier: MIT */
/*
 * signal_server.c - a server that is sent signals at random moments by another process, which
 * is its client as well.
 *
 *	signal_server SECONDS [PRELOAD]
 *
 * starts itself as the server, with PRELOAD in LD_PRELOAD, and is its client and its pest:
 * connections come and go, requests are answered, children are made and reaped, and all
 * the while signals of every kind come, real-time ones by the thousand, now and then
 * a stop. No answer may be missing or wrong, no real-time signal lost or out of order, and
 * SIGTERM must end it, with everybody connected. Prints what was wrong, and on standard
 * error how much there was of everything, and how long the end took.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KINDS = 3, CLIENTS = 16, REQUESTS = 20, AHEAD = 200, MOST = 20000, SPINNERS = 2 };

/* Seen by both. */
static struct shared {
	atomic_int port, handled[KINDS], disorder, plain, children;
} *shared;

/* ---- the server ---- */

static atomic_int stopping;
static int listener;
static int last[KINDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long served;

static void on_realtime(int sig, siginfo_t *info, void *uc)
{
	int kind = sig - SIGRTMIN, n = info->si_value.sival_int;

	(void)uc;
	if (n != last[kind] + 1)
		atomic_fetch_add(&shared->disorder, 1);
	last[kind] = n;
	atomic_fetch_add(&shared->handled[kind], 1);
}

static void on_plain(int sig)
{
	(void)sig;
	atomic_fetch_add(&shared->plain, 1);
}

static void on_child(int sig)
{
	int err = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		atomic_fetch_add(&shared->children, 1);
	errno = err;
}

static void on_term(int sig)
{
	int err = errno;

	(void)sig;
	atomic_store(&stopping, 1);
	shutdown(listener, SHUT_RDWR);
	errno = err;
}

static int transfer(int fd, void *data, size_t size, int out)
{
	for (char *p = data; size > 0;) {
		ssize_t n = out ? send(fd, p, size, MSG_NOSIGNAL) : recv(fd, p, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		p += n;
		size -= (size_t)n;
	}
	return 1;
}

/* A request is a length and a byte; the answer is as many of them. */
static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct { unsigned size; unsigned char byte; } q;
	char *answer = malloc(MOST);

	while (transfer(fd, &q, sizeof(q), 0) && q.size <= MOST) {
		memset(answer, q.byte, q.size);
		if (q.byte == 0)
			usleep(500);
		pthread_mutex_lock(&lock);
		served++;
		pthread_mutex_unlock(&lock);
		if (!transfer(fd, answer, q.size, 1))
			break;
	}
	free(answer);
	close(fd);
	return NULL;
}

/* Computes at times; now and then makes a child, or a timer's signal. */
static void *spin(void *arg)
{
	struct itimerval soon = { .it_value.tv_usec = 3000 };
	volatile unsigned long n = 0;

	while (!atomic_load(&stopping)) {
		if (++n % 1000000 != 0)
			continue;
		usleep(2000);
		if (n % 20000000 != 0)
			continue;
		if (arg)
			setitimer(ITIMER_REAL, &soon, NULL);
		else if (fork() == 0)
			_exit(0);
	}
	return NULL;
}

static void install(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	sigaction(sig, &act, NULL);
}

static int server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct sigaction act = { .sa_sigaction = on_realtime, .sa_flags = SA_SIGINFO | SA_RESTART };
	socklen_t len = sizeof(address);
	pthread_attr_t attr;
	sigset_t set;
	pthread_t t;

	sigemptyset(&set);
	for (int i = 0; i < KINDS; i++) {
		sigaction(SIGRTMIN + i, &act, NULL);
		sigaddset(&set, SIGRTMIN + i);
	}
	install(SIGHUP, on_plain, SA_RESTART);
	install(SIGUSR1, on_plain, 0);
	install(SIGUSR2, on_plain, SA_RESTART | SA_NODEFER);
	install(SIGALRM, on_plain, SA_RESTART);
	install(SIGCONT, on_plain, SA_RESTART);
	install(SIGWINCH, on_plain, 0);
	install(SIGCHLD, on_child, SA_RESTART);
	install(SIGTERM, on_term, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(listener, 128) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Main's alone: two threads would handle them at the same time. */
	pthread_attr_setsigmask_np(&attr, &set);
	for (intptr_t i = 0; i < SPINNERS; i++)
		CHECK(pthread_create(&t, &attr, spin, (void *)i) == 0);
	atomic_store(&shared->port, ntohs(address.sin_port));
	while (!atomic_load(&stopping)) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			CHECK(pthread_create(&t, &attr, serve, (void *)(intptr_t)fd) == 0);
		else if (errno != EINTR && errno != EINVAL && errno != ECONNABORTED)
			CHECK(!"accept");
	}
	printf("server: ends, having served %s\n", served > 0 ? "some" : "none");
	return 0;
}

/* ---- the client ---- */

static atomic_int done;
static atomic_long answers, wrong;

static void *client(void *arg)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	unsigned seed = (unsigned)(intptr_t)arg;
	struct { unsigned size; unsigned char byte; } q = { 0 };
	char *answer = malloc(MOST);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atomic_load(&shared->port));
	while (!atomic_load(&done)) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), ok;

		ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
		for (int i = 0; ok && i < REQUESTS && !atomic_load(&done); i++) {
			q.size = 1 + (unsigned)rand_r(&seed) % (i % 5 ? 100 : MOST);
			q.byte = (unsigned char)rand_r(&seed);
			ok = transfer(fd, &q, sizeof(q), 1) && transfer(fd, answer, q.size, 0);
			for (unsigned k = 0; ok && k < q.size; k++)
				ok = (unsigned char)answer[k] == q.byte;
			atomic_fetch_add(&answers, ok);
		}
		if (!ok)
			atomic_fetch_add(&wrong, 1);
		if (!atomic_load(&done))
			close(fd); /* the last ones stay connected */
	}
	return NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int in_flight(const int *sent)
{
	int n = 0;

	for (int i = 0; i < KINDS; i++)
		n += sent[i] - atomic_load(&shared->handled[i]);
	return n;
}

/* Signals at random moments, until time is up; and until there was some of everything that
   is reported, which takes a machine longer that has other things to do. */
static void pester(pid_t pid, double seconds, int *sent, long *others)
{
	const int plain[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGURG, SIGCHLD };
	double end = now() + seconds;
	unsigned seed = (unsigned)getpid();

	while (now() < end || !atomic_load(&answers) || !atomic_load(&shared->plain) ||
	       !atomic_load(&shared->children)) {
		unsigned r = (unsigned)rand_r(&seed);

		if (r % 4 == 0) {
			kill(pid, plain[(r >> 8) % (sizeof(plain) / sizeof(plain[0]))]);
			++*others;
		} else if (r % 997 == 1) {
			kill(pid, SIGSTOP);
			usleep(r >> 8 & 2047);
			kill(pid, SIGCONT);
		} else if (in_flight(sent) < AHEAD) {
			int kind = (int)(r >> 8) % KINDS;
			union sigval v = { .sival_int = sent[kind] + 1 };

			if (sigqueue(pid, SIGRTMIN + kind, v) == 0)
				sent[kind]++;
		}
		if (r % 16 == 0)
			usleep(r >> 8 & 1023);
	}
	/* What is under way has to come, however slow the machine. */
	for (int i = 0; i < 3000 && in_flight(sent) > 0; i++)
		usleep(10000);
}

int main(int argc, char **argv)
{
	int sent[KINDS] = { 0 }, status, fd, lost;
	long others = 0, all = 0;
	pthread_t t[CLIENTS];
	double at;
	pid_t pid;

	if (argc > 2 && strcmp(argv[1], "server") == 0) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			      atoi(argv[2]), 0);
		return shared == MAP_FAILED ? 98 : server();
	}
	if (argc < 2)
		return 2;
	fd = memfd_create("shared", 0);
	CHECK(fd >= 0 && ftruncate(fd, sizeof(*shared)) == 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid = fork();
	if (pid == 0) {
		char number[16];

		snprintf(number, sizeof(number), "%d", fd);
		if (argc > 2)
			setenv("LD_PRELOAD", argv[2], 1);
		execl("/proc/self/exe", argv[0], "server", number, (char *)NULL);
		_exit(97);
	}
	while (atomic_load(&shared->port) == 0)
		usleep(1000);
	for (intptr_t i = 0; i < CLIENTS; i++)
		CHECK(pthread_create(&t[i], NULL, client, (void *)i) == 0);
	pester(pid, atof(argv[1]), sent, &others);
	atomic_store(&done, 1);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(t[i], NULL);
	lost = in_flight(sent);
	for (int i = 0; i < KINDS; i++)
		all += sent[i];
	at = now();
	kill(pid, SIGTERM);
	CHECK(waitpid(pid, &status, 0) == pid);
	at = now() - at;
	printf("answers: %s, wrong or missing %ld\n", atomic_load(&answers) > 0 ? "some" : "none",
	       atomic_load(&wrong));
	printf("real-time signals: %s, lost %d, out of order %d\n", all > 0 ? "some" : "none", lost,
	       atomic_load(&shared->disorder));
	printf("others: %s; children reaped: %s\n", atomic_load(&shared->plain) > 0 ? "some" : "none",
	       atomic_load(&shared->children) > 0 ? "some" : "none");
	printf("SIGTERM: status %x\n", status);
	fprintf(stderr, "%ld answers, %ld real-time signals, %ld others (%d handled), %d children, end in %.3f s\n",
		atomic_load(&answers), all, others, atomic_load(&shared->plain),
		atomic_load(&shared->children), at);
	return 0;
}
