/* SPDX-License-Identifier: MIT */
/*
 * load.c - the load on the echo servers: an epoll loop per CPU it may use, connections
 * that send 64 bytes, wait for them to come back, and send again.
 *
 *	load -p PORT -c CONNECTIONS [-t SECONDS] [-i] [-w PID]...
 *
 * Every connection has one answer before the clock starts, so that the server's thread
 * exists and has run. -w names the server's processes: their CPU time over the measured
 * seconds is part of the result. It prints "connections N" when all are open. With -i the
 * load only keeps them open and ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench.h"

enum { EVENTS = 256, MESSAGE = 64, PIDS = 256, SUB = 16, BUCKETS = 64 * SUB, PATIENCE = 30,
       ABREAST = 64, /* opened at the same time */
       PER_ADDRESS = 10000 }; /* beyond half of the ports there are, the kernel searches long */

struct connection {
	int fd;
	int have; /* bytes of the answer */
	double sent;
};

/* One epoll loop; its counters are its own and read by main after the fact. */
struct loop {
	int epoll;
	_Atomic unsigned long requests;
	unsigned long latency[BUCKETS];
} __attribute__((aligned(128)));

static struct loop loops[CPU_SETSIZE];
static atomic_int measuring;
static struct connection *connections;
static long count = 64;
static char message[MESSAGE];

/* Powers of two in sixteen steps each. */
static int bucket(double ns)
{
	uint64_t v = ns < 1 ? 1 : (uint64_t)ns;
	int top = 63 - __builtin_clzll(v);

	return top < 4 ? (int)v : (top - 3) * SUB + (int)((v >> (top - 4)) & (SUB - 1));
}

static double bucket_value(int index)
{
	int top = index / SUB + 3;

	return top < 4 ? index : (double)((uint64_t)(SUB + index % SUB) << (top - 4));
}

static double percentile(const unsigned long *latency, double share)
{
	unsigned long all = 0, seen = 0;

	for (int i = 0; i < BUCKETS; i++)
		all += latency[i];
	for (int i = 0; i < BUCKETS; i++) {
		seen += latency[i];
		if ((double)seen >= share * (double)all && seen)
			return bucket_value(i);
	}
	return 0;
}

static void request(struct connection *c, double now)
{
	c->sent = now;
	c->have = 0;
	if (send(c->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		die("load: send");
}

/* Connects, and sends one request. Each address of 127/8 lends PER_ADDRESS ports. */
static void open_connection(struct connection *c, long index, int port)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = 30 };
	int one = 1;

	from.sin_addr.s_addr = htonl(0x7f000002 + (uint32_t)(index / PER_ADDRESS));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)port);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0)
		die("load: connection %ld: socket", index);
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("load: connection %ld: connect", index);
	request(c, 0);
}

static void first_answer(const struct connection *c, long index)
{
	char answer[MESSAGE];

	if (recv(c->fd, answer, MESSAGE, MSG_WAITALL) != MESSAGE ||
	    memcmp(answer, message, MESSAGE) != 0)
		die("load: connection %ld: no or a wrong first answer", index);
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	struct epoll_event events[EVENTS];
	char answer[MESSAGE];

	for (;;) {
		int n = epoll_wait(loop->epoll, events, EVENTS, -1);
		double now = now_ns();

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			ssize_t got = recv(c->fd, answer, (size_t)(MESSAGE - c->have), MSG_DONTWAIT);

			if (got < 0 && errno == EAGAIN)
				continue;
			if (got <= 0 || memcmp(answer, message + c->have, (size_t)got) != 0)
				die("load: a connection ended or had a wrong answer");
			c->have += (int)got;
			if (c->have < MESSAGE)
				continue;
			if (atomic_load_explicit(&measuring, memory_order_relaxed))
				loop->latency[bucket(now - c->sent)]++;
			atomic_store_explicit(&loop->requests, loop->requests + 1,
					      memory_order_relaxed);
			request(c, now);
		}
	}
	return NULL;
}

