/* SPDX-License-Identifier: MIT */
/*
 * sig_idioms.c - what servers do with signals: a thread in sigwait with everything blocked
 * elsewhere, a flag or a pipe set by a handler, waitpid loops after SIGCHLD, handlers that
 * post, write and leave, a stop amid the work; and the same through raw system calls.
 *
 *	sig_idioms WAY		(without WAY: the list of ways)
 */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 6, ROUNDS = 50 };

static atomic_int stop, seen;
static volatile sig_atomic_t flag;
static int ends[2];
static sem_t sem;

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(sig, &act, NULL) == 0);
}

/* Work of all kinds, with no signal blocked or all, as the mask is when it begins. */
static void *work(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	uintptr_t kind = (uintptr_t)arg % 3;

	while (!atomic_load(&stop)) {
		if (kind == 0) {
			free(malloc(100));
		} else if (kind == 1) {
			pthread_mutex_lock(&lock);
			sched_yield();
			pthread_mutex_unlock(&lock);
		} else {
			poll(NULL, 0, 1);
		}
	}
	return NULL;
}

static pthread_t workers[WORKERS];

static void workers_come(void)
{
	for (uintptr_t i = 0; i < WORKERS; i++)
		CHECK(pthread_create(&workers[i], NULL, work, (void *)i) == 0);
}

static void workers_go(void)
{
	atomic_store(&stop, 1);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
}

/* A process that sends sig to us n times, each time it is told to; told is its pipe. */
static pid_t sender(int *told)
{
	int fds[2];
	pid_t pid, to = getpid();

	CHECK(pipe(fds) == 0);
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		char sig;

		close(fds[1]);
		while (read(fds[0], &sig, 1) == 1)
			kill(to, sig);
		_exit(0);
	}
	close(fds[0]);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	*told = fds[1];
	return pid;
}

static void tell(int told, char sig)
{
	CHECK(write(told, &sig, 1) == 1);
}

