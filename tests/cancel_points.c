/* SPDX-License-Identifier: MIT */
/*
 * cancel_points.c - the calls in which a thread can be cancelled, each one three
 * times: while it waits there, when the request came before the call, and with
 * cancellation disabled, where the call must end as if nothing had been asked. And
 * the calls in which it cannot be.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* What the calls wait for. Made anew for each run. */
static int in[2], out[2], pair[2], full[2], listener, epoll, gate[2], fifo_fd = -1;
static char fifo[64], message_queue[64];
static sem_t sem;
static pthread_mutex_t mutex;
static pthread_cond_t cond;
static pthread_rwlock_t rwlock;
static pthread_barrier_t barrier;
static pthread_t other;
static pid_t child;
static int queue;
static mqd_t mq;
static struct aiocb aio;
static char aio_byte;
static char page[8192];
static FILE *stream_in, *stream_out;

static const struct timespec *in_an_hour(clockid_t clock)
{
	static _Thread_local struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_sec += 3600;
	return &ts;
}

static struct iovec iov = { page, sizeof(page) };
static struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
static struct mmsghdr messages = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
static const struct timespec hour = { .tv_sec = 3600 };

static sigset_t only_usr1(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return set;
}

/* What each call returns where it is not cancelled: 0 for success. */
#define CALL(name, expression) \
	static long name##_call(void) { return (expression); }

CALL(read, read(in[0], page, 1) == 1 ? 0 : -1)
CALL(readv, readv(in[0], &iov, 1) > 0 ? 0 : -1)
CALL(write, write(full[1], page, sizeof(page)) > 0 ? 0 : -1)
CALL(writev, writev(full[1], &iov, 1) > 0 ? 0 : -1)
CALL(recv, recv(pair[0], page, 1, 0) == 1 ? 0 : -1)
CALL(recvfrom, recvfrom(pair[0], page, 1, 0, NULL, NULL) == 1 ? 0 : -1)
CALL(recvmsg, recvmsg(pair[0], &message, 0) > 0 ? 0 : -1)
CALL(recvmmsg, recvmmsg(pair[0], &messages, 1, 0, NULL) == 1 ? 0 : -1)
CALL(accept, accept(listener, NULL, NULL) >= 0 ? 0 : -1)
CALL(accept4, accept4(listener, NULL, NULL, 0) >= 0 ? 0 : -1)
CALL(poll, poll(&(struct pollfd){ in[0], POLLIN, 0 }, 1, -1) == 1 ? 0 : -1)
CALL(ppoll, ppoll(&(struct pollfd){ in[0], POLLIN, 0 }, 1, NULL, NULL) == 1 ? 0 : -1)
CALL(epoll_wait, epoll_wait(epoll, &(struct epoll_event){ 0 }, 1, -1) == 1 ? 0 : -1)
CALL(epoll_pwait, epoll_pwait(epoll, &(struct epoll_event){ 0 }, 1, -1, NULL) == 1 ? 0 : -1)
CALL(sem_wait, sem_wait(&sem))
CALL(sem_timedwait, sem_timedwait(&sem, in_an_hour(CLOCK_REALTIME)))
CALL(sem_clockwait, sem_clockwait(&sem, CLOCK_MONOTONIC, in_an_hour(CLOCK_MONOTONIC)))
CALL(pthread_join, pthread_join(other, NULL))
CALL(pthread_timedjoin_np, pthread_timedjoin_np(other, NULL, in_an_hour(CLOCK_REALTIME)))
CALL(wait4, wait4(child, NULL, 0, NULL) == child ? 0 : -1)
CALL(waitpid, waitpid(child, NULL, 0) == child ? 0 : -1)
CALL(waitid, waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED))
CALL(wait, wait(NULL) == child ? 0 : -1)
CALL(fgetc, fgetc(stream_in) != EOF ? 0 : -1)
CALL(fwrite, fwrite(page, 1, sizeof(page), stream_out) == sizeof(page) ? 0 : -1)
CALL(msgrcv, msgrcv(queue, page, 16, 0, 0) >= 0 ? 0 : -1)
CALL(aio_suspend, aio_suspend((const struct aiocb *[]){ &aio }, 1, NULL))
CALL(sleep, sleep(3600) == 0 ? 0 : -1)
CALL(usleep, usleep(999999999))
CALL(nanosleep, nanosleep(&hour, NULL))
CALL(clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, NULL))
CALL(thrd_sleep, thrd_sleep(&hour, NULL))
CALL(pause, pause())
CALL(mq_receive, mq_receive(mq, page, sizeof(page), NULL) >= 0 ? 0 : -1)
CALL(openat, openat(AT_FDCWD, fifo, O_RDONLY) >= 0 ? 0 : -1)
CALL(open, open(fifo, O_RDONLY) >= 0 ? 0 : -1)
CALL(tee, splice(in[0], NULL, out[1], NULL, 1, 0) == 1 ? 0 : -1)
CALL(fsync, fsync(gate[0]) == 0 || errno == EINVAL ? 0 : -1)
CALL(close, close(dup(gate[0])))
CALL(fcntl, fcntl(gate[0], F_SETLKW, &(struct flock){ .l_type = F_UNLCK }) == 0 || errno ? 0 : -1)
CALL(testcancel, (pthread_testcancel(), 0))

