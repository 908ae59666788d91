/* SPDX-License-Identifier: MIT */
/*
 * io_peer.c - peers that go away: ends of files, resets before, between and within
 * transfers, half-closed connections, broken pipes and the SIGPIPEs they are told by,
 * refused connections, sockets shut down under a waiting thread.
 */
#define _GNU_SOURCE
#include "pairs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t pipes;

static void on_sigpipe(int sig)
{
	pipes++;
}

static void result(const char *what, ssize_t n)
{
	int err = errno;

	printf("%s: %zd%s%s, SIGPIPE %d\n", what, n, n < 0 ? " " : "", n < 0 ? strerror(err) : "",
	       (int)pipes);
	pipes = 0;
	errno = 0;
}

static void reset(int fd)
{
	struct linger now = { 1, 0 };

	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
	close(fd);
}

struct later {
	int fd;
	char what; /* c close, r reset, s shutdown both, w shutdown for writing */
	int amid;  /* when something has come */
};

static void *do_later(void *arg)
{
	struct later *l = arg;

	for (int n = 0; l->amid && n == 0; usleep(1000))
		CHECK(ioctl(l->fd, FIONREAD, &n) == 0);
	usleep(30000);
	if (l->what == 'c')
		close(l->fd);
	else if (l->what == 'r')
		reset(l->fd);
	else
		shutdown(l->fd, l->what == 's' ? SHUT_RDWR : SHUT_WR);
	return NULL;
}

static pthread_t later_thread;
static struct later later_what;

static void later(int fd, char what)
{
	later_what = (struct later){ fd, what, 0 };
	pthread_create(&later_thread, NULL, do_later, &later_what);
}

/* Amid a transfer: where it had not begun, the answer would be another one. */
static void later_amid(int fd, char what)
{
	later_what = (struct later){ fd, what, 1 };
	pthread_create(&later_thread, NULL, do_later, &later_what);
}

static void later_done(void)
{
	pthread_join(later_thread, NULL);
}

static void ends(void)
{
	struct pollfd p = { 0 };
	char b[100];
	int fd[2];

	tcp_pair(fd);
	later(fd[0], 'c');
	result("recv while it closes", recv(fd[1], b, sizeof(b), 0));
	later_done();
	result("recv after", recv(fd[1], b, sizeof(b), 0));
	result("first send after", send(fd[1], "x", 1, 0));
	p.fd = fd[1];
	CHECK(poll(&p, 1, -1) == 1); /* the answer to it is a reset */
	result("second send after", send(fd[1], "x", 1, 0));
	result("quiet send", send(fd[1], "x", 1, MSG_NOSIGNAL));
	result("recv at last", recv(fd[1], b, sizeof(b), 0));
	close(fd[1]);

	tcp_pair(fd);
	later(fd[0], 'r');
	result("recv while it resets", recv(fd[1], b, sizeof(b), 0));
	later_done();
	result("recv after a reset", recv(fd[1], b, sizeof(b), 0));
	result("send after a reset", send(fd[1], "x", 1, 0));
	close(fd[1]);

	tcp_pair(fd);
	CHECK(send(fd[0], "abc", 3, 0) == 3);
	later(fd[0], 'r');
	result("part of what was wanted, then a reset", recv(fd[1], b, 10, MSG_WAITALL));
	later_done();
	result("the reset", recv(fd[1], b, 10, 0));
	result("and the end", recv(fd[1], b, 10, 0));
	close(fd[1]);

	tcp_pair(fd);
	CHECK(send(fd[0], "abc", 3, 0) == 3);
	later(fd[0], 'w');
	result("part, then half a close", recv(fd[1], b, 10, MSG_WAITALL));
	later_done();
	result("send to the open half", send(fd[1], "defg", 4, 0));
	result("recv of it", recv(fd[0], b, 10, 0));
	result("send after shutdown", send(fd[0], "h", 1, 0));
	close(fd[0]);
	close(fd[1]);

	tcp_pair(fd);
	later(fd[1], 's');
	result("shut down by another thread", recv(fd[1], b, 10, 0));
	later_done();
	close(fd[0]);
	close(fd[1]);
}