static void end_sender(int told, pid_t pid)
{
	close(told);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* ---- a thread in sigwait ---- */

static int reloads;

static void *signal_thread(void *arg)
{
	int sig;

	for (;;) {
		CHECK(sigwait(arg, &sig) == 0);
		if (sig == SIGTERM)
			break;
		reloads += sig == SIGHUP;
		sem_post(&sem);
	}
	return NULL;
}

static void way_thread(void)
{
	sigset_t set;
	pthread_t t;
	int told;
	pid_t pid = sender(&told);

	sem_init(&sem, 0, 0);
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	workers_come();
	CHECK(pthread_create(&t, NULL, signal_thread, &set) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		tell(told, SIGHUP);
		sem_wait(&sem);
	}
	tell(told, SIGTERM);
	pthread_join(t, NULL);
	workers_go();
	printf("reloads %d\n", reloads);
	end_sender(told, pid);
}

/* ---- flags ---- */

static void set_flag(int sig)
{
	flag = sig;
}

static void write_pipe(int sig)
{
	char c = (char)sig;
	int err = errno;

	if (write(ends[1], &c, 1) != 1)
		_exit(98);
	errno = err;
}

static void count(int sig)
{
	(void)sig;
	atomic_fetch_add(&seen, 1);
}

/* Blocked, but while it waits: nothing is missed between the look and the wait. */
static void way_suspend(void)
{
	sigset_t set, old;
	int told, n = 0;
	pid_t pid = sender(&told);

	handle(SIGHUP, set_flag, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	workers_come();
	for (int i = 0; i < ROUNDS; i++) {
		tell(told, SIGHUP);
		while (!flag) {
			if (i % 3 == 0)
				sigsuspend(&old);
			else if (i % 3 == 1)
				pselect(0, NULL, NULL, NULL, NULL, &old);
			else
				ppoll(NULL, 0, NULL, &old);
			CHECK(errno == EINTR);
		}
		n += flag == SIGHUP;
		flag = 0;
	}
	workers_go();
	printf("woken %d times\n", n);
	end_sender(told, pid);
}

/* The handler writes, the loop polls: with and without restart. */
static void way_pipe(void)
{
	struct pollfd p;
	int told, got = 0;
	pid_t pid = sender(&told);
	char c;

	CHECK(pipe2(ends, O_NONBLOCK) == 0);
	handle(SIGHUP, write_pipe, 0);
	handle(SIGUSR1, write_pipe, SA_RESTART);
	workers_come();
	p = (struct pollfd){ ends[0], POLLIN, 0 };
	for (int i = 0; i < ROUNDS; i++) {
		tell(told, i % 2 ? SIGHUP : SIGUSR1);
		while (poll(&p, 1, -1) < 0)
			CHECK(errno == EINTR);
		while (read(ends[0], &c, 1) == 1)
			got += c == (i % 2 ? SIGHUP : SIGUSR1);
	}
	workers_go();
	printf("bytes %d\n", got);
	end_sender(told, pid);
}

/* A compute loop looks at what a timer's handler sets. */
static void way_timer(void)
{
	struct itimerval timer = { .it_value.tv_usec = 2000 }, off = { 0 };
	volatile unsigned long n = 0;

	handle(SIGALRM, set_flag, SA_RESTART);
	workers_come();
	for (int i = 0; i < 10; i++) {
		setitimer(ITIMER_REAL, &timer, NULL);
		while (!flag)
			n++;
		flag = 0;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	workers_go();
	printf("timer seen\n");
}

/* ---- children ---- */

static atomic_int reaped;

static void on_child(int sig)
{
	int err = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		atomic_fetch_add(&reaped, 1);
	errno = err;
}

static void *make_children(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			_exit(0);
	}
	return arg;
}

/* One signal for many children; none stays unreaped. */
static void way_children(void)
{
	pthread_t t[2];

	handle(SIGCHLD, on_child, SA_RESTART | SA_NOCLDSTOP);
	workers_come();
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&t[i], NULL, make_children, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	while (atomic_load(&reaped) < 2 * ROUNDS)
		usleep(1000);
	CHECK(wait(NULL) == -1);
	printf("reaped %d, then %s\n", atomic_load(&reaped), strerror(errno));
	workers_go();
	atomic_store(&stop, 0);
	/* Ignored: they reap themselves, and wait returns when there are none. */
	handle(SIGCHLD, SIG_IGN, 0);
	make_children(NULL);
	CHECK(wait(NULL) == -1);
	printf("ignored: %s\n", strerror(errno));
}

/* ---- a thread that lets in what everybody blocks ---- */

static int last_value, disorder;

static void in_order(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	disorder += info->si_value.sival_int != last_value + 1;
	last_value = info->si_value.sival_int;
	atomic_fetch_add(&seen, 1);
}

static void *until_seen(void *arg)
{
	while (atomic_load(&seen) < ROUNDS)
		usleep(500);
	return arg;
}

static void way_newborn(void)
{
	struct sigaction act = { .sa_sigaction = in_order, .sa_flags = SA_SIGINFO };
	pthread_attr_t attr;
	sigset_t set;
	pthread_t t;

	sigaction(SIGRTMIN, &act, NULL);
	workers_come();
	workers_go();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 1; i <= ROUNDS; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i });
	sigemptyset(&set);
	pthread_attr_init(&attr);
	pthread_attr_setsigmask_np(&attr, &set);
	CHECK(pthread_create(&t, &attr, until_seen, NULL) == 0);
	pthread_join(t, NULL);
	printf("seen %d, out of order %d\n", atomic_load(&seen), disorder);
}

/* ---- what handlers call ---- */

static void post(int sig)
{
	int err = errno;

	(void)sig;
	sem_post(&sem);
	errno = err;
}

/* Signals meet threads wherever they are, in the runtime above all. */
static void way_post(void)
{
	enum { EACH = 15 };
	int told;
	pid_t pid = sender(&told);

	sem_init(&sem, 0, 0);
	handle(SIGUSR1, post, SA_RESTART);
	workers_come();
	for (int i = 0; i < EACH; i++)
		for (int k = 0; k < WORKERS; k++) {
			pthread_kill(workers[k], SIGUSR1);
			sem_wait(&sem);
		}
	for (int i = 0; i < EACH; i++) {
		tell(told, SIGUSR1);
		sem_wait(&sem);
	}
	workers_go();
	printf("all posted\n");
	end_sender(told, pid);
}

static void leave(int sig)
{
	static const char bye[] = "leaving\n";

	(void)sig;
	_exit(write(1, bye, sizeof(bye) - 1) > 0 ? 42 : 1);
}

static void way_leave(void)
{
	int told;

	sender(&told);
	handle(SIGTERM, leave, 0);
	workers_come();
	tell(told, SIGTERM);
	for (;;)
		pause();
}

/* ---- SIGPIPE ---- */

