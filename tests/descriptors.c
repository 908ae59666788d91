/* SPDX-License-Identifier: MIT */
/*
 * descriptors.c - the program's descriptors are its own: the lowest free number
 * is the next, blocking ones stay blocking for everyone who shares them, a child
 * inherits nothing new, and a program that closes all the descriptors it does
 * not know, as daemons do, goes on working.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOW = 200 };

static int base; /* the lowest number that was free at the start */

/* Numbers below LOW that are open, from base on, counted from base. */
static void show_low(const char *when)
{
	printf("%s: open:", when);
	for (int fd = base; fd < LOW; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd - base);
	printf("\n");
}

static void *blocked_reader(void *arg)
{
	char c = 0;
	ssize_t n = read((int)(intptr_t)arg, &c, 1);

	return (void *)(intptr_t)(n == 1 ? c : -1);
}

static pthread_t start(void *(*body)(void *), int arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, (void *)(intptr_t)arg) != 0)
		abort();
	return thread;
}

static int join(pthread_t thread)
{
	void *result;

	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

static int tcp_pair(int fds[2])
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&sa, &length) < 0)
		return -1;
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[1], (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -1;
	fds[0] = accept(listener, NULL, NULL);
	printf("listener blocking: %d\n", !(fcntl(listener, F_GETFL) & O_NONBLOCK));
	close(listener);
	return 0;
}

/* While a thread is blocked in read, the open file description must not have
   changed: another process may share it. */
static void check_blocking(const char *what, int fds[2])
{
	pthread_t thread = start(blocked_reader, fds[0]);

	usleep(5000);
	printf("%s: blocking while waited for: %d %d", what, !(fcntl(fds[0], F_GETFL) & O_NONBLOCK),
	       !(fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	if (write(fds[1], "k", 1) != 1)
		abort();
	printf(" got %c", join(thread));
	printf(" afterwards: %d\n", !(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
	close(fds[0]);
	close(fds[1]);
}

static void test_blocking(void)
{
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	check_blocking("pipe", fds);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	check_blocking("socketpair", fds);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) < 0)
		abort();
	check_blocking("datagrams", fds);
	if (tcp_pair(fds) < 0)
		abort();
	check_blocking("tcp", fds);
	show_low("all closed again");
}

/* A child that shares a description with us reads it in its own blocking way. */
static void test_shared(void)
{
	int fds[2], status = 0;

	if (pipe(fds) < 0)
		abort();
	pthread_t thread = start(blocked_reader, fds[0]);

	usleep(5000);
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		char c;

		alarm(20);
		/* One of the two gets the first byte, the other the second. */
		_exit(read(fds[0], &c, 1) == 1 ? 21 : errno == EAGAIN ? 22 : 23);
	}
	usleep(5000);
	if (write(fds[1], "ab", 1) != 1)
		abort();
	usleep(5000);
	if (write(fds[1], "b", 1) != 1)
		abort();
	waitpid(pid, &status, 0);
	int got = join(thread);

	printf("shared pipe: child %d, thread got one: %d\n", WEXITSTATUS(status), got == 'a' || got == 'b');
	close(fds[0]);
	close(fds[1]);
}

static void test_children(void)
{
	fflush(stdout);
	printf("in a child:\n");
	fflush(stdout);
	/* Whatever is open there was open before this program started. */
	if (system("for f in $(ls /proc/self/fd | sort -n); do [ $f -ge 3 ] && [ $f -lt 200 ] && echo \"inherited\"; done; "
		   "ls -l /proc/self/fd | grep -c 'eventpoll\\|eventfd'") < 0)
		abort();
}

static void use_descriptors(const char *when)
{
	pthread_t threads[8];
	int fds[8][2], sum = 0;

	for (int i = 0; i < 8; i++) {
		if (pipe(fds[i]) < 0)
			abort();
		threads[i] = start(blocked_reader, fds[i][0]);
	}
	usleep(3000);
	for (int i = 7; i >= 0; i--)
		if (write(fds[i][1], &"abcdefgh"[i], 1) != 1)
			abort();
	for (int i = 0; i < 8; i++)
		sum += join(threads[i]) == "abcdefgh"[i];

	struct pollfd p = { .fd = fds[0][0], .events = POLLIN };

	printf("%s: %d of 8 read, poll %d\n", when, sum, poll(&p, 1, 5));
	for (int i = 0; i < 8; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static void test_close_all(void)
{
	int failures = 0;

	for (int fd = base; fd < 65536; fd++)
		failures += close(fd) < 0 && errno != EBADF;
	printf("close of each: %d failures\n", failures);
	use_descriptors("after close of each");
	printf("close_range: %d\n", close_range((unsigned)base, ~0u, 0));
	use_descriptors("after close_range");
	closefrom(base);
	use_descriptors("after closefrom");
	/* A number as the program likes it, even a high one. */
	int fd = open("/dev/null", O_RDONLY), failed = 0;

	for (int high = 300; high < 1024; high++)
		failed += dup2(fd, high) != high;
	printf("dup2 to 300...1023: %d failed\n", failed);
	use_descriptors("with those");
	failed = 0;
	for (int high = 300; high < 1024; high++)
		failed += close(high) != 0;
	printf("their close: %d failed\n", failed);
	close(fd);
	use_descriptors("without them");
	show_low("at the end");
}

/* A vfork child has numbers of its own: what it puts where the library's descriptors are in
   its parent, the parent does not see. */
static void test_vfork(void)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		for (int fd = 64; fd < 1024; fd++)
			dup2(0, fd);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("vfork child: %d\n", status);
	use_descriptors("after it");
}

static long raw_dup2(long from, long to)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(33L), "D"(from), "S"(to)
			 : "rcx", "r11", "memory");
	return ret;
}

/* A number that was waited on gets another file by a system call nobody sees. The audit
   finds out, a while later, though all that is left to do is to wait. */
static void test_unseen(void)
{
	int old[2], new[2], number;
	pthread_t thread;

	alarm(40);
	if (pipe(old) < 0 || pipe(new) < 0)
		abort();
	number = old[0];
	thread = start(blocked_reader, number);
	usleep(3000);
	if (write(old[1], "o", 1) != 1)
		abort();
	printf("before the change: %c\n", join(thread));
	if (raw_dup2(new[0], number) != number)
		abort();
	thread = start(blocked_reader, number);
	usleep(3000);
	if (write(new[1], "n", 1) != 1)
		abort();
	printf("after it: %c\n", join(thread));
	close(old[0]);
	close(old[1]);
	close(new[0]);
	close(new[1]);
	alarm(0);
}

int main(void)
{
	int fds[2];

	base = open("/dev/null", O_RDONLY);
	close(base);
	show_low("before any thread");
	if (pipe(fds) < 0)
		abort();
	pthread_t thread = start(blocked_reader, fds[0]);

	usleep(2000);
	show_low("with a thread");
	int next = open("/dev/null", O_RDONLY);

	printf("next open: %d\n", next - base);
	int copy = dup(0), event = eventfd(0, 0);

	printf("dup: %d, eventfd: %d\n", copy - base, event - base);
	close(copy);
	close(event);
	close(next);
	if (write(fds[1], "x", 1) != 1)
		abort();
	printf("read: %c\n", join(thread));
	close(fds[0]);
	close(fds[1]);

	test_blocking();
	test_shared();
	test_children();
	use_descriptors("before");
	test_vfork();
	test_unseen();
	test_close_all();
	return 0;
}
