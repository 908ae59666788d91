/* SPDX-License-Identifier: MIT */
/*
 * io_churn.c - numbers that come and go quickly: several acceptors on one listener, a
 * thread per connection, clients that connect, ask, check and close, all at once, with
 * files, pipes and dups opened and closed in between. Every answer is checked.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTORS = 4, CLIENTS = 16, ROUNDS = 60, ASKS = 4 };

static struct sockaddr_in addr;
static int listener;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long served, answered, noise;

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	unsigned char b[3000];
	ssize_t n;

	while ((n = recv(fd, b, 4, MSG_WAITALL)) == 4) {
		size_t want = b[0] | (size_t)b[1] << 8;
		unsigned char first = b[2];

		for (size_t i = 0; i < want; i++)
			b[i] = (unsigned char)(first + i);
		CHECK(send(fd, b, want, 0) == (ssize_t)want);
	}
	CHECK(n == 0);
	close(fd);
	pthread_mutex_lock(&mutex);
	served++;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *take(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t t;

		if (fd < 0)
			return arg;
		CHECK(pthread_create(&t, NULL, serve, (void *)(long)fd) == 0);
		pthread_detach(t);
	}
}

static void *ask(void *arg)
{
	unsigned seed = (unsigned)(long)arg;
	int on = 1;
	unsigned char b[3000], q[4];

	for (int r = 0; r < ROUNDS; r++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		for (int i = 0; i < ASKS; i++) {
			size_t want = 1 + (size_t)rand_r(&seed) % 2999, got = 0;

			q[0] = (unsigned char)want;
			q[1] = (unsigned char)(want >> 8);
			q[2] = (unsigned char)rand_r(&seed);
			q[3] = 0;
			/* in two pieces at times */
			if (i % 2) {
				CHECK(send(fd, q, 1, 0) == 1);
				CHECK(send(fd, q + 1, 3, 0) == 3);
			} else {
				CHECK(write(fd, q, 4) == 4);
			}
			while (got < want) {
				ssize_t n = read(fd, b + got, sizeof(b) - got);

				CHECK(n > 0);
				got += (size_t)n;
			}
			CHECK(got == want);
			for (size_t k = 0; k < want; k++)
				CHECK(b[k] == (unsigned char)(q[2] + k));
		}
		close(fd);
		pthread_mutex_lock(&mutex);
		answered++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

/* Numbers that were sockets become files and pipes, and the other way round. */
static void *churn(void *arg)
{
	char b[64];

	for (int r = 0; r < ROUNDS * 4; r++) {
		FILE *f = fopen("/proc/self/stat", "r");
		int p[2], d;

		CHECK(f && fgets(b, sizeof(b), f));
		fclose(f);
		CHECK(pipe(p) == 0);
		d = dup(p[0]);
		CHECK(write(p[1], "abc", 3) == 3 && read(d, b, sizeof(b)) == 3);
		close(p[0]);
		f = fdopen(d, "r");
		CHECK(f && write(p[1], "line\n", 5) == 5 && fgets(b, sizeof(b), f));
		CHECK(strcmp(b, "line\n") == 0);
		close(p[1]);
		fclose(f);
		d = open("/dev/null", O_RDWR);
		CHECK(read(d, b, 1) == 0 && close(d) == 0);
		noise++;
		usleep(100);
	}
	return arg;
}

int main(void)
{
	pthread_t acceptor[ACCEPTORS], client[CLIENTS], other;
	socklen_t len = sizeof(addr);

	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(listen(listener, 128) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
	for (int i = 0; i < ACCEPTORS; i++)
		CHECK(pthread_create(&acceptor[i], NULL, take, NULL) == 0);
	for (long i = 0; i < CLIENTS; i++)
		CHECK(pthread_create(&client[i], NULL, ask, (void *)i) == 0);
	CHECK(pthread_create(&other, NULL, churn, NULL) == 0);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(client[i], NULL);
	pthread_join(other, NULL);
	shutdown(listener, SHUT_RDWR);
	for (int i = 0; i < ACCEPTORS; i++)
		pthread_join(acceptor[i], NULL);
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&mutex);
		len = (socklen_t)served;
		pthread_mutex_unlock(&mutex);
		if (len == CLIENTS * ROUNDS)
			break;
		usleep(5000);
	}
	printf("answered %ld, served %d, noise %ld\n", answered, (int)len, noise);
	return 0;
}