static void *write_nowhere(void *arg)
{
	int fds[2], before = atomic_load(&seen);
	ssize_t n;

	CHECK(pipe(fds) == 0);
	close(fds[0]);
	n = write(fds[1], "x", 1);
	printf("%s: %zd %s, %d more\n", (char *)arg, n, strerror(errno), atomic_load(&seen) - before);
	close(fds[1]);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	close(fds[0]);
	n = send(fds[1], "x", 1, MSG_NOSIGNAL);
	printf("no signal: %zd %s, %d more\n", n, strerror(errno), atomic_load(&seen) - before);
	n = send(fds[1], "x", 1, 0);
	printf("signal: %zd %s, %d more\n", n, strerror(errno), atomic_load(&seen) - before);
	close(fds[1]);
	return NULL;
}

static void way_sigpipe(void)
{
	pthread_t t;
	sigset_t set, pending;

	handle(SIGPIPE, count, 0);
	workers_come();
	write_nowhere("main");
	CHECK(pthread_create(&t, NULL, write_nowhere, "thread") == 0);
	pthread_join(t, NULL);
	/* Blocked: it stays with the writer. */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	write_nowhere("blocked");
	sigpending(&pending);
	printf("pending %d\n", sigismember(&pending, SIGPIPE));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	printf("seen %d\n", atomic_load(&seen));
	handle(SIGPIPE, SIG_IGN, 0);
	write_nowhere("ignored");
	workers_go();
}

/* ---- raw system calls ---- */

static atomic_int who_handled;

static void note_who(int sig)
{
	(void)sig;
	atomic_store(&who_handled, (int)syscall(SYS_gettid));
	sem_post(&sem);
}

static atomic_int raw_tid;

static void *raw_target(void *arg)
{
	atomic_store(&raw_tid, (int)syscall(SYS_gettid));
	while (!atomic_load(&stop)) /* which may be set between the look and the wait */
		poll(NULL, 0, 100);
	return arg;
}

struct raw_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static void way_raw(void)
{
	unsigned long set = 1UL << (SIGUSR1 - 1), old = 0, pending = 0;
	const struct timespec none = { 0 };
	struct raw_action act = { 0 };
	siginfo_t info;
	pthread_t t;
	pid_t pid;
	int status;

	sem_init(&sem, 0, 0);
	handle(SIGUSR1, note_who, 0);
	CHECK(pthread_create(&t, NULL, raw_target, NULL) == 0);
	while (!atomic_load(&raw_tid))
		sched_yield();
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(syscall(SYS_tgkill, getpid(), atomic_load(&raw_tid), SIGUSR1) == 0);
		sem_wait(&sem);
		CHECK(atomic_load(&who_handled) == atomic_load(&raw_tid));
	}
	CHECK(syscall(SYS_tkill, atomic_load(&raw_tid), SIGUSR1) == 0);
	sem_wait(&sem);
	printf("the right thread: %d\n", atomic_load(&who_handled) == atomic_load(&raw_tid));
	CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8) == 0);
	CHECK(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) == 0);
	CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8) == 0);
	CHECK(syscall(SYS_rt_sigpending, &pending, 8) == 0);
	printf("blocked %lx, pending %lx\n", old, pending);
	printf("taken: %ld\n", syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8));
	CHECK(syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8) == -1);
	printf("no more: %s\n", strerror(errno));
	CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4) == -1);
	printf("wrong size: %s\n", strerror(errno));
	CHECK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8) == 0);
	CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &act, 8) == 0);
	printf("handler there: %d\n", act.handler == (void *)note_who);
	act.handler = SIG_IGN;
	CHECK(syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, 8) == 0);
	CHECK(syscall(SYS_kill, getpid(), SIGUSR1) == 0);
	printf("ignored\n");
	fflush(stdout);
	handle(SIGUSR1, note_who, 0);
	pid = fork();
	if (pid == 0)
		_exit(3);
	printf("waited: %d", syscall(SYS_wait4, pid, &status, 0, NULL) == pid);
	printf(" %x\n", status);
	atomic_store(&stop, 1);
	syscall(SYS_tgkill, getpid(), atomic_load(&raw_tid), SIGUSR1);
	pthread_join(t, NULL);
}

/* ---- the list ---- */

static const struct way ways[] = {
	{ "thread", way_thread },     { "suspend", way_suspend }, { "pipe", way_pipe },
	{ "timer", way_timer },       { "children", way_children }, { "post", way_post },
	{ "leave", way_leave },       { "sigpipe", way_sigpipe }, { "raw", way_raw },
	{ "newborn", way_newborn },
};

int main(int argc, char **argv)
{
	GO(ways, argv[1]);
	return 0;
}