/* CPU time of another process, all its threads, in nanoseconds. */
static double server_cpu(const pid_t *pids, int n)
{
	double sum = 0;
	clockid_t clock;

	for (int i = 0; i < n; i++) {
		if (clock_getcpuclockid(pids[i], &clock) != 0)
			die("load: no process %d", (int)pids[i]);
		sum += clock_ns(clock);
	}
	return sum;
}

static unsigned long requests(int n)
{
	unsigned long sum = 0;

	for (int i = 0; i < n; i++)
		sum += atomic_load_explicit(&loops[i].requests, memory_order_relaxed);
	return sum;
}

static void measure(int cpus, double seconds, const pid_t *pids, int n_pids)
{
	static unsigned long latency[BUCKETS];
	double begin, cpu, wall;
	unsigned long done;
	pthread_t thread;

	for (int i = 0; i < cpus; i++) {
		loops[i].epoll = epoll_create1(EPOLL_CLOEXEC);
		for (long k = i; k < count; k += cpus) {
			struct epoll_event event = { .events = EPOLLIN | EPOLLET };

			event.data.ptr = &connections[k];
			if (epoll_ctl(loops[i].epoll, EPOLL_CTL_ADD, connections[k].fd, &event) < 0)
				die("load: epoll_ctl");
		}
	}
	for (int i = 0; i < cpus; i++)
		start(&thread, run, &loops[i]);
	for (long k = 0; k < count; k++)
		request(&connections[k], now_ns());
	usleep(200000); /* until the pattern of who waits for whom has settled */
	atomic_store(&measuring, 1);
	begin = now_ns();
	cpu = server_cpu(pids, n_pids);
	done = requests(cpus);
	/* Longer on a machine that is busy with something else: five requests each. */
	for (int i = 0; i < PATIENCE; i++) {
		usleep((useconds_t)(seconds * 1e6));
		if (requests(cpus) - done >= 5 * (unsigned long)count)
			break;
	}
	cpu = server_cpu(pids, n_pids) - cpu;
	wall = now_ns() - begin;
	done = requests(cpus) - done;
	atomic_store(&measuring, 0);
	for (int i = 0; i < cpus; i++)
		for (int k = 0; k < BUCKETS; k++)
			latency[k] += loops[i].latency[k];
	if (!done)
		die("load: no request was answered");
	figure("cpu_us", cpu / 1e3 / (double)done);
	figure("rate", (double)done / wall * 1e9);
	figure("busy", cpu / wall);
	figure("p50_us", percentile(latency, 0.5) / 1e3);
	figure("p99_us", percentile(latency, 0.99) / 1e3);
	figure("p999_us", percentile(latency, 0.999) / 1e3);
}

int main(int argc, char **argv)
{
	int port = 0, option, idle = 0, n_pids = 0, cpus = allowed_cpus();
	double seconds = 2;
	pid_t pids[PIDS];

	while ((option = getopt(argc, argv, "p:c:t:iw:")) != -1)
		switch (option) {
		case 'p':
			port = (int)number(optarg);
			break;
		case 'c':
			count = number(optarg);
			break;
		case 't':
			seconds = atof(optarg);
			break;
		case 'i':
			idle = 1;
			break;
		case 'w':
			if (n_pids < PIDS)
				pids[n_pids++] = (pid_t)number(optarg);
			break;
		default:
			return 2;
		}
	for (int i = 0; i < MESSAGE; i++)
		message[i] = (char)('a' + i % 26);
	connections = calloc((size_t)count, sizeof(*connections));
	if (!port || !connections)
		die("usage: load -p PORT -c CONNECTIONS [-t SECONDS] [-i] [-w PID]...");
	for (long first = 0; first < count; first += ABREAST) {
		long end = first + ABREAST < count ? first + ABREAST : count;

		for (long k = first; k < end; k++)
			open_connection(&connections[k], k, port);
		for (long k = first; k < end; k++)
			first_answer(&connections[k], k);
	}
	figure("connections", (double)count);
	if (idle) {
		char c;

		while (read(0, &c, 1) > 0)
			;
	} else {
		measure(cpus, seconds, pids, n_pids);
	}
	_exit(0); /* the loops still run */
}
