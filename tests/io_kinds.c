/* SPDX-License-Identifier: MIT */
/*
 * io_kinds.c - descriptors of many kinds wait as they should: eventfd, timerfd, FIFOs by
 * name, terminals, files, copies between descriptors, urgent data, locks, and a process
 * that has run out of descriptors.
 */
#define _GNU_SOURCE
#include "pairs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

static char dir[] = "/tmp/io_kinds.XXXXXX";
static char path[64];

struct job {
	int fd;
	const char *text;
	size_t n;
};

static void *put_later(void *arg)
{
	struct job *j = arg;

	usleep(15000);
	CHECK(write(j->fd, j->text, j->n) == (ssize_t)j->n);
	return NULL;
}

static pthread_t putter;
static struct job put_job;

static void put(int fd, const void *text, size_t n)
{
	put_job = (struct job){ fd, text, n };
	pthread_create(&putter, NULL, put_later, &put_job);
}

static void put_done(void)
{
	pthread_join(putter, NULL);
}

static void counters(void)
{
	struct itimerspec in_10ms = { { 0, 0 }, { 0, 10000000 } };
	uint64_t v = 7, got = 0;
	eventfd_t e = 0;
	int fd = eventfd(0, 0);

	put(fd, &v, sizeof(v));
	CHECK(read(fd, &got, sizeof(got)) == 8);
	put_done();
	printf("eventfd: %d", (int)got);
	put(fd, &v, sizeof(v));
	CHECK(eventfd_read(fd, &e) == 0);
	put_done();
	printf(" %d", (int)e);
	CHECK(read(fd, &got, 4) == -1 && errno == EINVAL);
	v = UINT64_MAX - 1;
	CHECK(eventfd_write(fd, v) == 0);
	v = 5;
	put(fd, &v, sizeof(v)); /* has to wait for the reader */
	usleep(30000);
	CHECK(read(fd, &got, 8) == 8);
	put_done();
	CHECK(read(fd, &got, 8) == 8);
	printf(" %d\n", (int)got);
	close(fd);

	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	CHECK(timerfd_settime(fd, 0, &in_10ms, NULL) == 0);
	CHECK(read(fd, &got, 8) == 8);
	printf("timerfd: %d\n", (int)got);
	close(fd);
}

static char much[300000];
static sem_t heard;

static void *open_and_write(void *arg)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	usleep(15000);
	CHECK(write(fd, "through the fifo", 16) == 16);
	/* More of it would go to the same read, where that comes late. */
	while (sem_wait(&heard) < 0)
		;
	usleep(15000);
	CHECK(write(fd, much, sizeof(much)) == (ssize_t)sizeof(much));
	close(fd);
	return arg;
}

static void fifo(void)
{
	char b[100];
	long all = 0;
	pthread_t t;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/fifo", dir);
	CHECK(mkfifo(path, 0600) == 0 && sem_init(&heard, 0, 0) == 0);
	pthread_create(&t, NULL, open_and_write, NULL);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	printf("fifo: %zd", read(fd, b, sizeof(b)));
	sem_post(&heard);
	printf(" %.16s", b);
	while ((n = read(fd, b, sizeof(b))) > 0)
		all += n;
	printf(", then %ld\n", all);
	pthread_join(t, NULL);
	close(fd);
	unlink(path);
}

static void terminal(void)
{
	struct termios raw;
	int ours, theirs;
	char b[100];
	ssize_t n;

	CHECK(openpty(&ours, &theirs, NULL, NULL, NULL) == 0);
	put(ours, "line\n", 5);
	n = read(theirs, b, sizeof(b));
	put_done();
	printf("terminal: %zd %.4s", n, b);
	CHECK(tcgetattr(theirs, &raw) == 0);
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 3;
	raw.c_cc[VTIME] = 0;
	CHECK(tcsetattr(theirs, TCSANOW, &raw) == 0);
	put(ours, "xyz", 3);
	printf(", raw %zd", read(theirs, b, sizeof(b)));
	put_done();
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 1;
	CHECK(tcsetattr(theirs, TCSANOW, &raw) == 0);
	printf(", in time %zd\n", read(theirs, b, sizeof(b)));
	close(ours);
	close(theirs);
}

