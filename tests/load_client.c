/* SPDX-License-Identifier: MIT */
/*
 * load_client.c - load for legacy_server: one thread, epoll, any number of
 * connections, every byte of every answer checked.
 *
 *	load_client -p PORT [-h HOST] [-c CONNECTIONS] [-a ACTIVE]
 *	            [-t SECONDS | -r REQUESTS] [-s MIN:MAX] [-i] [-w PID]
 *
 * It opens CONNECTIONS connections and has each answer a PING, so that every
 * one has its server thread. Then ACTIVE of them (default: all) send requests,
 * one at a time each, for SECONDS, or REQUESTS of them each; sizes of answers
 * are log-uniform between MIN and MAX bytes. At the end all the others are asked
 * once as well: an idle connection must still be there. With -i all are idle for
 * SECONDS, then are asked one after the other.
 *
 * It prints lines "name value"; -w adds the threads, the memory and the
 * processor time of the server, PID. The exit status is 1 when anything was wrong.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	TEXT_SIZE = 64,
	OPENING_MAX = 256,       /* connections being opened at a time */
	PORTS_PER_SOURCE = 20000, /* then the next 127.0.0.x */
	STALL_MS = 60000,        /* silence that counts as a failure */
	SUB_BUCKETS = 32,        /* histogram buckets per power of two: 3% */
	BUCKETS = 40 * SUB_BUCKETS,
};

enum state { STATE_CLOSED, STATE_CONNECTING, STATE_IDLE, STATE_ASKED };

struct conn {
	int fd;
	enum state state;
	unsigned sequence;
	unsigned period;     /* length of text; 0: the expected answer is text itself (PONG) */
	unsigned head;       /* length of header */
	size_t body;         /* length of the body, without its newline */
	size_t position;     /* bytes of the answer that have come */
	uint64_t asked;      /* when */
	char text[TEXT_SIZE];
	char header[32];
};

static struct conn *conns;
static int epfd;
static struct sockaddr_in server;
static unsigned n_conns = 100, n_active, n_requests;
static double seconds = 5;
static size_t size_min = 10, size_max = 4096;
static bool idle_mode;
static int watched;

static unsigned opened, outstanding, errors;
static uint64_t answered, answered_bytes, deadline;
static uint64_t histogram[BUCKETS], slowest;
static uint64_t seed = 88172645463325252ull;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* --- latency ------------------------------------------------------------- */

static void latency_note(uint64_t ns)
{
	unsigned shift = 0;

	if (ns > slowest)
		slowest = ns;
	while (ns >> shift >= 2 * SUB_BUCKETS)
		shift++;
	unsigned index = shift * SUB_BUCKETS + (unsigned)(ns >> shift);

	histogram[index < BUCKETS ? index : BUCKETS - 1]++;
}

/* The upper edge of the bucket that holds the given share, in milliseconds. */
static double latency_at(double share)
{
	uint64_t total = 0, seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		total += histogram[i];
	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += histogram[i];
		if (total && (double)seen >= share * (double)total) {
			unsigned shift = i < 2 * SUB_BUCKETS ? 0 : i / SUB_BUCKETS - 1;
			uint64_t upper = (uint64_t)(i - shift * SUB_BUCKETS + 1) << shift;

			return (double)(upper < slowest ? upper : slowest) / 1e6;
		}
	}
	return 0;
}

/* --- the server, seen from outside ---------------------------------------- */

struct usage {
	long threads;
	double rss_mb, cpu_s;
};

static struct usage server_usage(void)
{
	struct usage u = { 0, 0, 0 };
	char path[64], line[1024];

	if (!watched)
		return u;
	snprintf(path, sizeof(path), "/proc/%d/status", watched);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Threads:", 8) == 0)
			u.threads = atol(line + 8);
		if (strncmp(line, "VmRSS:", 6) == 0)
			u.rss_mb = (double)atol(line + 6) / 1024;
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/stat", watched);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f)) {
		unsigned long user = 0, system = 0;
		char *rest = strrchr(line, ')');

		if (rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				   &user, &system) == 2)
			u.cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	}
	if (f)
		fclose(f);
	return u;
}

/* --- one connection ------------------------------------------------------ */

static void conn_fail(struct conn *c, const char *what)
{
	if (errors++ < 10)
		fprintf(stderr, "load_client: connection %ld, request %u, byte %zu: %s\n",
			(long)(c - conns), c->sequence, c->position, what);
	if (c->state == STATE_ASKED)
		outstanding--;
	close(c->fd);
	c->state = STATE_CLOSED;
}

static void conn_send(struct conn *c, const char *line, size_t length)
{
	c->position = 0;
	c->state = STATE_ASKED;
	c->asked = now_ns();
	c->sequence++;
	outstanding++;
	/* One request at a time: the socket's buffer always has room for a line. */
	if (send(c->fd, line, length, MSG_NOSIGNAL) != (ssize_t)length)
		conn_fail(c, strerror(errno));
}

