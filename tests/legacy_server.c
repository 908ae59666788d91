/* SPDX-License-Identifier: MIT */
/*
 * legacy_server.c - the main job: a thread-per-connection line server as they
 * were written around 2005. It knows nothing of libgoshim: blocking calls,
 * a detached thread for each connection, a mutex round the counters, stdio
 * for the log, a signal handler that sets a flag.
 *
 *	legacy_server [-a ADDRESS] [-p PORT] [-l LOGFILE]
 *
 * It says "listening on ADDRESS:PORT" on standard output (PORT 0: the kernel
 * chooses one), and talks lines, so that a person can try it with nc or telnet:
 *
 *	PING          -> PONG
 *	SUM n text    -> OK n checksum, then text repeated up to n bytes, then a newline;
 *	                 the checksum (FNV-1a, 8 hexadecimal digits) is of those n bytes
 *	COUNT         -> requests answered so far, by all connections
 *	QUIT          -> BYE, and the connection is closed
 *	anything else -> ERR and a reason
 *
 * SIGTERM and SIGINT stop it: it prints its counts and exits with status 0.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_SIZE = 1024, BODY_MIN = 10, BODY_MAX = 65536 };

struct connection {
	int fd;
	unsigned long number;
	size_t have, used; /* buffer[used..have) has been read and not looked at */
	char buffer[LINE_SIZE];
};

static pthread_mutex_t count_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long count_connections, count_requests, count_open;

static FILE *log_file;
static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* Writes all of it; -1 when the peer is gone. */
static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Reads a line, without its newline, into line. Returns its length, -1 at the end
   of the input, -2 when it does not fit. */
static int read_line(struct connection *c, char *line)
{
	int length = 0;

	for (;;) {
		while (c->used < c->have) {
			char ch = c->buffer[c->used++];

			if (ch == '\n') {
				if (length > 0 && line[length - 1] == '\r')
					length--;
				line[length] = '\0';
				return length;
			}
			if (length == LINE_SIZE - 1)
				return -2;
			line[length++] = ch;
		}
		ssize_t n = read(c->fd, c->buffer, sizeof(c->buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		c->have = (size_t)n;
		c->used = 0;
	}
}

static int answer_sum(struct connection *c, const char *line)
{
	int offset = 0;
	unsigned long size;

	if (sscanf(line, "SUM %lu %n", &size, &offset) != 1 || offset == 0 || line[offset] == '\0')
		return write_all(c->fd, "ERR usage: SUM n text\n", 22);
	if (size < BODY_MIN || size > BODY_MAX)
		return write_all(c->fd, "ERR n is from 10 to 65536\n", 26);

	const char *text = line + offset;
	size_t period = strlen(text);
	char *answer = malloc(size + 64);

	if (!answer)
		return write_all(c->fd, "ERR no memory\n", 14);

	uint32_t sum = 2166136261u;

	for (size_t i = 0, k = 0; i < size; i++) {
		sum = (sum ^ (unsigned char)text[k]) * 16777619u;
		if (++k == period)
			k = 0;
	}
	size_t head = (size_t)sprintf(answer, "OK %lu %08x\n", size, sum);

	for (size_t i = 0; i < size; i += period)
		memcpy(answer + head + i, text, size - i < period ? size - i : period);
	answer[head + size] = '\n';

	int ret = write_all(c->fd, answer, head + size + 1);

	free(answer);
	return ret;
}

/* Answers one line; -1 ends the connection. */
static int answer(struct connection *c, const char *line)
{
	pthread_mutex_lock(&count_lock);
	unsigned long count = ++count_requests;
	pthread_mutex_unlock(&count_lock);

	if (strncmp(line, "SUM ", 4) == 0)
		return answer_sum(c, line);
	if (strcmp(line, "PING") == 0)
		return write_all(c->fd, "PONG\n", 5);
	if (strcmp(line, "COUNT") == 0) {
		char text[32];
		int n = snprintf(text, sizeof(text), "%lu\n", count);

		return write_all(c->fd, text, (size_t)n);
	}
	if (strcmp(line, "QUIT") == 0) {
		write_all(c->fd, "BYE\n", 4);
		return -1;
	}
	return write_all(c->fd, "ERR unknown request\n", 20);
}

static void *serve(void *arg)
{
	struct connection *c = arg;
	unsigned long requests = 0;
	char line[LINE_SIZE];
	int length;

	fprintf(log_file, "connection %lu: open\n", c->number);
	while ((length = read_line(c, line)) != -1) {
		if (length == -2) {
			write_all(c->fd, "ERR line too long\n", 18);
			break;
		}
		requests++;
		if (answer(c, line) < 0)
			break;
	}
	fprintf(log_file, "connection %lu: closed after %lu requests\n", c->number, requests);
	close(c->fd);
	free(c);

	pthread_mutex_lock(&count_lock);
	count_open--;
	pthread_mutex_unlock(&count_lock);
	return NULL;
}

static void start_connection(int fd)
{
	struct connection *c = malloc(sizeof(*c));
	pthread_attr_t attr;
	pthread_t thread;
	int one = 1;

	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->fd = fd;
	c->have = c->used = 0;
	pthread_mutex_lock(&count_lock);
	c->number = ++count_connections;
	count_open++;
	pthread_mutex_unlock(&count_lock);

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int err = pthread_create(&thread, &attr, serve, c);

	pthread_attr_destroy(&attr);
	if (err) {
		fprintf(log_file, "connection %lu: no thread: %s\n", c->number, strerror(err));
		pthread_mutex_lock(&count_lock);
		count_open--;
		pthread_mutex_unlock(&count_lock);
		close(fd);
		free(c);
	}
}

static int listen_on(const char *address, unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t length = sizeof(sa);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &sa.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &length) < 0) {
		fprintf(stderr, "legacy_server: %s port %u: %s\n", address, port, strerror(errno));
		exit(1);
	}
	printf("listening on %s:%u\n", address, (unsigned)ntohs(sa.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	const char *address = "127.0.0.1", *log_name = "/dev/null";
	struct sigaction sa;
	unsigned port = 0;
	int opt;

	while ((opt = getopt(argc, argv, "a:p:l:")) != -1) {
		switch (opt) {
		case 'a':
			address = optarg;
			break;
		case 'p':
			port = (unsigned)atoi(optarg);
			break;
		case 'l':
			log_name = optarg;
			break;
		default:
			fprintf(stderr, "usage: legacy_server [-a ADDRESS] [-p PORT] [-l LOGFILE]\n");
			return 2;
		}
	}
	log_file = fopen(log_name, "a");
	if (!log_file) {
		fprintf(stderr, "legacy_server: %s: %s\n", log_name, strerror(errno));
		return 1;
	}
	setvbuf(log_file, NULL, _IOLBF, 0);

	memset(&sa, 0, sizeof(sa));
	signal(SIGPIPE, SIG_IGN);
	sa.sa_handler = on_stop; /* no SA_RESTART: accept must come back */
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);

	int listener = listen_on(address, port);

	while (!stop) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0) {
			start_connection(fd);
		} else if (errno == EMFILE || errno == ENFILE) {
			fprintf(log_file, "accept: %s\n", strerror(errno));
			usleep(10000);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			fprintf(stderr, "legacy_server: accept: %s\n", strerror(errno));
			return 1;
		}
	}
	close(listener);

	pthread_mutex_lock(&count_lock);
	printf("stopped: %lu connections, %lu requests, %lu still open\n", count_connections,
	       count_requests, count_open);
	pthread_mutex_unlock(&count_lock);
	fflush(log_file); /* left open: connections may still write their last line */
	return 0;
}