static void *take_all(void *arg)
{
	static char b[4096];
	long sum = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, b, sizeof(b))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum += (unsigned char)b[i];
		if (sum % 5 == 0)
			usleep(200);
	}
	return (void *)sum;
}

static void copies(void)
{
	static char data[1000000];
	char b[100];
	off_t at = 10;
	int fd[2], p[2], q[2], file;
	void *sum;
	long want = 0;
	pthread_t t;

	snprintf(path, sizeof(path), "%s/file", dir);
	file = open(path, O_RDWR | O_CREAT, 0600);
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = (char)(i * 7);
		want += i >= 10 ? (unsigned char)data[i] : 0;
	}
	CHECK(write(file, data, sizeof(data)) == (ssize_t)sizeof(data));
	CHECK(pread(file, b, 10, 100) == 10 && b[0] == data[100]);
	CHECK(pwrite(file, b, 10, 100) == 10);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	pthread_create(&t, NULL, take_all, &fd[1]);
	printf("sendfile: %zd", sendfile(fd[0], file, &at, sizeof(data)));
	close(fd[0]);
	pthread_join(t, &sum);
	printf(" to %ld, right %d\n", (long)at, (long)sum == want);
	close(fd[1]);
	close(file);
	unlink(path);

	CHECK(pipe(p) == 0 && pipe(q) == 0);
	put(p[1], "splice me", 9);
	printf("tee: %zd", tee(p[0], q[1], 100, 0));
	put_done();
	printf(", splice: %zd", splice(p[0], NULL, q[1], NULL, 100, 0));
	printf(", read: %zd %.18s\n", read(q[0], b, sizeof(b)), b);
	put(p[1], "more", 4);
	printf("splice in time: %zd", splice(p[0], NULL, q[1], NULL, 100, 0));
	put_done();
	close(p[1]);
	printf(", at the end: %zd\n", splice(p[0], NULL, q[1], NULL, 100, 0));
	close(p[0]);
	close(q[0]);
	close(q[1]);
}