static void conn_ping(struct conn *c)
{
	c->period = 0;
	c->head = (unsigned)sprintf(c->header, "PONG\n");
	c->body = 0;
	conn_send(c, "PING\n", 5);
}

static size_t pick_size(void)
{
	uint64_t r = random_next();
	unsigned octaves = 0;

	if (size_min >= size_max)
		return size_min;
	while (size_min << (octaves + 1) <= size_max)
		octaves++;
	size_t low = size_min << r % (octaves + 1);
	size_t high = 2 * low < size_max ? 2 * low : size_max;

	return low + (r >> 32) % (high - low + 1);
}

static void conn_sum(struct conn *c)
{
	char line[TEXT_SIZE + 32];
	uint32_t sum = 2166136261u;

	c->body = pick_size();
	c->period = (unsigned)snprintf(c->text, sizeof(c->text), "c%ld r%u %.*s|", (long)(c - conns),
				       c->sequence, (int)(random_next() % 24), "abcdefghijklmnopqrstuvwx");
	for (size_t i = 0, k = 0; i < c->body; i++) {
		sum = (sum ^ (unsigned char)c->text[k]) * 16777619u;
		if (++k == c->period)
			k = 0;
	}
	c->head = (unsigned)sprintf(c->header, "OK %zu %08x\n", c->body, sum);
	int length = sprintf(line, "SUM %zu %s\n", c->body, c->text);

	conn_send(c, line, (size_t)length);
}

/* Compares what came with what must come. True when the answer is complete. */
static bool conn_check(struct conn *c, const char *data, size_t length)
{
	size_t total = c->head + (c->period ? c->body + 1 : 0);

	if (length > total - c->position) {
		conn_fail(c, "more bytes than the answer has");
		return false;
	}
	while (length > 0) {
		const char *want;
		size_t n;

		if (c->position < c->head) {
			want = c->header + c->position;
			n = c->head - c->position;
		} else if (c->position < c->head + c->body) {
			size_t offset = c->position - c->head, k = offset % c->period;

			want = c->text + k;
			n = c->period - k;
			if (n > c->body - offset)
				n = c->body - offset;
		} else {
			want = "\n";
			n = 1;
		}
		if (n > length)
			n = length;
		if (memcmp(data, want, n) != 0) {
			conn_fail(c, "wrong bytes");
			return false;
		}
		data += n;
		length -= n;
		c->position += n;
	}
	return c->position == total;
}

/* What a connection does when it has its answer. */
static void (*conn_next)(struct conn *c);

static void conn_input(struct conn *c)
{
	static char buffer[131072];
	ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_fail(c, n == 0 ? "closed by the server" : strerror(errno));
	} else if (c->state != STATE_ASKED) {
		conn_fail(c, "bytes nobody asked for");
	} else if (conn_check(c, buffer, (size_t)n)) {
		outstanding--;
		answered_bytes += c->position;
		c->state = STATE_IDLE;
		conn_next(c);
	}
}

static void conn_open(struct conn *c)
{
	unsigned index = (unsigned)(c - conns);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
	int one = 1;

	c->state = STATE_CONNECTING;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		perror("load_client: socket");
		exit(2);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (n_conns > PORTS_PER_SOURCE) {
		struct sockaddr_in from = { .sin_family = AF_INET };

		from.sin_addr.s_addr = htonl(0x7f000001u + index / PORTS_PER_SOURCE);
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0)
			conn_fail(c, "bind");
	}
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) < 0 && errno != EINPROGRESS)
		conn_fail(c, strerror(errno));
	else if (epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		conn_fail(c, "epoll_ctl");
}

static void conn_event(struct conn *c, uint32_t events)
{
	if (c->state == STATE_CLOSED)
		return;
	if (c->state == STATE_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
		int err = 0;
		socklen_t length = sizeof(err);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &length);
		if (err) {
			conn_fail(c, strerror(err));
			return;
		}
		conn_ping(c);
	} else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
		conn_input(c);
	}
}

/* --- phases --------------------------------------------------------------- */

static void next_opened(struct conn *c)
{
	(void)c;
	opened++;
}

static void next_load(struct conn *c)
{
	uint64_t now = now_ns();

	answered++;
	latency_note(now - c->asked);
	if (n_requests ? c->sequence <= n_requests : now < deadline)
		conn_sum(c);
}

static void next_nothing(struct conn *c)
{
	answered++;
	latency_note(now_ns() - c->asked);
}

/* One round of events; false when nothing came for too long. */
static bool events_once(void)
{
	struct epoll_event events[512];
	int n = epoll_wait(epfd, events, 512, STALL_MS);

	for (int i = 0; i < n; i++)
		conn_event(events[i].data.ptr, events[i].events);
	return n > 0 || (n < 0 && errno == EINTR);
}

