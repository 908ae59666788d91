/* SPDX-License-Identifier: MIT */
/*
 * sig_storm.c [SECONDS] - two processes send signals as fast as they are answered for, at
 * whatever moment, while threads pass bytes through pipes, compute, sleep and lock.
 * Every real-time signal is counted: none may be lost, and none of one sender may
 * overtake another.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                            \
	do {                                                                                \
		if (!(x)) {                                                                 \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #x, strerror(errno)); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

enum { PAIRS = 3, SENDERS = 2, AHEAD = 20 };

static struct shared {
	atomic_int sent[SENDERS], handled[SENDERS];
	atomic_int stop;
} *shared;

static atomic_int disorder, others, wrong_bytes, stop;
static atomic_long bytes;
static int last[SENDERS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long locked;
static pthread_t main_thread;

static void count(int sig, siginfo_t *info, void *uc)
{
	int sender = sig - SIGRTMIN, err = errno;

	if (info->si_value.sival_int != last[sender] + 1 || !pthread_equal(pthread_self(), main_thread))
		atomic_fetch_add(&disorder, 1);
	last[sender] = info->si_value.sival_int;
	atomic_fetch_add(&shared->handled[sender], 1);
	errno = err;
}

static void other(int sig, siginfo_t *info, void *uc)
{
	atomic_fetch_add(&others, 1);
}

static void sender(int n, pid_t to)
{
	unsigned seed = (unsigned)n + 1;

	for (int i = 1; !atomic_load(&shared->stop); i++) {
		union sigval v = { .sival_int = i };

		while (atomic_load(&shared->sent[n]) - atomic_load(&shared->handled[n]) > AHEAD &&
		       !atomic_load(&shared->stop)) {
			if (getppid() != to)
				_exit(1);
			usleep(50);
		}
		if (sigqueue(to, SIGRTMIN + n, v) != 0)
			break;
		atomic_fetch_add(&shared->sent[n], 1);
		if (rand_r(&seed) % 4 == 0)
			kill(to, rand_r(&seed) % 2 ? SIGUSR1 : SIGUSR2);
		if (rand_r(&seed) % 3 == 0)
			usleep((useconds_t)(rand_r(&seed) % 300));
	}
	_exit(0);
}

static int pipes[PAIRS][2];

static void *writer(void *arg)
{
	int fd = pipes[(long)arg][1];
	unsigned char c = 0;

	while (!atomic_load(&stop)) {
		unsigned char buf[3000];

		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = c++;
		for (size_t done = 0; done < sizeof(buf);) {
			ssize_t n = write(fd, buf + done, sizeof(buf) - done);

			CHECK(n > 0);
			done += (size_t)n;
		}
	}
	close(fd);
	return NULL;
}

static void *reader(void *arg)
{
	int fd = pipes[(long)arg][0];
	unsigned char c = 0, buf[1000];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != c++)
				atomic_fetch_add(&wrong_bytes, 1);
		atomic_fetch_add(&bytes, n);
	}
	CHECK(n == 0);
	return NULL;
}

static void *mixer(void *arg)
{
	volatile unsigned long n = 0;

	while (!atomic_load(&stop)) {
		pthread_mutex_lock(&mutex);
		locked++;
		free(malloc(1000));
		pthread_mutex_unlock(&mutex);
		for (int i = 0; i < 10000; i++)
			n += (unsigned long)i;
		usleep(100);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	struct sigaction act = { .sa_sigaction = count, .sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_t t[PAIRS * 2 + 2];
	pid_t children[SENDERS], self = getpid();
	struct timespec start, now;
	sigset_t rt;
	int n = 0, sent = 0, handled = 0;

	main_thread = pthread_self();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN);
	sigaddset(&rt, SIGRTMIN + 1);
	act.sa_mask = rt;
	sigaction(SIGRTMIN, &act, NULL);
	sigaction(SIGRTMIN + 1, &act, NULL);
	act.sa_sigaction = other;
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	pthread_sigmask(SIG_BLOCK, &rt, NULL);
	for (int i = 0; i < SENDERS; i++)
		if ((children[i] = fork()) == 0)
			sender(i, self);
	for (long i = 0; i < PAIRS; i++) {
		CHECK(pipe(pipes[i]) == 0);
		CHECK(pthread_create(&t[n++], NULL, writer, (void *)i) == 0);
		CHECK(pthread_create(&t[n++], NULL, reader, (void *)i) == 0);
	}
	CHECK(pthread_create(&t[n++], NULL, mixer, NULL) == 0);
	CHECK(pthread_create(&t[n++], NULL, mixer, NULL) == 0);
	pthread_sigmask(SIG_UNBLOCK, &rt, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		pthread_mutex_lock(&mutex);
		locked++;
		pthread_mutex_unlock(&mutex);
		pthread_sigmask(SIG_BLOCK, &rt, NULL);
		pthread_sigmask(SIG_UNBLOCK, &rt, NULL);
		usleep(200);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	atomic_store(&shared->stop, 1);
	for (int i = 0; i < SENDERS; i++)
		while (waitpid(children[i], NULL, 0) < 0)
			CHECK(errno == EINTR);
	for (int i = 0; i < SENDERS; i++)
		sent += atomic_load(&shared->sent[i]);
	for (int tries = 0; tries < 2000 && handled < sent; tries++) {
		usleep(1000);
		handled = atomic_load(&shared->handled[0]) + atomic_load(&shared->handled[1]);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < n; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	printf("real-time signals: %s, lost %d, out of order or place %d\n", sent > 0 ? "some" : "none",
	       sent - handled, disorder);
	printf("other signals: %s\n", others > 0 ? "some" : "none");
	printf("bytes: %s, wrong %d\n", bytes > 0 ? "some" : "none", wrong_bytes);
	fprintf(stderr, "%d real-time signals, %d others, %ld bytes\n", sent, others, (long)bytes);
	return 0;
}
