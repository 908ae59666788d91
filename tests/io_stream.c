/* SPDX-License-Identifier: MIT */
/*
 * io_stream.c - byte streams keep their promises: a blocking send sends all, a
 * receive returns what there is, MSG_WAITALL waits for all, MSG_PEEK takes nothing,
 * vectors arrive in order, writes to a pipe of up to PIPE_BUF bytes stay whole.
 *
 * Prints the same lines whatever the timing.
 */
#define _GNU_SOURCE
#include "pairs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned char pattern(size_t at)
{
	return (unsigned char)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static void make_pair(int kind, int fd[2])
{
	int p[2];

	if (kind == 0) {
		tcp_pair(fd);
	} else if (kind == 1) {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	} else {
		CHECK(pipe(p) == 0);
		fd[0] = p[1];
		fd[1] = p[0];
	}
}

static const char *const kind_name[] = { "tcp", "unix", "pipe" };

/* ---- a big transfer against a slow reader ---- */

struct reader {
	int fd;
	size_t total, step;
	int wrong;
};

static void *read_slowly(void *arg)
{
	struct reader *r = arg;
	unsigned char buf[70000];
	size_t at = 0;
	ssize_t n;

	while ((n = read(r->fd, buf, r->step)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			r->wrong += buf[i] != pattern(at + (size_t)i);
		at += (size_t)n;
		if ((at / r->step) % 16 == 0)
			usleep(500);
	}
	r->total = at;
	return NULL;
}

static void big(int kind)
{
	static unsigned char data[3000000];
	struct reader r = { .step = 9000 + 1000 * (size_t)kind };
	struct iovec v[4];
	pthread_t t;
	ssize_t n;
	int fd[2];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = pattern(i);
	make_pair(kind, fd);
	r.fd = fd[1];
	pthread_create(&t, NULL, read_slowly, &r);
	n = write(fd[0], data, 1500000);
	printf("%s: one write of 1500000: %zd\n", kind_name[kind], n);
	v[0] = (struct iovec){ data + 1500000, 1 };
	v[1] = (struct iovec){ data + 1500001, 999999 };
	v[2] = (struct iovec){ NULL, 0 };
	v[3] = (struct iovec){ data + 2500000, 500000 };
	n = writev(fd[0], v, 4);
	printf("%s: one writev of 1500000: %zd\n", kind_name[kind], n);
	close(fd[0]);
	pthread_join(t, NULL);
	printf("%s: read %zu, wrong %d\n", kind_name[kind], r.total, r.wrong);
	close(fd[1]);
}

/* ---- MSG_WAITALL, MSG_PEEK, readv ---- */

static sem_t second; /* the second piece may go */

static void *send_in_pieces(void *arg)
{
	int fd = *(int *)arg;
	unsigned char buf[10000];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = pattern(i);
	for (size_t i = 0; i < sizeof(buf); i += 1000) {
		CHECK(write(fd, buf + i, 1000) == 1000);
		usleep(2000);
		while (i == 0 && sem_wait(&second) < 0)
			;
	}
	return NULL;
}

static int wrong_bytes(const unsigned char *buf, size_t n, size_t from)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += buf[i] != pattern(from + i);
	return wrong;
}

static void waitall(int kind)
{
	unsigned char buf[10000], peeked[1500];
	struct iovec v[3] = { { buf + 7000, 10 }, { buf + 7010, 0 }, { buf + 7010, 1990 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };
	pthread_t t;
	ssize_t n;
	int fd[2];

	make_pair(kind, fd);
	/* A local socket's peek does not wait for more: it is to see one piece. */
	CHECK(sem_init(&second, 0, kind == 0) == 0);
	pthread_create(&t, NULL, send_in_pieces, &fd[0]);
	n = recv(fd[1], peeked, sizeof(peeked), MSG_PEEK | MSG_WAITALL);
	printf("%s: peek all: %zd, wrong %d\n", kind_name[kind], n,
	       wrong_bytes(peeked, n > 0 ? (size_t)n : 0, 0));
	sem_post(&second);
	printf("%s: wait for all: %zd", kind_name[kind], recv(fd[1], buf, 7000, MSG_WAITALL));
	printf(", wrong %d\n", wrong_bytes(buf, 7000, 0));
	printf("%s: recvmsg, all: %zd", kind_name[kind], recvmsg(fd[1], &m, MSG_WAITALL));
	printf(", wrong %d\n", wrong_bytes(buf + 7000, 2000, 7000));
	pthread_join(t, NULL);
	shutdown(fd[0], SHUT_WR);
	printf("%s: to the end: %zd\n", kind_name[kind], recv(fd[1], buf, 5000, MSG_WAITALL));
	printf("%s: at the end: %zd\n", kind_name[kind], recv(fd[1], buf, 5000, MSG_WAITALL));
	close(fd[0]);
	close(fd[1]);
}

static void *send_later(void *arg)
{
	usleep(20000);
	CHECK(write(*(int *)arg, "0123456789", 10) == 10);
	return NULL;
}

static void what_there_is(int kind)
{
	void *volatile bad = (void *)8;
	volatile int many = 1025;
	char a[4], b[100];
	struct iovec v[2] = { { a, 4 }, { b, 100 } };
	pthread_t t;
	int fd[2];

	make_pair(kind, fd);
	pthread_create(&t, NULL, send_later, &fd[0]);
	printf("%s: readv: %zd\n", kind_name[kind], readv(fd[1], v, 2));
	pthread_join(t, NULL);
	printf("%s: %.4s %.6s\n", kind_name[kind], a, b);
	pthread_create(&t, NULL, send_later, &fd[0]);
	if (kind < 2)
		printf("%s: peek: %zd\n", kind_name[kind], recv(fd[1], b, 7, MSG_PEEK));
	printf("%s: read 3: %zd", kind_name[kind], read(fd[1], b, 3));
	printf(" then %zd", read(fd[1], b + 3, sizeof(b) - 3));
	printf(" %.10s\n", b);
	pthread_join(t, NULL);
	printf("%s: nothing: %zd %zd", kind_name[kind], read(fd[1], b, 0), write(fd[0], b, 0));
	v[0].iov_len = v[1].iov_len = 0;
	printf(" %zd %zd %zd\n", readv(fd[1], v, 2), writev(fd[0], v, 2), writev(fd[0], v, 0));
	CHECK(readv(fd[1], v, many) == -1 && errno == EINVAL);
	CHECK(write(fd[0], bad, 4) == -1 && errno == EFAULT);
	CHECK(readv(fd[1], bad, 1) == -1 && errno == EFAULT);
	CHECK(readv(-1, v, 1) == -1 && errno == EBADF);
	printf("%s: errors as they should be\n", kind_name[kind]);
	close(fd[0]);
	close(fd[1]);
}

/* ---- pipe writes of up to PIPE_BUF are atomic ---- */

enum { WRITERS = 8, RECORDS = 60, RECORD = PIPE_BUF };

static int records[2];

static void *write_records(void *arg)
{
	char rec[RECORD];

	memset(rec, 'a' + (int)(long)arg, sizeof(rec));
	for (int i = 0; i < RECORDS; i++)
		CHECK(write(records[1], rec, sizeof(rec)) == (ssize_t)sizeof(rec));
	return NULL;
}

static void atomic_writes(void)
{
	pthread_t t[WRITERS];
	char rec[RECORD];
	int torn = 0, n = 0;

	CHECK(pipe(records) == 0);
	for (long i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, write_records, (void *)i);
	for (; n < WRITERS * RECORDS; n++) {
		size_t got = 0;

		while (got < sizeof(rec)) {
			ssize_t r = read(records[0], rec + got, sizeof(rec) - got);

			CHECK(r > 0);
			got += (size_t)r;
		}
		for (size_t i = 1; i < sizeof(rec); i++)
			if (rec[i] != rec[0]) {
				torn++;
				break;
			}
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	printf("pipe: %d records, %d torn\n", n, torn);
}

/* ---- many readers, many writers, one socket ---- */

static int shared[2];
static long sum_in[4];

static void *read_some(void *arg)
{
	long *sum = arg;
	unsigned char b[100];
	ssize_t n;

	while ((n = read(shared[1], b, sizeof(b))) > 0)
		for (ssize_t i = 0; i < n; i++)
			*sum += b[i];
	return NULL;
}

static void *write_some(void *arg)
{
	unsigned char b[700];

	memset(b, 1 + (int)(long)arg, sizeof(b));
	for (int i = 0; i < 500; i++)
		CHECK(write(shared[0], b, sizeof(b)) == (ssize_t)sizeof(b));
	return NULL;
}

static void crowd(int kind)
{
	pthread_t r[4], w[4];
	long sum = 0;

	make_pair(kind, shared);
	memset(sum_in, 0, sizeof(sum_in));
	for (long i = 0; i < 4; i++) {
		pthread_create(&r[i], NULL, read_some, &sum_in[i]);
		pthread_create(&w[i], NULL, write_some, (void *)i);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(w[i], NULL);
	close(shared[0]);
	for (int i = 0; i < 4; i++) {
		pthread_join(r[i], NULL);
		sum += sum_in[i];
	}
	close(shared[1]);
	printf("%s: four readers and four writers: %ld\n", kind_name[kind], sum);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int kind = 0; kind < 3; kind++)
		big(kind);
	for (int kind = 0; kind < 2; kind++)
		waitall(kind);
	for (int kind = 0; kind < 3; kind++)
		what_there_is(kind);
	atomic_writes();
	for (int kind = 0; kind < 3; kind++)
		crowd(kind);
	return 0;
}