static void wait_for_answers(void)
{
	while (outstanding > 0) {
		if (events_once())
			continue;
		for (unsigned i = 0; i < n_conns; i++)
			if (conns[i].state == STATE_ASKED)
				conn_fail(&conns[i], "no answer for a minute");
	}
}

static void phase_open(void)
{
	unsigned started = 0;

	conn_next = next_opened;
	while (opened + errors < n_conns) {
		while (started < n_conns && started - opened - errors < OPENING_MAX)
			conn_open(&conns[started++]);
		if (!events_once()) {
			for (unsigned i = 0; i < started; i++)
				if (conns[i].state == STATE_CONNECTING || conns[i].state == STATE_ASKED)
					conn_fail(&conns[i], "not opened within a minute");
		}
	}
}

static void phase_load(void)
{
	conn_next = next_load;
	deadline = now_ns() + (uint64_t)(seconds * 1e9);
	for (unsigned i = 0; i < n_active; i++)
		if (conns[i].state == STATE_IDLE)
			conn_sum(&conns[i]);
	wait_for_answers();
}

/* Asks connections one after the other. */
static void phase_turns(unsigned from)
{
	conn_next = next_nothing;
	for (unsigned i = from; i < n_conns; i++) {
		if (conns[i].state == STATE_IDLE)
			conn_sum(&conns[i]);
		wait_for_answers();
	}
}

/* --- beginning and end ---------------------------------------------------- */

static void raise_descriptors(void)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur < n_conns + 16) {
		fprintf(stderr, "load_client: %u connections need more than the %lu descriptors "
			"there may be\n", n_conns, (unsigned long)rl.rlim_cur);
		exit(2);
	}
}

static void parse(int argc, char **argv)
{
	const char *host = "127.0.0.1";
	int opt, port = 0;

	while ((opt = getopt(argc, argv, "h:p:c:a:t:r:s:iw:")) != -1) {
		switch (opt) {
		case 'h':
			host = optarg;
			break;
		case 'p':
			port = atoi(optarg);
			break;
		case 'c':
			n_conns = (unsigned)atoi(optarg);
			break;
		case 'a':
			n_active = (unsigned)atoi(optarg);
			break;
		case 't':
			seconds = atof(optarg);
			break;
		case 'r':
			n_requests = (unsigned)atoi(optarg);
			break;
		case 's':
			if (sscanf(optarg, "%zu:%zu", &size_min, &size_max) == 2 && size_min >= 10 &&
			    size_min <= size_max && size_max <= 65536)
				break;
			fprintf(stderr, "load_client: -s MIN:MAX, from 10 to 65536\n");
			exit(2);
		case 'i':
			idle_mode = true;
			break;
		case 'w':
			watched = atoi(optarg);
			break;
		default:
			exit(2);
		}
	}
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)port);
	if (port == 0 || n_conns == 0 || inet_pton(AF_INET, host, &server.sin_addr) != 1) {
		fprintf(stderr, "usage: load_client -p PORT [-h HOST] [-c CONNECTIONS] [-a ACTIVE] "
			"[-t SECONDS | -r REQUESTS] [-s MIN:MAX] [-i] [-w PID]\n");
		exit(2);
	}
	if (n_active == 0 || n_active > n_conns)
		n_active = n_conns;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	raise_descriptors();
	conns = calloc(n_conns, sizeof(*conns));
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (!conns || epfd < 0) {
		perror("load_client");
		return 2;
	}

	uint64_t begin = now_ns();

	phase_open();
	double open_s = (double)(now_ns() - begin) / 1e9;

	printf("connections %u\nopen_seconds %.3f\n", opened, open_s);
	fflush(stdout); /* whoever waits for them to be open need not wait for the rest */
	if (idle_mode)
		usleep((useconds_t)(seconds * 1e6));
	struct usage before = server_usage();

	begin = now_ns();
	if (idle_mode)
		phase_turns(0);
	else
		phase_load();
	double load_s = (double)(now_ns() - begin) / 1e9;
	struct usage after = server_usage();
	uint64_t requests = answered;
	double p50 = latency_at(0.5), p99 = latency_at(0.99);

	if (!idle_mode)
		phase_turns(n_active);

	printf("requests %lu\nseconds %.3f\nrequests_per_second %.0f\n", (unsigned long)requests, load_s,
	       load_s > 0 ? (double)requests / load_s : 0);
	printf("answer_bytes %lu\n", (unsigned long)answered_bytes);
	printf("latency_p50_ms %.3f\nlatency_p99_ms %.3f\nlatency_max_ms %.3f\n", p50, p99,
	       (double)slowest / 1e6);
	if (watched) {
		printf("server_threads %ld\nserver_rss_mb %.1f\n", after.threads, after.rss_mb);
		printf("server_cpu_per_100k %.3f\n",
		       requests ? (after.cpu_s - before.cpu_s) * 1e5 / (double)requests : 0);
	}
	printf("errors %u\n", errors);
	return errors ? 1 : 0;
}
