/* SPDX-License-Identifier: MIT */
/*
 * sig_break.c - which calls a signal breaks, and which go on after a handler that asked
 * for it with SA_RESTART. The thread in the call is sent the signal again and again
 * until it says that the call has returned.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

static atomic_int handled, done;
static _Thread_local int mine; /* handled by this thread */
static int fds[2], listener, epfd, queue, sems, lock_fd;
static char fifo[64], lock_name[64];
static sem_t sem;

static void handler(int sig)
{
	mine++;
	atomic_fetch_add(&handled, 1);
}

static void pause_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) < 0)
		;
}

/* The calls. Each would wait for ever. */

static long call_read(void)
{
	char c;

	return read(fds[0], &c, 1);
}

static long call_recv(void)
{
	char c;

	return recv(fds[0], &c, 1, 0);
}

static long call_recv_timeout(void)
{
	struct timeval tv = { .tv_sec = 1000 };
	char c;

	CHECK(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	return recv(fds[0], &c, 1, 0);
}

static long call_accept(void)
{
	return accept(listener, NULL, NULL);
}

static long call_poll(void)
{
	struct pollfd p = { fds[0], POLLIN, 0 };

	return poll(&p, 1, -1);
}

static long call_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	return select(fds[0] + 1, &set, NULL, NULL, NULL);
}

static long call_epoll(void)
{
	struct epoll_event ev;

	return epoll_wait(epfd, &ev, 1, -1);
}

static long call_nanosleep(void)
{
	struct timespec ts = { 1000, 0 };

	return nanosleep(&ts, NULL);
}

static long call_sem_wait(void)
{
	return sem_wait(&sem);
}

static long call_sigtimedwait(void)
{
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, &info, &(struct timespec){ 1000, 0 });
}

static long call_pause(void)
{
	return pause();
}

static long call_msgrcv(void)
{
	struct {
		long type;
		char text[8];
	} m;

	return msgrcv(queue, &m, sizeof(m.text), 0, 0);
}

static long call_semop(void)
{
	struct sembuf op = { 0, -1, 0 };

	return semop(sems, &op, 1);
}

static long call_flock(void)
{
	int fd = open(lock_name, O_RDWR);
	long ret = flock(fd, LOCK_EX);
	int err = errno;

	close(fd);
	errno = err;
	return ret;
}

static long call_open(void)
{
	return open(fifo, O_RDONLY);
}

static const struct call {
	const char *name;
	long (*fn)(void);
} calls[] = {
	{ "read", call_read },
	{ "recv", call_recv },
	{ "recv with a time-out", call_recv_timeout },
	{ "accept", call_accept },
	{ "poll", call_poll },
	{ "select", call_select },
	{ "epoll_wait", call_epoll },
	{ "nanosleep", call_nanosleep },
	{ "sem_wait", call_sem_wait },
	{ "sigtimedwait", call_sigtimedwait },
	{ "pause", call_pause },
	{ "msgrcv", call_msgrcv },
	{ "semop", call_semop },
	{ "flock", call_flock },
	{ "open of a FIFO", call_open },
};

static void *caller(void *arg)
{
	const struct call *c = arg;
	long ret;

	errno = 0;
	ret = c->fn();
	printf("  %s: %ld, %s, handler %s\n", c->name, ret, strerror(errno), mine ? "ran" : "did not run");
	fflush(stdout);
	atomic_store(&done, 1);
	return NULL;
}

static void test_breaks(void)
{
	struct sigaction act = { .sa_handler = handler };

	printf("without SA_RESTART:\n");
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pthread_t t;

		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
		atomic_store(&done, 0);
		CHECK(pthread_create(&t, NULL, caller, (void *)&calls[i]) == 0);
		while (!atomic_load(&done)) {
			pause_ms(5);
			CHECK(pthread_kill(t, SIGUSR1) == 0);
		}
		CHECK(pthread_join(t, NULL) == 0);
		close(fds[0]);
		close(fds[1]);
	}
}