static long select_call(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(in[0], &set);
	return select(in[0] + 1, &set, NULL, NULL, NULL) == 1 ? 0 : -1;
}

static long pselect_call(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(in[0], &set);
	return pselect(in[0] + 1, &set, NULL, NULL, NULL, NULL) == 1 ? 0 : -1;
}

static long connect_call(void)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), err;

	getsockname(listener, (struct sockaddr *)&a, &len);
	err = connect(fd, (struct sockaddr *)&a, len);
	close(fd);
	return err;
}

static int cond_waits; /* under the mutex: somebody is in wait_cond */

static void unlock(void *arg)
{
	cond_waits = 0;
	/* Whoever is cancelled in a wait has its mutex. */
	if (pthread_mutex_unlock(arg) != 0)
		printf("NOT LOCKED ");
}

static long wait_cond(int how)
{
	int err;

	pthread_mutex_lock(&mutex);
	cond_waits = 1;
	pthread_cleanup_push(unlock, &mutex);
	if (how == 0)
		err = pthread_cond_wait(&cond, &mutex);
	else if (how == 1)
		err = pthread_cond_timedwait(&cond, &mutex, in_an_hour(CLOCK_REALTIME));
	else
		err = pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC,
					     in_an_hour(CLOCK_MONOTONIC));
	pthread_cleanup_pop(1);
	return err;
}

CALL(pthread_cond_wait, wait_cond(0))
CALL(pthread_cond_timedwait, wait_cond(1))
CALL(pthread_cond_clockwait, wait_cond(2))

static long sigwait_call(void)
{
	sigset_t set = only_usr1();
	int sig;

	return sigwait(&set, &sig);
}

static long sigtimedwait_call(void)
{
	sigset_t set = only_usr1();

	return sigtimedwait(&set, NULL, &hour) == SIGUSR1 ? 0 : -1;
}

static long sigsuspend_call(void)
{
	sigset_t set;

	sigemptyset(&set);
	return sigsuspend(&set);
}

/* No cancellation points. */
CALL(pthread_mutex_lock, pthread_mutex_lock(&mutex) | pthread_mutex_unlock(&mutex))
CALL(pthread_rwlock_rdlock, pthread_rwlock_rdlock(&rwlock) | pthread_rwlock_unlock(&rwlock))
CALL(pthread_rwlock_wrlock, pthread_rwlock_wrlock(&rwlock) | pthread_rwlock_unlock(&rwlock))
CALL(pthread_barrier_wait, pthread_barrier_wait(&barrier) > 0 ? 0 : 0)
CALL(sem_trywait, sem_trywait(&sem) < 0 && errno == EAGAIN ? 0 : -1)
CALL(sched_yield, sched_yield())
CALL(getpid, getpid() > 0 ? 0 : -1)
CALL(dup2, dup2(gate[0], gate[0]) == gate[0] ? 0 : -1)

/* How the call is let go, where it waits. */
static void ready(void) {}
static void feed_in(void) { if (write(in[1], "x", 1) != 1) abort(); }
static void feed_pair(void) { if (send(pair[1], "x", 1, 0) != 1) abort(); }
static void drain_full(void) { while (read(full[0], page, sizeof(page)) == sizeof(page)) ; }
static void post(void) { sem_post(&sem); sem_post(&sem); }
static void end_other(void) { post(); }

/* A broadcast to one who is still on its way would be lost. */
static void signal_all(void)
{
	int there = 0;

	while (!there) {
		pthread_mutex_lock(&mutex);
		there = cond_waits;
		if (there)
			pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
		sched_yield();
	}
}

