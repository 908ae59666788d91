/* SPDX-License-Identifier: MIT */
/*
 * stdio_locks.c - many threads and one FILE: no torn lines, flockfile holds
 * across yields and recursion, and a thread blocked in stdio (libc's own read
 * and write, on pipes) does not stop the others.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 40, LINES = 300, PIPES = 20, MESSAGES = 200 };

static FILE *file;

static void *print_lines(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < LINES; i++) {
		fprintf(file, "line %u %u %s %u\n", id, i, "some words in the middle", id * LINES + i);
		if (i % 8 == 0)
			sched_yield();
	}
	return NULL;
}

/* Every line whole, each thread's in its order, none missing. */
static void check_lines(const char *what)
{
	unsigned next[THREADS] = { 0 }, lines = 0, torn = 0, order = 0;
	char line[256];

	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned id, i, product;
		int end = 0;

		lines++;
		if (sscanf(line, "line %u %u some words in the middle %u%n", &id, &i, &product, &end) != 3 ||
		    strcmp(line + end, "\n") != 0 || id >= THREADS || product != id * LINES + i)
			torn++;
		else if (next[id]++ != i)
			order++;
	}
	printf("%s: %u lines, %u torn, %u out of order\n", what, lines, torn, order);
}

static void run(void *(*body)(void *), unsigned n)
{
	pthread_t threads[n];

	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i) != 0)
			abort();
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* A paragraph under flockfile: three calls that belong together. */
static void *print_locked(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < LINES; i++) {
		flockfile(file);
		fprintf(file, "line %u ", id);
		sched_yield();
		flockfile(file); /* recursive */
		fputs("", file);
		fprintf(file, "%u some words in the ", i);
		funlockfile(file);
		if (i % 32 == 0)
			usleep(100);
		fprintf(file, "middle %u\n", id * LINES + i);
		funlockfile(file);
	}
	return NULL;
}

static void *try_lock(void *result)
{
	*(int *)result = ftrylockfile(file);
	if (*(int *)result == 0)
		funlockfile(file);
	return NULL;
}

/* Pairs: a reader in fgets or getc on a pipe, a writer that takes its time. */
static int pipes[PIPES][2];
static unsigned long heard, misheard;

static void *pipe_reader(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, i = 0;
	FILE *in = fdopen(pipes[id][0], "r");
	char line[128], want[128];

	while (fgets(line, sizeof(line), in)) {
		snprintf(want, sizeof(want), "pipe %u message %u\n", id, i++);
		__atomic_add_fetch(strcmp(line, want) == 0 ? &heard : &misheard, 1, __ATOMIC_RELAXED);
	}
	if (!feof(in) || ferror(in))
		__atomic_add_fetch(&misheard, 1, __ATOMIC_RELAXED);
	fclose(in);
	return NULL;
}

static void *pipe_writer(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	FILE *out = fdopen(pipes[id][1], "w");

	/* Unbuffered, line-buffered and fully buffered ones. */
	setvbuf(out, NULL, id % 3 == 0 ? _IONBF : id % 3 == 1 ? _IOLBF : _IOFBF, 256);
	for (unsigned i = 0; i < MESSAGES; i++) {
		fprintf(out, "pipe %u message %u\n", id, i);
		if (i % 20 == 0)
			usleep(200);
	}
	fclose(out);
	return NULL;
}

static void *pipe_either(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;

	return (id % 2 ? pipe_writer : pipe_reader)((void *)(uintptr_t)(id / 2));
}

/* A writer blocked in fwrite on a full pipe, until somebody reads. */
static unsigned long drained;

static void *slow_drain(void *arg)
{
	char buffer[4096];
	ssize_t n;

	usleep(20000);
	while ((n = read(*(int *)arg, buffer, sizeof(buffer))) > 0)
		drained += (unsigned long)n;
	return NULL;
}

int main(void)
{
	file = tmpfile();
	run(print_lines, THREADS);
	check_lines("fprintf");

	fclose(file);
	file = tmpfile();
	run(print_locked, THREADS);
	check_lines("flockfile");

	int result;
	pthread_t thread;

	flockfile(file);
	pthread_create(&thread, NULL, try_lock, &result);
	pthread_join(thread, NULL);
	printf("ftrylockfile of a locked file: %s\n", result ? "refused" : "granted");
	funlockfile(file);
	pthread_create(&thread, NULL, try_lock, &result);
	pthread_join(thread, NULL);
	printf("ftrylockfile of a free file: %s\n", result ? "refused" : "granted");
	fclose(file);

	for (unsigned i = 0; i < PIPES; i++)
		if (pipe(pipes[i]) < 0)
			abort();
	run(pipe_either, 2 * PIPES);
	printf("pipes: %lu heard, %lu misheard\n", heard, misheard);

	int fds[2];
	static char block[300000];

	if (pipe(fds) < 0)
		abort();
	FILE *out = fdopen(fds[1], "w");

	pthread_create(&thread, NULL, slow_drain, &fds[0]);
	size_t wrote = fwrite(block, 1, sizeof(block), out);

	fclose(out);
	pthread_join(thread, NULL);
	printf("full pipe: wrote %zu, drained %lu\n", wrote, drained);

	/* popen and system from threads' point of view: libc's own fork, wait and read. */
	char line[64] = "";
	FILE *p = popen("sleep 0.05; echo from a child", "r");

	if (p && fgets(line, sizeof(line), p))
		printf("popen: %s", line);
	printf("pclose: %d\n", p ? pclose(p) : -2);
	fflush(stdout);
	printf("system: %d\n", system("exit 3") >> 8);
	return 0;
}