static void urgent(void)
{
	struct pollfd p = { .events = POLLPRI };
	char b[100];
	int fd[2], low = 5;

	tcp_pair(fd);
	put(fd[0], "wait", 4);
	CHECK(recv(fd[1], b, sizeof(b), 0) == 4);
	put_done();
	CHECK(send(fd[0], "abc", 3, 0) == 3 && send(fd[0], "!", 1, MSG_OOB) == 1 &&
	      send(fd[0], "def", 3, 0) == 3);
	p.fd = fd[1];
	CHECK(poll(&p, 1, -1) == 1); /* until the mark is there */
	printf("urgent: up to the mark %zd", recv(fd[1], b, sizeof(b), 0));
	printf(", the byte %zd", recv(fd[1], b, 1, MSG_OOB));
	printf(", after it %zd", recv(fd[1], b, sizeof(b), 0));
	put(fd[0], "again", 5);
	printf(", and on %zd\n", recv(fd[1], b, sizeof(b), 0));
	put_done();
	CHECK(setsockopt(fd[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0);
	CHECK(send(fd[0], "123", 3, 0) == 3);
	put(fd[0], "45678", 5);
	printf("low water: %zd\n", recv(fd[1], b, sizeof(b), 0));
	put_done();
	close(fd[0]);
	close(fd[1]);
}

static void *unlock_later(void *arg)
{
	struct flock l = { .l_type = F_UNLCK };

	usleep(20000);
	CHECK(fcntl(*(int *)arg, F_OFD_SETLK, &l) == 0);
	return NULL;
}

static void locks(void)
{
	struct flock l = { .l_type = F_WRLCK };
	int a, b;
	pthread_t t;

	snprintf(path, sizeof(path), "%s/lock", dir);
	a = open(path, O_RDWR | O_CREAT, 0600);
	b = open(path, O_RDWR);
	CHECK(fcntl(a, F_OFD_SETLK, &l) == 0);
	CHECK(fcntl(b, F_OFD_SETLK, &l) == -1 && errno == EAGAIN);
	pthread_create(&t, NULL, unlock_later, &a);
	l.l_pid = 0;
	printf("lock: %d\n", fcntl(b, F_OFD_SETLKW, &l));
	pthread_join(t, NULL);
	close(a);
	close(b);
	unlink(path);
}

static void notices(void)
{
	char b[1000];
	int fd = inotify_init(), file;

	CHECK(inotify_add_watch(fd, dir, IN_CREATE) >= 0);
	snprintf(path, sizeof(path), "%s/noticed", dir);
	file = open(path, O_WRONLY | O_CREAT, 0600);
	printf("inotify: %d", read(fd, b, sizeof(b)) > 0);
	CHECK(inotify_add_watch(fd, dir, IN_MODIFY) >= 0);
	put(file, "x", 1);
	printf(" %d\n", read(fd, b, sizeof(b)) > 0);
	put_done();
	close(file);
	close(fd);
	unlink(path);
}

/* Devices on which nothing waits; and a number that was one of them, and is a pipe now. */
static void devices(void)
{
	char b[8], *volatile nowhere = (char *)8;
	struct iovec two[2] = { { b, 3 }, { b + 3, 5 } };
	int null = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR);
	int zero = open("/dev/zero", O_RDONLY), again = dup(null), fd[2];

	for (int i = 0; i < 2; i++) { /* what they are is known the second time */
		memset(b, 'x', sizeof(b));
		CHECK(write(null, "abc", 3) == 3 && write(null, b, 0) == 0);
		CHECK(writev(null, two, 2) == 8 && write(again, b, 8) == 8);
		CHECK(read(null, b, 8) == 0 && readv(again, two, 2) == 0 && b[7] == 'x');
		CHECK(write(full, b, 8) == -1 && errno == ENOSPC);
		CHECK(writev(full, two, 2) == -1 && errno == ENOSPC);
		CHECK(read(zero, b, 4) == 4 && b[3] == 0 && b[4] == 'x');
		CHECK(readv(zero, two, 2) == 8 && b[7] == 0);
		CHECK(read(zero, nowhere, 8) == -1 && errno == EFAULT);
		CHECK(write(zero, b, 8) == -1 && errno == EBADF);
	}
	CHECK(pipe(fd) == 0 && dup2(fd[0], null) == null && dup2(fd[1], full) == full);
	put(full, "yz", 2);
	printf("devices: %d", (int)read(null, b, sizeof(b)));
	put_done();
	close(again);
	CHECK(dup2(null, again) == again);
	put(fd[1], "yz", 2);
	printf(" %d\n", (int)readv(again, two, 2));
	put_done();
	close(null);
	close(full);
	close(zero);
	close(again);
	close(fd[0]);
	close(fd[1]);
}

static void no_descriptors(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct rlimit old, few;
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), fd[2];
	int top = dup(0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(l, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(l, 1) == 0);
	CHECK(getsockname(l, (struct sockaddr *)&a, &len) == 0);
	CHECK(connect(c, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	few = old;
	few.rlim_cur = (rlim_t)top + 1;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	printf("no descriptor left:");
	printf(" accept %d", accept(l, NULL, NULL) == -1 && errno == EMFILE);
	printf(" open %d", open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
	printf(" pipe %d", pipe(fd) == -1 && errno == EMFILE);
	printf(" socket %d", socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EMFILE);
	printf(" dup %d\n", dup(0) == -1 && errno == EMFILE);
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
	printf("one again: %d\n", accept(l, NULL, NULL) >= 0);
}

static void *run(void *arg)
{
	counters();
	fifo();
	terminal();
	copies();
	urgent();
	locks();
	notices();
	devices();
	no_descriptors();
	return arg;
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK(mkdtemp(dir) != NULL);
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	rmdir(dir);
	return 0;
}