/* What ends the calls that are restarted. */

static void end_byte(void)
{
	CHECK(write(fds[1], "x", 1) == 1);
}

static void end_connect(void)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(getsockname(listener, (struct sockaddr *)&to, &len) == 0);
	CHECK(connect(fd, (struct sockaddr *)&to, len) == 0);
}

static void end_sem(void)
{
	sem_post(&sem);
}

static void end_flock(void)
{
	CHECK(flock(lock_fd, LOCK_UN) == 0);
}

static void end_fifo(void)
{
	CHECK(open(fifo, O_WRONLY) >= 0);
}

static const struct restart {
	struct call call;
	void (*end)(void);
} restarts[] = {
	{ { "read", call_read }, end_byte },
	{ { "recv", call_recv }, end_byte },
	{ { "accept", call_accept }, end_connect },
	{ { "sem_wait", call_sem_wait }, end_sem },
	{ { "flock", call_flock }, end_flock },
	{ { "open of a FIFO", call_open }, end_fifo },
};

static void *restarted(void *arg)
{
	const struct call *c = arg;
	long ret = c->fn();

	printf("  %s: %s, handler %s\n", c->name, ret < 0 ? strerror(errno) : "done",
	       mine >= 3 ? "ran" : "did not run");
	fflush(stdout);
	return NULL;
}

static void test_restarts(void)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART };

	printf("with SA_RESTART:\n");
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	for (size_t i = 0; i < sizeof(restarts) / sizeof(restarts[0]); i++) {
		pthread_t t;

		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
		atomic_store(&handled, 0);
		CHECK(pthread_create(&t, NULL, restarted, (void *)&restarts[i].call) == 0);
		for (int n = 1; n <= 3; n++) {
			pause_ms(5);
			CHECK(pthread_kill(t, SIGUSR1) == 0);
			while (atomic_load(&handled) < n)
				pause_ms(1);
		}
		pause_ms(5);
		restarts[i].end();
		CHECK(pthread_join(t, NULL) == 0);
		close(fds[0]);
		close(fds[1]);
	}
}

/* The classic: another process ends a server with a signal. */
static void test_server(void)
{
	struct sigaction act = { .sa_handler = handler };
	pid_t parent = getpid(), child;
	int fd, err;

	CHECK(sigaction(SIGTERM, &act, NULL) == 0);
	mine = 0;
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		while (getppid() == parent && kill(parent, SIGTERM) == 0)
			pause_ms(20);
		_exit(0);
	}
	fd = accept(listener, NULL, NULL);
	err = errno;
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0)
		CHECK(errno == EINTR);
	printf("main's accept, SIGTERM from another process: %d, %s, handler %s\n", fd,
	       strerror(err), mine ? "ran" : "did not run");
}

int main(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	union semun {
		int val;
	} zero = { 0 };

	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&any, sizeof(any)) == 0 && listen(listener, 5) == 0);
	CHECK((epfd = epoll_create1(0)) >= 0);
	CHECK((queue = msgget(IPC_PRIVATE, 0600)) >= 0);
	CHECK((sems = semget(IPC_PRIVATE, 1, 0600)) >= 0 && semctl(sems, 0, SETVAL, zero) == 0);
	CHECK(sem_init(&sem, 0, 0) == 0);
	snprintf(fifo, sizeof(fifo), "/tmp/sig_break.fifo.%d", getpid());
	snprintf(lock_name, sizeof(lock_name), "/tmp/sig_break.lock.%d", getpid());
	CHECK(mkfifo(fifo, 0600) == 0);
	CHECK((lock_fd = open(lock_name, O_RDWR | O_CREAT, 0600)) >= 0);
	CHECK(flock(lock_fd, LOCK_EX) == 0);
	test_breaks();
	test_restarts();
	test_server();
	unlink(fifo);
	unlink(lock_name);
	msgctl(queue, IPC_RMID, NULL);
	semctl(sems, 0, IPC_RMID);
	return 0;
}
