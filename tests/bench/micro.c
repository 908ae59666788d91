/* SPDX-License-Identifier: MIT */
/*
 * micro.c - small costs of threads, measured by an ordinary pthread program: run
 * it with and without the library and compare (ratios.sh does).
 *
 *	micro [NAME...]		(without NAME: all)
 *
 * Each benchmark prints "name value unit". For those where two threads take turns
 * the process is pinned on one CPU, so that they do, natively too.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { YIELDS = 300000, LOCKS = 20000000, CREATES = 20000, TURNS = 100000, IDLE_THREADS = 100,
       IDLE_SECONDS = 10 };

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double cpu_seconds(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void start(pthread_t *thread, void *(*body)(void *), void *arg)
{
	if (pthread_create(thread, NULL, body, arg) != 0) {
		fprintf(stderr, "micro: cannot make a thread\n");
		exit(1);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static void report(const char *name, double value, const char *unit)
{
	printf("%s %.4g %s\n", name, value, unit);
	fflush(stdout);
}

/* --- yield: out and back between two threads ------------------------------ */

static volatile int last_to_run;
static volatile unsigned long alternations;
static pthread_barrier_t both;

static void *yielder(void *arg)
{
	int me = (int)(intptr_t)arg;

	pthread_barrier_wait(&both);
	for (int i = 0; i < YIELDS; i++) {
		if (last_to_run != me) {
			last_to_run = me;
			alternations = alternations + 1; /* one CPU: nobody else writes it now */
		}
		sched_yield();
	}
	return NULL;
}

static void bench_yield(void)
{
	pthread_t a, b;

	pthread_barrier_init(&both, NULL, 3);
	start(&a, yielder, (void *)1);
	start(&b, yielder, (void *)2);
	double begin = now_ns();

	pthread_barrier_wait(&both);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	/* Two alternations are one way out and back. */
	report("yield", (now_ns() - begin) / ((double)alternations / 2), "ns/out-and-back");
}

/* --- mutex: nobody else wants it, but there are threads ------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void bench_mutex(void)
{
	pthread_t thread;

	start(&thread, nothing, NULL); /* ends libc's single-threaded shortcuts */
	pthread_join(thread, NULL);
	double begin = now_ns();

	for (int i = 0; i < LOCKS; i++) {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}
	report("mutex", (now_ns() - begin) / LOCKS, "ns/lock+unlock");
}

/* --- create and join ------------------------------------------------------ */

static void create_join(const char *name)
{
	pthread_t thread;

	for (int i = 0; i < 100; i++) {
		start(&thread, nothing, NULL);
		pthread_join(thread, NULL);
	}
	double begin = now_ns();

	for (int i = 0; i < CREATES; i++) {
		start(&thread, nothing, NULL);
		pthread_join(thread, NULL);
	}
	report(name, (now_ns() - begin) / CREATES, "ns/create+join");
}

static void bench_create(void)
{
	create_join("create");
}

static void bench_create_pinned(void)
{
	create_join("create_pinned");
}

/* --- condition variable and pipe: two threads take turns ------------------- */

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *cond_player(void *arg)
{
	int me = (int)(intptr_t)arg;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < TURNS; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &lock);
		turn = !me;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void bench_cond(void)
{
	pthread_t thread;
	double begin = now_ns();

	start(&thread, cond_player, (void *)1);
	cond_player((void *)0);
	pthread_join(thread, NULL);
	report("cond", (now_ns() - begin) / TURNS, "ns/out-and-back");
}

static int there[2], back[2];

static void *pipe_player(void *arg)
{
	char c;

	for (int i = 0; i < TURNS; i++)
		if (read(there[0], &c, 1) != 1 || write(back[1], &c, 1) != 1)
			exit(1);
	return NULL;
}

static void bench_pipe(void)
{
	pthread_t thread;
	char c = 'x';

	if (pipe(there) < 0 || pipe(back) < 0)
		exit(1);
	start(&thread, pipe_player, NULL);
	double begin = now_ns();

	for (int i = 0; i < TURNS; i++)
		if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
			exit(1);
	pthread_join(thread, NULL);
	report("pipe", (now_ns() - begin) / TURNS, "ns/out-and-back");
}

/* --- idle: a server nobody talks to --------------------------------------- */

static void *idle_reader(void *arg)
{
	char c;

	(void)!read((int)(intptr_t)arg, &c, 1);
	return NULL;
}

static void bench_idle(void)
{
	pthread_t threads[IDLE_THREADS];
	int pairs[IDLE_THREADS][2];

	for (int i = 0; i < IDLE_THREADS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) < 0)
			exit(1);
		start(&threads[i], idle_reader, (void *)(intptr_t)pairs[i][0]);
	}
	sleep(1);
	double cpu = cpu_seconds();

	sleep(IDLE_SECONDS);
	cpu = cpu_seconds() - cpu;
	for (int i = 0; i < IDLE_THREADS; i++) {
		close(pairs[i][1]);
		pthread_join(threads[i], NULL);
	}
	report("idle", cpu / IDLE_SECONDS * 10, "CPU-s/10s");
}

static const struct {
	const char *name;
	void (*run)(void);
	int pinned;
} benches[] = {
	{ "yield", bench_yield, 1 },
	{ "mutex", bench_mutex, 0 },
	{ "create", bench_create, 0 },
	{ "create_pinned", bench_create_pinned, 1 },
	{ "cond", bench_cond, 1 },
	{ "pipe", bench_pipe, 1 },
	{ "idle", bench_idle, 0 },
};

static void pin(void)
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	sched_setaffinity(0, sizeof(one), &one);
}

/* Each in a process of its own: pinned or not before its first thread, and none
   inherits what another left behind. */
static int run(size_t index)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (benches[index].pinned)
			pin();
		benches[index].run();
		exit(0);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0;
}

int main(int argc, char **argv)
{
	int failed = 0, known = 0;

	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		int wanted = argc < 2;

		for (int k = 1; k < argc; k++)
			wanted |= strcmp(argv[k], benches[i].name) == 0;
		if (wanted) {
			known++;
			failed |= run(i);
		}
	}
	if (!known) {
		fprintf(stderr, "usage: micro [yield] [mutex] [create] [create_pinned] [cond] [pipe] [idle]\n");
		return 2;
	}
	return failed;
}