static void release_mutex(void) { pthread_mutex_unlock(&mutex); }
static void release_rwlock(void) { pthread_rwlock_unlock(&rwlock); }
static void come_to_barrier(void) { pthread_barrier_wait(&barrier); }
static void end_child(void) { close(gate[1]); gate[1] = -1; }

static void send_message(void)
{
	struct {
		long type;
		char text[8];
	} m = { 1, "x" };

	if (msgsnd(queue, &m, sizeof(m.text), 0) != 0)
		abort();
}

static void send_mq(void) { if (mq_send(mq, "x", 1, 0) != 0) abort(); }

static void call_listener(void)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	getsockname(listener, (struct sockaddr *)&a, &len);
	if (connect(fd, (struct sockaddr *)&a, len) != 0)
		abort();
	close(fd);
}

static void open_fifo(void)
{
	fifo_fd = open(fifo, O_RDWR);
}

static const struct point {
	const char *name;
	long (*call)(void);
	void (*release)(void); /* NULL: nothing but a cancellation ends it; ready: nor waits it */
} points[] = {
#define POINT(name, release) { #name, name##_call, release }
	POINT(read, feed_in), POINT(readv, feed_in), POINT(write, drain_full),
	POINT(writev, drain_full), POINT(recv, feed_pair), POINT(recvfrom, feed_pair),
	POINT(recvmsg, feed_pair), POINT(recvmmsg, feed_pair), POINT(accept, call_listener),
	POINT(accept4, call_listener), POINT(poll, feed_in), POINT(ppoll, feed_in),
	POINT(select, feed_in), POINT(pselect, feed_in), POINT(epoll_wait, feed_in),
	POINT(epoll_pwait, feed_in), POINT(sem_wait, post), POINT(sem_timedwait, post),
	POINT(sem_clockwait, post), POINT(pthread_cond_wait, signal_all),
	POINT(pthread_cond_timedwait, signal_all), POINT(pthread_cond_clockwait, signal_all),
	POINT(pthread_join, end_other), POINT(pthread_timedjoin_np, end_other),
	POINT(wait4, end_child), POINT(waitpid, end_child), POINT(waitid, end_child),
	POINT(wait, end_child), POINT(fgetc, feed_in), POINT(fwrite, drain_full),
	POINT(msgrcv, send_message), POINT(aio_suspend, feed_in), POINT(sleep, NULL),
	POINT(usleep, NULL), POINT(nanosleep, NULL), POINT(clock_nanosleep, NULL),
	POINT(thrd_sleep, NULL), POINT(pause, NULL), POINT(sigsuspend, NULL),
	POINT(sigwait, NULL), POINT(sigtimedwait, NULL), POINT(mq_receive, send_mq),
	POINT(open, open_fifo), POINT(openat, open_fifo), POINT(tee, feed_in),
	POINT(connect, ready), POINT(fsync, ready), POINT(close, ready),
	POINT(fcntl, ready), POINT(testcancel, ready),
	/* and those that are none */
	POINT(pthread_mutex_lock, release_mutex), POINT(pthread_rwlock_rdlock, release_rwlock),
	POINT(pthread_rwlock_wrlock, release_rwlock), POINT(pthread_barrier_wait, come_to_barrier),
	POINT(sem_trywait, ready), POINT(sched_yield, ready),
	POINT(getpid, ready), POINT(dup2, ready),
};

enum { NONE_FROM = sizeof(points) / sizeof(*points) - 8 };

static void *until_posted(void *arg)
{
	while (sem_wait(&sem) != 0)
		;
	return NULL;
}

static atomic_int succeeded; /* the call that is tried */