static void within_a_send(char how)
{
	static char big[8000000];
	int fd[2], error = 0;
	socklen_t len = sizeof(error);
	char what[64];
	ssize_t n;

	tcp_pair(fd);
	later_amid(fd[1], how);
	n = send(fd[0], big, sizeof(big), 0);
	later_done();
	snprintf(what, sizeof(what), "send, partly (%c)", how);
	result(what, n > 0 && n < (ssize_t)sizeof(big));
	snprintf(what, sizeof(what), "next send (%c)", how);
	result(what, send(fd[0], big, 10, 0));
	snprintf(what, sizeof(what), "and the next (%c)", how);
	result(what, send(fd[0], big, 10, 0));
	close(fd[0]);

	tcp_pair(fd);
	later_amid(fd[1], how);
	n = write(fd[0], big, sizeof(big));
	later_done();
	CHECK(getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	printf("SO_ERROR after a part (%c): %s\n", how, strerror(error));
	snprintf(what, sizeof(what), "then (%c)", how);
	result(what, write(fd[0], big, 10));
	close(fd[0]);
}

static void within_a_local_send(void)
{
	static char big[2000000];
	struct iovec v[2] = { { big, 1000000 }, { big, 1000000 } };
	int fd[2];
	ssize_t n;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	later_amid(fd[1], 'c');
	n = write(fd[0], big, sizeof(big));
	later_done();
	result("local write, partly", n > 0 && n < (ssize_t)sizeof(big));
	result("next", write(fd[0], big, 10));
	close(fd[0]);

	CHECK(pipe(fd) == 0);
	later_amid(fd[0], 'c');
	n = writev(fd[1], v, 2);
	later_done();
	result("pipe writev, partly", n > 0 && n < (ssize_t)sizeof(big));
	result("next", write(fd[1], big, 10));
	close(fd[1]);

	CHECK(pipe(fd) == 0);
	later(fd[1], 'c');
	result("pipe read while it closes", read(fd[0], big, 10));
	later_done();
	result("pipe read after", read(fd[0], big, 10));
	close(fd[0]);
}

static void connections(void)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	struct sockaddr_in a;
	int l = listener(&a, 5), c;
	char b[10];

	later(l, 's');
	result("accept on a listener shut down", accept(l, NULL, NULL));
	later_done();
	close(l);
	c = socket(AF_INET, SOCK_STREAM, 0);
	result("connect to nobody", connect(c, (struct sockaddr *)&a, sizeof(a)));
	result("connect again", connect(c, (struct sockaddr *)&a, sizeof(a)));
	result("recv unconnected", recv(c, b, sizeof(b), 0));
	result("send unconnected", send(c, b, 1, 0));
	result("accept on no listener", accept(c, NULL, NULL));
	l = listener(&a, 5);
	result("connect to somebody", connect(c, (struct sockaddr *)&a, sizeof(a)));
	result("connect when connected", connect(c, (struct sockaddr *)&a, sizeof(a)));
	later(l, 'c');
	result("recv, the listener closes", recv(c, b, sizeof(b), 0));
	later_done();
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(u.sun_path, "/nonexistent/socket");
	result("local connect to nobody", connect(c, (struct sockaddr *)&u, sizeof(u)));
	close(c);
	result("connect on a closed number", connect(c, (struct sockaddr *)&u, sizeof(u)));
	result("recv on a closed number", recv(c, b, 1, 0));
	result("accept on a pipe",
	       (pipe(((int *)(void *)b)), c = accept(((int *)(void *)b)[0], NULL, NULL)));
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_sigpipe };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGPIPE, &sa, NULL);
	ends();
	within_a_send('c');
	within_a_send('r');
	within_a_local_send();
	connections();
	return 0;
}