static void set_up(const struct point *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	static int serial;


	memset(page, 0, sizeof(page));
	if (pipe(in) || pipe(out) || pipe(full) || pipe(gate) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	while (write(full[1], page, sizeof(page)) > 0)
		;
	while (write(full[1], page, 1) > 0)
		;
	fcntl(full[1], F_SETFL, 0);
	fcntl(full[0], F_SETFL, O_NONBLOCK);
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "goshim-cancel-%d-%d", getpid(), ++serial);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 8))
		abort();
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, in[0], &(struct epoll_event){ .events = EPOLLIN });
	sem_init(&sem, 0, 0);
	pthread_mutex_init(&mutex, NULL);
	pthread_cond_init(&cond, NULL);
	pthread_rwlock_init(&rwlock, NULL);
	pthread_barrier_init(&barrier, NULL, 2);
	stream_in = fdopen(dup(in[0]), "r");
	stream_out = fdopen(dup(full[1]), "w");
	setvbuf(stream_out, NULL, _IONBF, 0);
	queue = msgget(IPC_PRIVATE, 0600);
	snprintf(fifo, sizeof(fifo), "/tmp/goshim-cancel-%d", getpid());
	unlink(fifo);
	if (mkfifo(fifo, 0600))
		abort();
	snprintf(message_queue, sizeof(message_queue), "/goshim-cancel-%d", getpid());
	mq = mq_open(message_queue, O_RDWR | O_CREAT, 0600,
		     &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = 16 });
	if (strncmp(p->name, "aio", 3) == 0) {
		aio = (struct aiocb){ .aio_fildes = in[0], .aio_buf = &aio_byte, .aio_nbytes = 1 };
		aio_read(&aio);
	}
	if (strncmp(p->name, "wait", 4) == 0) {
		child = fork();
		if (child == 0) {
			close(gate[1]);
			while (read(gate[0], page, 1) > 0)
				;
			_exit(0);
		}
	}
	if (strstr(p->name, "join"))
		pthread_create(&other, NULL, until_posted, NULL);
	if (p->call == pthread_mutex_lock_call)
		pthread_mutex_lock(&mutex);
	if (p->release == release_rwlock)
		pthread_rwlock_wrlock(&rwlock);
}

static void tear_down(const struct point *p)
{
	int status;

	if (gate[1] >= 0)
		close(gate[1]);
	if (strncmp(p->name, "wait", 4) == 0)
		waitpid(child, &status, 0); /* has been, or is now */
	if (strstr(p->name, "join") && !succeeded) {
		post();
		pthread_join(other, NULL);
	}
	if (strncmp(p->name, "aio", 3) == 0) {
		if (write(in[1], "y", 1) != 1)
			abort();
		while (aio_error(&aio) == EINPROGRESS)
			usleep(1000);
		aio_return(&aio);
	}
	fclose(stream_in);
	fclose(stream_out);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
		close(full[i]);
		close(pair[i]);
	}
	if (fifo_fd >= 0)
		close(fifo_fd);
	fifo_fd = -1;
	close(gate[0]);
	close(listener);
	close(epoll);
	msgctl(queue, IPC_RMID, NULL);
	mq_close(mq);
	mq_unlink(message_queue);
	unlink(fifo);
}

enum { WAITING, PENDING, DISABLED };

static struct {
	const struct point *point;
	int way;
	atomic_int begun, asked;
} run;

static void cleanup(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static atomic_int cleaned;

static void *victim(void *arg)
{
	long ret;

	pthread_cleanup_push(cleanup, &cleaned);
	if (run.way == DISABLED)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	run.begun = 1;
	if (run.way == PENDING)
		while (!run.asked)
			;
	ret = run.point->call();
	succeeded = ret == 0;
	printf("%s", ret == 0 ? "returns, " : ret < 0 ? "fails, " : "error, ");
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return NULL;
}

static void try(const struct point *p, int way)
{
	static const char *const ways[] = { "while it waits", "before", "disabled" };
	pthread_t thread;
	void *result;

	/* What does not wait cannot be caught waiting; what nobody can release would never end. */
	if ((p->release == ready && way != PENDING) || (!p->release && way == DISABLED))
		return;
	set_up(p);
	run.point = p;
	run.way = way;
	run.begun = run.asked = 0;
	cleaned = succeeded = 0;
	printf("%s, %s: ", p->name, ways[way]);
	fflush(stdout);
	pthread_create(&thread, NULL, victim, NULL);
	while (!run.begun)
		sched_yield();
	if (way == WAITING)
		usleep(3000); /* in the call by now, as a rule; else the request is just pending */
	pthread_cancel(thread);
	run.asked = 1;
	if (way == DISABLED)
		usleep(1000);
	/* Calls that cannot be cancelled wait on; a release in vain harms nobody. */
	if (way == DISABLED || p - points >= (ptrdiff_t)NONE_FROM)
		p->release();
	pthread_join(thread, &result);
	printf("%s, %s\n", result == PTHREAD_CANCELED ? "cancelled" : "finished",
	       cleaned ? "cleaned up" : "not cleaned up");
	tear_down(p);
}

int main(int argc, char **argv)
{
	sigset_t set = only_usr1();

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (const struct point *p = points; p < points + sizeof(points) / sizeof(*points); p++)
		if (argc < 2 || strcmp(argv[1], p->name) == 0)
			for (int way = WAITING; way <= DISABLED; way++)
				try(p, way);
	return 0;
}
