/* SPDX-License-Identifier: MIT */
/*
 * sig_kinds.c - the less common kinds: signals read from a signalfd that an epoll instance
 * watches, polls with sigtimedwait, children that leave nothing to wait for, timers of
 * processor time, timers that start threads, alternate stacks that disarm themselves,
 * handlers for once, stops under load, values, and jumps out of libc's own calls.
 *
 *	sig_kinds WAY		(without WAY: the list of ways)
 */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 40, CROWD = 6, ALT = 64 * 1024 };

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static atomic_int stop, handled;
static sem_t sem;

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(sig, &act, NULL) == 0);
}

static void handle_info(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	CHECK(sigaction(sig, &act, NULL) == 0);
}

static void count(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static sigset_t one(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

static void *compute(void *arg)
{
	volatile unsigned long n = 0;

	while (!atomic_load(&stop))
		n++;
	return arg;
}

static void *doze(void *arg)
{
	while (!atomic_load(&stop))
		usleep(500);
	return arg;
}

static void in_thread(void *(*fn)(void *))
{
	CHECK(pthread_join(start(fn, NULL), NULL) == 0);
}

/* ---- a signalfd, read by a thread, polled by another's epoll ---- */

static int sfd;

static void *read_signals(void *arg)
{
	struct signalfd_siginfo info;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK(read(sfd, &info, sizeof(info)) == sizeof(info));
		CHECK(info.ssi_signo == SIGUSR1 && info.ssi_pid == (unsigned)getpid());
		sem_post(&sem);
	}
	return arg;
}

static void *watch_signals(void *arg)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = sfd };
	struct signalfd_siginfo info[4];
	int n = 0;

	CHECK(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, sfd, &ev) == 0);
	while (n < ROUNDS) {
		CHECK(epoll_wait(ep, &ev, 1, -1) == 1 && ev.data.fd == sfd);
		for (;;) {
			ssize_t len = read(sfd, info, sizeof(info));

			if (len < 0) {
				CHECK(errno == EAGAIN);
				break;
			}
			for (size_t i = 0; i < (size_t)len / sizeof(info[0]); i++)
				CHECK(info[i].ssi_signo == (unsigned)SIGRTMIN && info[i].ssi_int == n++);
		}
		sem_post(&sem);
	}
	close(ep);
	return arg;
}

static void way_signalfd(void)
{
	sigset_t set = one(SIGUSR1), rt = one(SIGRTMIN);
	pthread_t t, idle;

	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	idle = start(doze, NULL);
	sigdelset(&set, SIGRTMIN);
	CHECK((sfd = signalfd(-1, &set, SFD_CLOEXEC)) >= 0);
	t = start(read_signals, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(kill(getpid(), SIGUSR1) == 0);
		sem_wait(&sem);
	}
	pthread_join(t, NULL);
	close(sfd);
	printf("read %d\n", ROUNDS);
	CHECK((sfd = signalfd(-1, &rt, SFD_CLOEXEC | SFD_NONBLOCK)) >= 0);
	t = start(watch_signals, NULL);
	for (int i = 0; i < ROUNDS; i++)
		CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
	pthread_join(t, NULL);
	printf("watched %d\n", ROUNDS);
	/* A signal for the thread is read by that thread alone. */
	CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){ .sival_int = 7 }) == 0);
	struct signalfd_siginfo info;
	struct pollfd p = { sfd, POLLIN, 0 };

	printf("own: poll %d", poll(&p, 1, 10000));
	printf(" read %d", read(sfd, &info, sizeof(info)) == sizeof(info) && info.ssi_int == 7);
	CHECK(read(sfd, &info, sizeof(info)) == -1);
	printf(" then %s\n", strerror(errno));
	atomic_store(&stop, 1);
	pthread_join(idle, NULL);
}

/* ---- sigtimedwait that does not wait ---- */

static void *poll_signals(void *arg)
{
	sigset_t set = one(SIGUSR1), rt = one(SIGRTMIN + 3);
	const struct timespec none = { 0 };
	siginfo_t info;

	CHECK(sigtimedwait(&set, &info, &none) == -1);
	printf("nothing: %s\n", strerror(errno));
	kill(getpid(), SIGUSR1);
	printf("sent: %d", sigtimedwait(&set, &info, &none));
	printf(" code %d\n", info.si_code);
	raise(SIGUSR1);
	printf("raised: %d", sigtimedwait(&set, &info, &none));
	printf(" code %d\n", info.si_code);
	for (int i = 0; i < 5; i++)
		sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i });
	pthread_sigqueue(pthread_self(), SIGRTMIN + 3, (union sigval){ .sival_int = 99 });
	while (sigtimedwait(&rt, &info, &none) > 0)
		printf("value %d code %d\n", info.si_value.sival_int, info.si_code);
	printf("end: %s\n", strerror(errno));
	return arg;
}

static void way_poll(void)
{
	sigset_t set = one(SIGUSR1);
	pthread_t t;

	sigaddset(&set, SIGRTMIN + 3);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = start(doze, NULL);
	in_thread(poll_signals);
	poll_signals(NULL);
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

/* ---- children ---- */

static pid_t child(int status)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(status);
	return pid;
}

static void wait_handled(int n)
{
	while (atomic_load(&handled) < n)
		usleep(500);
}

static void *wait_children(void *arg)
{
	siginfo_t info;
	pid_t pid;
	int status;

	handle(SIGCHLD, count, SA_RESTART | SA_NOCLDWAIT);
	atomic_store(&handled, 0);
	child(1);
	wait_handled(1);
	pid = wait(&status);
	printf("SA_NOCLDWAIT: %d %s\n", pid, strerror(errno));
	signal(SIGCHLD, SIG_IGN);
	pid = child(1);
	pid = waitpid(pid, &status, 0);
	printf("SIG_IGN: %d %s\n", pid, strerror(errno));

	handle(SIGCHLD, count, SA_RESTART | SA_NOCLDSTOP);
	atomic_store(&handled, 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	printf("stopped: %x, told %d times\n", status, atomic_load(&handled));
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid);
	printf("continued: %x, told %d times\n", status, atomic_load(&handled));
	kill(pid, SIGKILL);
	wait_handled(1);
	for (int i = 0; i < 2; i++) {
		memset(&info, 0, sizeof(info));
		CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
		printf("WNOWAIT: %d code %d status %d signal %d\n", info.si_pid == pid, info.si_code,
		       info.si_status, info.si_signo);
	}
	memset(&info, 0, sizeof(info));
	CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
	printf("any: %d\n", info.si_pid == pid);
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("reaped: %x\n", status);
	pid = waitpid(pid, &status, 0);
	printf("again: %d %s\n", pid, strerror(errno));
	CHECK(waitid(P_ALL, 0, &info, WEXITED) == -1);
	printf("none: %s\n", strerror(errno));
	return arg;
}

static void way_children(void)
{
	pthread_t t = start(doze, NULL);

	setvbuf(stdout, NULL, _IOLBF, 0);
	in_thread(wait_children);
	wait_children(NULL);
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

/* ---- timers of processor time ---- */

static void burn_until(int n)
{
	volatile unsigned long x = 0;

	while (atomic_load(&handled) < n)
		x++;
}

static void *burn(void *arg)
{
	burn_until((int)(intptr_t)arg);
	return NULL;
}

static void cpu_timer(int which, int sig, const char *name)
{
	struct itimerval it = { { 0, 5000 }, { 0, 5000 } }, old;
	pthread_t t[3];

	atomic_store(&handled, 0);
	handle(sig, count, SA_RESTART);
	CHECK(setitimer(which, &it, NULL) == 0);
	for (int i = 0; i < 3; i++)
		t[i] = start(burn, (void *)(intptr_t)5);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	burn_until(8);
	it.it_value.tv_usec = 0;
	CHECK(setitimer(which, &it, &old) == 0);
	printf("%s: interval %d\n", name, (int)old.it_interval.tv_usec);
}

static void way_cpu(void)
{
	pthread_t t = start(doze, NULL);

	cpu_timer(ITIMER_VIRTUAL, SIGVTALRM, "virtual");
	cpu_timer(ITIMER_PROF, SIGPROF, "prof");
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

/* ---- timers that start threads ---- */

static void on_timer(union sigval v)
{
	sem_post(v.sival_ptr);
}

static void *timed(void *arg)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD };
	struct itimerspec it = { { 0, 2000000 }, { 0, 1000000 } };
	sem_t *expired = malloc(sizeof(*expired)); /* threads may still come when we are done */
	timer_t timer;

	sem_init(expired, 0, 0);
	ev.sigev_notify_function = on_timer;
	ev.sigev_value.sival_ptr = expired;
	CHECK(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	CHECK(timer_settime(timer, 0, &it, NULL) == 0);
	for (int i = 0; i < 20; i++)
		sem_wait(expired);
	CHECK(timer_delete(timer) == 0);
	printf("SIGEV_THREAD: 20 times\n");
	return arg;
}

static void way_timer_thread(void)
{
	in_thread(timed);
	timed(NULL);
}

/* ---- timers and queued values for one thread ---- */

static atomic_int target, wrong, last;

static void to_target(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	(void)sig;
	if (gettid() != atomic_load(&target))
		atomic_fetch_add(&wrong, 1);
	if (info->si_code == SI_QUEUE) {
		if (info->si_value.sival_int != atomic_load(&last) + 1)
			atomic_fetch_add(&wrong, 1);
		atomic_store(&last, info->si_value.sival_int);
	} else if (info->si_code != SI_TIMER || info->si_value.sival_int != 77) {
		atomic_fetch_add(&wrong, 1);
	}
	atomic_fetch_add(&handled, 1);
	sem_post(&sem);
}

static void *be_target(void *arg)
{
	int ends[2];

	CHECK(pipe(ends) == 0);
	atomic_store(&target, gettid());
	sem_post(&sem);
	if (!arg) /* it computes */
		return compute(NULL);
	while (!atomic_load(&stop)) {
		struct pollfd p = { ends[0], POLLIN, 0 };

		poll(&p, 1, 100);
	}
	return NULL;
}

static void time_target(int sig, int waits, int other)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig };
	struct itimerspec it = { { 0, 1000000 }, { 0, 1000000 } };
	pthread_t t = pthread_self();
	timer_t timer;

	atomic_store(&stop, 0);
	atomic_store(&handled, 0);
	atomic_store(&wrong, 0);
	if (other) {
		t = start(be_target, waits ? &sem : NULL);
		while (sem_wait(&sem) < 0)
			;
	} else {
		atomic_store(&target, gettid());
	}
	ev._sigev_un._tid = atomic_load(&target);
	ev.sigev_value.sival_int = 77;
	CHECK(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	CHECK(timer_settime(timer, 0, &it, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++)
		while (sem_wait(&sem) < 0)
			;
	CHECK(timer_delete(timer) == 0);
	atomic_store(&stop, 1);
	if (other)
		pthread_join(t, NULL);
	printf("%s, %s, %s: %d wrong\n", sig == SIGALRM ? "SIGALRM" : "real-time",
	       other ? "another thread" : "own", waits ? "waits" : "computes", atomic_load(&wrong));
	while (sem_trywait(&sem) == 0)
		;
}

static void *time_all(void *arg)
{
	for (int i = 0; i < 2; i++) {
		int sig = i ? SIGRTMIN + 2 : SIGALRM;

		time_target(sig, 0, 1);
		time_target(sig, 1, 1);
		time_target(sig, 1, 0);
	}
	return arg;
}

static void way_timer_other(void)
{
	handle_info(SIGALRM, to_target, SA_RESTART);
	handle_info(SIGRTMIN + 2, to_target, SA_RESTART);
	in_thread(time_all);
	time_all(NULL);
}

/* A target that computes is sent signals from the very moment on when it has a timer. */
static void way_timer_soon(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	struct itimerspec it = { { 0, 20000 }, { 0, 20000 } };
	timer_t timer;

	handle_info(SIGALRM, to_target, SA_RESTART);
	ev.sigev_value.sival_int = 77;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t t;

		atomic_store(&stop, 0);
		t = start(be_target, NULL);
		while (sem_wait(&sem) < 0)
			;
		ev._sigev_un._tid = atomic_load(&target);
		CHECK(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
		CHECK(timer_settime(timer, 0, &it, NULL) == 0);
		for (int k = 0; k < 3; k++)
			while (sem_wait(&sem) < 0)
				;
		CHECK(timer_delete(timer) == 0);
		atomic_store(&stop, 1);
		pthread_join(t, NULL);
		while (sem_trywait(&sem) == 0)
			;
	}
	printf("%d wrong\n", atomic_load(&wrong));
}

/* The target blocks the signal when the timer is made, and takes it by sigwait or later. */
static void *take_timer(void *arg)
{
	sigset_t set = one(SIGRTMIN + 2);
	siginfo_t info;
	int good = 0;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	atomic_store(&target, gettid());
	sem_post(&sem);
	for (int i = 0; i < ROUNDS; i++)
		good += sigwaitinfo(&set, &info) == SIGRTMIN + 2 && info.si_code == SI_TIMER &&
			info.si_value.sival_int == 5;
	printf("sigwait: %d\n", good);
	return arg;
}

static void way_timer_wait(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2 };
	struct itimerspec it = { { 0, 1000000 }, { 0, 1000000 } };
	pthread_t t = start(take_timer, NULL);
	timer_t timer;

	sem_wait(&sem);
	ev._sigev_un._tid = atomic_load(&target);
	ev.sigev_value.sival_int = 5;
	CHECK(timer_create(CLOCK_REALTIME, &ev, &timer) == 0);
	CHECK(timer_settime(timer, 0, &it, NULL) == 0);
	pthread_join(t, NULL);
	CHECK(timer_delete(timer) == 0);
}

/* A descriptor whose owner is another thread, by whoever and in whichever order. */
static atomic_int io_wrong;

static void on_io(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	if (gettid() != atomic_load(&target) || (sig != SIGIO && info->si_code != POLL_IN))
		atomic_fetch_add(&io_wrong, 1);
	sem_post(&sem);
}

static void own_other(int sig, int late)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID };
	int ends[2];
	pthread_t t;
	char c;

	atomic_store(&stop, 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	t = start(be_target, &sem);
	while (sem_wait(&sem) < 0)
		;
	owner.pid = atomic_load(&target);
	if (!late)
		CHECK(fcntl(ends[0], F_SETSIG, sig) == 0);
	CHECK(fcntl(ends[0], F_SETOWN_EX, &owner) == 0);
	if (late)
		CHECK(fcntl(ends[0], F_SETSIG, sig) == 0);
	CHECK(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_ASYNC) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(write(ends[1], "x", 1) == 1);
		while (sem_wait(&sem) < 0)
			;
		CHECK(read(ends[0], &c, 1) == 1);
	}
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	close(ends[0]);
	close(ends[1]);
	printf("signal %d, %s: %d wrong\n", sig ? sig - SIGRTMIN : 0, late ? "late" : "early",
	       atomic_load(&io_wrong));
}

static void way_owner_other(void)
{
	handle_info(SIGIO, on_io, SA_RESTART);
	handle_info(SIGRTMIN + 4, on_io, SA_RESTART);
	for (int late = 0; late < 2; late++) {
		own_other(0, late);
		own_other(SIGRTMIN + 4, late);
	}
}

/* A timer that expires again and again while its signal waits has one signal. */
static void *blocked_timer(void *arg)
{
	sigset_t set = one(SIGRTMIN + 2), pending;
	const struct timespec none = { 0 };
	siginfo_t info;
	int n = 0;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	atomic_store(&target, gettid());
	sem_post(&sem);
	/* For a while, and until it is there. */
	while (!atomic_load(&stop) || (sigpending(&pending) == 0 &&
				       !sigismember(&pending, SIGRTMIN + 2)))
		usleep(100);
	while (n < 20 && sigtimedwait(&set, &info, &none) > 0)
		n++;
	printf("pending: %s\n", n == 0 ? "none" : n < 20 ? "few" : "many");
	return arg;
}

static void way_timer_blocked(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2 };
	struct itimerspec it = { { 0, 100000 }, { 0, 100000 } };
	pthread_t t = start(blocked_timer, NULL);
	timer_t timer;

	sem_wait(&sem);
	ev._sigev_un._tid = atomic_load(&target);
	CHECK(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	CHECK(timer_settime(timer, 0, &it, NULL) == 0);
	usleep(50000);
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	CHECK(timer_delete(timer) == 0);
}

/* ---- numbers of threads, given to the kernel's own calls ---- */

static _Atomic(void *) who_got;
static atomic_int got_code, got_value;

static void note_info(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	atomic_store(&who_got, (void *)pthread_self());
	atomic_store(&got_code, info->si_code);
	atomic_store(&got_value, info->si_value.sival_int);
	sem_post(&sem);
}

/* t 0: any may get it. */
static void say_got(const char *what, long ret, pthread_t t)
{
	if (ret < 0) {
		printf("%s: %s\n", what, strerror(errno));
		return;
	}
	while (sem_wait(&sem) < 0)
		;
	printf("%s: %s, code %d, value %d\n", what,
	       !t || atomic_load(&who_got) == (void *)t ? "right" : "another thread",
	       atomic_load(&got_code), atomic_load(&got_code) == SI_USER ? 0 : atomic_load(&got_value));
}

static void way_numbers(void)
{
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = -20 };
	union sigval v = { .sival_int = 9 };
	pthread_t t;
	long ret;
	int tid;

	handle_info(SIGUSR1, note_info, SA_RESTART);
	t = start(be_target, &sem);
	while (sem_wait(&sem) < 0)
		;
	tid = atomic_load(&target);
	info.si_value.sival_int = 8;
	say_got("tkill", syscall(SYS_tkill, tid, SIGUSR1), t);
	say_got("tgkill", syscall(SYS_tgkill, getpid(), tid, SIGUSR1), t);
	say_got("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGUSR1, &info), t);
	info.si_code = SI_USER;
	say_got("pretending", syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGUSR1, &info), t);
	say_got("wrong process", syscall(SYS_tgkill, getppid(), tid, SIGUSR1), t);
	say_got("no such thread", syscall(SYS_tgkill, getpid(), 1 << 29, SIGUSR1), t);
	say_got("no such signal", syscall(SYS_tkill, tid, 99), t);
	say_got("kill, with the number of a thread", kill(tid, SIGUSR1), 0);
	say_got("sigqueue", sigqueue(tid, SIGUSR1, v), 0);
	printf("signal 0: %ld %d\n", syscall(SYS_tkill, tid, 0), kill(tid, 0));
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	/* A kernel thread that has been joined may still be ending. */
	while ((ret = syscall(SYS_tgkill, getpid(), tid, SIGUSR1)) == 0)
		sched_yield();
	printf("then: %ld", ret);
	printf(" %s\n", strerror(errno));
}

/* ---- signals of the C library's own, from outside ---- */

static void way_reserved(void)
{
	pthread_t t[CROWD];
	int status;
	pid_t pid;

	for (int i = 0; i < CROWD; i++)
		t[i] = start(i % 2 ? compute : doze, NULL);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 20; i++) {
			kill(getppid(), 33);
			usleep(200);
		}
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("33, from outside: lives\n");
	CHECK(syscall(SYS_kill, getpid(), 33) == 0);
	printf("33, from inside: lives\n");
	atomic_store(&stop, 1);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
}

static void way_values(void)
{
	pthread_t t[2];

	handle_info(SIGRTMIN + 2, to_target, SA_RESTART);
	for (int i = 0; i < 2; i++) {
		t[i] = start(be_target, i ? &sem : NULL);
		while (sem_wait(&sem) < 0)
			;
		atomic_store(&last, 0);
		for (int n = 1; n <= 500; n++) {
			CHECK(pthread_sigqueue(t[i], SIGRTMIN + 2, (union sigval){ .sival_int = n }) == 0);
			if (n % 7 == 0)
				while (atomic_load(&last) < n)
					sched_yield();
		}
		while (atomic_load(&last) < 500)
			sched_yield();
		while (sem_trywait(&sem) == 0)
			;
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("values: %d handled, %d wrong\n", atomic_load(&handled), atomic_load(&wrong));
}

/* ---- alternate stacks ---- */

static _Thread_local char *alt;
static _Thread_local volatile int depth;
static atomic_int on_alt, off_alt, disarmed, armed;

static void on_stack(int sig)
{
	stack_t now;
	char here;

	if ((uintptr_t)&here - (uintptr_t)alt < ALT)
		atomic_fetch_add(&on_alt, 1);
	else
		atomic_fetch_add(&off_alt, 1);
	CHECK(sigaltstack(NULL, &now) == 0);
	atomic_fetch_add(now.ss_flags & SS_DISABLE ? &disarmed : &armed, 1);
	if (depth++ == 0) {
		stack_t again = { .ss_sp = alt, .ss_size = ALT, .ss_flags = (int)SS_AUTODISARM };

		/* Allowed, for it is disarmed: and switching away would be as well. */
		CHECK(sigaltstack(&again, NULL) == 0);
		again.ss_flags = SS_DISABLE;
		CHECK(sigaltstack(&again, NULL) == 0);
		raise(sig);
		sched_yield();
	}
	depth--;
}

static void *with_stack(void *arg)
{
	stack_t ss = { .ss_size = ALT, .ss_flags = (int)SS_AUTODISARM }, now;

	alt = malloc(ALT);
	ss.ss_sp = alt;
	CHECK(sigaltstack(&ss, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++)
		raise(SIGUSR1);
	CHECK(sigaltstack(NULL, &now) == 0);
	CHECK(now.ss_sp == alt && now.ss_size == ALT);
	if (now.ss_flags != (int)SS_AUTODISARM)
		printf("flags %x\n", now.ss_flags);
	ss.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&ss, NULL) == 0);
	free(alt);
	return arg;
}

static void way_disarm(void)
{
	pthread_t t[CROWD];

	handle(SIGUSR1, on_stack, SA_ONSTACK | SA_NODEFER);
	for (int i = 0; i < CROWD; i++)
		t[i] = start(with_stack, NULL);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	with_stack(NULL);
	printf("on %d off %d disarmed %d armed %d\n", atomic_load(&on_alt), atomic_load(&off_alt),
	       atomic_load(&disarmed), atomic_load(&armed));
}

/* The same when the kernel sends it, between two instructions; and while the thread, on that
   stack, arms it again. */
static void on_stack_again(int sig)
{
	stack_t again = { .ss_sp = alt, .ss_size = ALT, .ss_flags = (int)SS_AUTODISARM };
	stack_t none = { .ss_flags = SS_DISABLE };
	volatile char used[4096];

	memset((char *)used, sig, sizeof(used));
	atomic_fetch_add((uintptr_t)used - (uintptr_t)alt < ALT ? &on_alt : &off_alt, 1);
	for (int i = 0; i < 2000; i++) {
		CHECK(sigaltstack(&again, NULL) == 0);
		CHECK(sigaltstack(&none, NULL) == 0);
	}
}

static void way_disarm_timer(void)
{
	struct itimerval soon = { { 0, 0 }, { 0, 300 } };
	stack_t ss = { .ss_size = ALT, .ss_flags = (int)SS_AUTODISARM };
	sigset_t set = one(SIGALRM);
	pthread_t t;

	alt = malloc(ALT);
	ss.ss_sp = alt;
	handle(SIGALRM, on_stack_again, SA_ONSTACK | SA_RESTART);
	CHECK(sigaltstack(&ss, NULL) == 0);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = start(compute, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
		while (atomic_load(&on_alt) + atomic_load(&off_alt) == i)
			;
	}
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	printf("on %d off %d\n", atomic_load(&on_alt), atomic_load(&off_alt));
}

/* ---- handlers for once; a raise inside a handler ---- */

static void again_inside(int sig)
{
	struct sigaction now;
	sigset_t pending;

	CHECK(sigaction(sig, NULL, &now) == 0);
	printf("inside: default %d\n", now.sa_handler == SIG_DFL);
	if (atomic_fetch_add(&handled, 1) == 0) {
		handle(sig, again_inside, (int)SA_RESETHAND);
		raise(sig);
		CHECK(sigpending(&pending) == 0);
		printf("raised inside: pending %d handled %d\n", sigismember(&pending, sig),
		       atomic_load(&handled));
	}
}

static void *once(void *arg)
{
	pid_t pid;
	int status;

	atomic_store(&handled, 0);
	handle(SIGUSR1, again_inside, (int)SA_RESETHAND);
	raise(SIGUSR1);
	printf("handled %d\n", atomic_load(&handled));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		raise(SIGUSR1);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("then: %x\n", status);
	return arg;
}

static void way_once(void)
{
	pthread_t t = start(doze, NULL);

	once(NULL);
	in_thread(once);
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

/* ---- SIGSTOP and SIGCONT under load ---- */

static int ends[2];

static void tell(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
	(void)!write(ends[1], "c", 1);
}

static void way_stop(void)
{
	pthread_t t[CROWD];
	int status;
	pid_t pid;
	char c;

	CHECK(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		handle(SIGCONT, tell, SA_RESTART);
		for (int i = 0; i < CROWD; i++)
			t[i] = start(i % 2 ? compute : doze, NULL);
		CHECK(write(ends[1], "r", 1) == 1);
		wait_handled(ROUNDS);
		atomic_store(&stop, 1);
		for (int i = 0; i < CROWD; i++)
			pthread_join(t[i], NULL);
		_exit(7);
	}
	CHECK(read(ends[0], &c, 1) == 1);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(kill(pid, i % 2 ? SIGSTOP : SIGTSTP) == 0);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
		CHECK(kill(pid, SIGCONT) == 0);
		/* The last one it may tell of only after it has ended. */
		CHECK(read(ends[0], &c, 1) == 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("end: %x\n", status);
}

/* ---- what stops and what continues take each other back ---- */

static const int opposites[] = { SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU };

static sigset_t all_opposites(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < 4; i++)
		sigaddset(&set, opposites[i]);
	return set;
}

static void print_pending(const char *what)
{
	static const char *names[] = { "CONT", "TSTP", "TTIN", "TTOU" };
	sigset_t set;

	CHECK(sigpending(&set) == 0);
	printf("%s:", what);
	for (int i = 0; i < 4; i++)
		if (sigismember(&set, opposites[i]))
			printf(" %s", names[i]);
	printf("\n");
}

/* Nothing in this process sees it sent. Comes back when it is pending, and has been for a
   while: the library takes what no thread lets in from the kernel, and for an instant it
   is neither there nor here. */
static void sent_by_child(int sig)
{
	pid_t parent = getpid(), pid;
	int seen = 0;
	sigset_t set;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		kill(parent, sig);
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	while (seen < 20) {
		CHECK(sigpending(&set) == 0);
		seen = sigismember(&set, sig) ? seen + 1 : 0;
		usleep(1000);
	}
}

static void *block_them(void *arg)
{
	sigset_t set = all_opposites(), pending;

	CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	pthread_kill(pthread_self(), SIGTSTP);
	pthread_kill(pthread_self(), SIGTTIN);
	print_pending("own");
	kill(getpid(), SIGCONT);
	/* Until the main thread, which may sleep, has taken it. */
	while (sigpending(&pending) == 0 && sigismember(&pending, SIGCONT))
		sched_yield();
	print_pending("continued");
	pthread_kill(pthread_self(), SIGTSTP);
	pthread_kill(pthread_self(), SIGCONT);
	print_pending("continued for itself");
	pthread_kill(pthread_self(), SIGTTIN);
	print_pending("and back");
	return arg;
}

static void way_opposites(void)
{
	sigset_t set = all_opposites(), old;

	in_thread(block_them); /* the main thread lets them in */
	CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
	kill(getpid(), SIGTSTP);
	sent_by_child(SIGTTIN);
	print_pending("process");
	pthread_kill(pthread_self(), SIGCONT);
	print_pending("thread continued");
	sent_by_child(SIGTTOU);
	print_pending("process stopped");
	sent_by_child(SIGCONT);
	print_pending("process continued");
	pthread_kill(pthread_self(), SIGTTIN);
	sent_by_child(SIGCONT);
	/* Would stop here, for ever. */
	CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	print_pending("end");
}

/* ---- all threads but one block it ---- */

static atomic_int handler_tid;

static void note_tid(int sig)
{
	(void)sig;
	atomic_store(&handler_tid, gettid());
	sem_post(&sem);
}

static void *open_one(void *arg)
{
	sigset_t set = one(SIGUSR2);

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	atomic_store(&target, gettid());
	sem_post(&sem);
	return arg ? doze(NULL) : compute(NULL);
}

static void way_only_one(void)
{
	sigset_t set = one(SIGUSR2);
	pthread_t crowd[CROWD], t;
	int right = 0;

	handle(SIGUSR2, note_tid, SA_RESTART);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int round = 0; round < 2; round++) {
		atomic_store(&stop, 0);
		for (int i = 0; i < CROWD; i++)
			crowd[i] = start(i % 2 ? compute : doze, NULL);
		t = start(open_one, round ? &sem : NULL);
		while (sem_wait(&sem) < 0)
			;
		for (int i = 0; i < ROUNDS; i++) {
			CHECK(kill(getpid(), SIGUSR2) == 0);
			while (sem_wait(&sem) < 0)
				;
			right += atomic_load(&handler_tid) == atomic_load(&target);
		}
		atomic_store(&stop, 1);
		pthread_join(t, NULL);
		for (int i = 0; i < CROWD; i++)
			pthread_join(crowd[i], NULL);
	}
	printf("right: %d of %d\n", right, 2 * ROUNDS);
}

/* ---- sigsuspend: block, look, suspend ---- */

static volatile sig_atomic_t flag;
static pthread_t sleeper;
static atomic_int round_done, in_round;

static void set_flag(int sig)
{
	(void)sig;
	flag = 1;
}

static void *send_flags(void *arg)
{
	for (int i = 1; i <= 2000; i++) {
		while (atomic_load(&in_round) < i)
			sched_yield();
		if (i % 2)
			pthread_kill(sleeper, SIGUSR1);
		else
			kill(getpid(), SIGUSR1);
		while (atomic_load(&round_done) < i)
			sched_yield();
	}
	return arg;
}

static void wait_within(int sig)
{
	int before = atomic_load(&handled);

	(void)sig;
	while (atomic_load(&handled) == before)
		;
}

static void *doze_once(void *arg)
{
	usleep(1000);
	return arg;
}

static void *raise_often(void *arg)
{
	for (int i = 0; i < 100 * ROUNDS; i++)
		raise(SIGUSR1);
	return arg;
}

/* A handler that computes until another one has run above it. */
static void way_within(void)
{
	struct itimerval often = { { 0, 30 }, { 0, 30 } }, never = { { 0, 0 }, { 0, 0 } };
	sigset_t set = one(SIGALRM);
	pthread_t t;

	handle(SIGALRM, count, SA_RESTART);
	handle(SIGUSR1, wait_within, SA_RESTART);
	t = start(raise_often, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	pthread_join(t, NULL);
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	puts("each was interrupted");
}

static void *open_fifo(void *fifo)
{
	sem_post(&sem);
	open(fifo, O_RDONLY);
	return NULL;
}

/* A request to cancel comes amid signals, to a thread in a call that blocks. */
static void way_cancelled(void)
{
	struct itimerval often = { { 0, 30 }, { 0, 30 } }, never = { { 0, 0 }, { 0, 0 } };
	char fifo[] = "/tmp/goshim-fifo-XXXXXX";
	int cancelled_ones = 0;
	void *result;
	pthread_t t;

	CHECK(mkdtemp(fifo) != NULL && rmdir(fifo) == 0 && mkfifo(fifo, 0600) == 0);
	handle(SIGALRM, count, SA_RESTART);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < 10 * ROUNDS; i++) {
		CHECK(pthread_create(&t, NULL, open_fifo, fifo) == 0);
		while (sem_wait(&sem) < 0)
			;
		for (int k = 0; k < i % 8; k++)
			sched_yield();
		pthread_cancel(t);
		pthread_join(t, &result);
		cancelled_ones += result == PTHREAD_CANCELED;
	}
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	unlink(fifo);
	printf("%d cancelled\n", cancelled_ones);
}

/* Every fourth gives up the processor, and may find itself on another kernel thread. */
static void count_and_doze(int sig)
{
	static int calls;

	count(sig);
	if (calls++ % 4 == 0)
		poll(NULL, 0, 1);
}

/* Children of system inherit the mask of the thread that called it, whatever comes. */
static void children_of_system(void (*handler)(int), int microseconds)
{
	struct itimerval often = { { 0, microseconds }, { 0, microseconds } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	int open_ones = 0;

	handle(SIGALRM, handler, SA_RESTART);
	in_thread(doze_once);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < 5 * ROUNDS; i++)
		open_ones += system("while read name mask; do case $name in SigBlk:) "
				    "exit $((0x$mask != 0));; esac; done </proc/self/status") == 0;
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	printf("%d children may be signalled\n", open_ones);
}

static void way_system(void)
{
	children_of_system(count, 20);
}

static void way_system_moved(void)
{
	children_of_system(count_and_doze, 300);
}

static void way_suspend(void)
{
	sigset_t set = one(SIGUSR1), old;
	pthread_t t;
	int woken = 0;

	handle(SIGUSR1, set_flag, 0);
	sleeper = pthread_self();
	pthread_sigmask(SIG_BLOCK, &set, &old);
	t = start(send_flags, NULL);
	for (int i = 1; i <= 2000; i++) {
		flag = 0;
		atomic_store(&in_round, i);
		while (!flag) {
			CHECK(sigsuspend(&old) == -1 && errno == EINTR);
			woken++;
		}
		atomic_store(&round_done, i);
	}
	pthread_join(t, NULL);
	printf("woken %d\n", woken);
}

/* ---- jumps out of what libc does by itself ---- */

static _Thread_local sigjmp_buf jump;
static int empty[2];

static void jump_out(int sig)
{
	siglongjmp(jump, sig);
}

/* Sets the timer when the round's byte has been read: then the call has libc's lock, and
   its buffer, and waits for more. Jumps out of how it gets them are not allowed. */
static void *set_timer(void *arg)
{
	struct itimerval it = { { 0, 0 }, { 0, 3000 } };
	int left;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK(sem_wait(&sem) == 0);
		do {
			sched_yield();
			CHECK(ioctl(empty[0], FIONREAD, &left) == 0);
		} while (left);
		setitimer(ITIMER_REAL, &it, NULL);
	}
	return arg;
}

static void *jumper(void *arg)
{
	sigset_t set = one(SIGALRM);
	FILE *f = fdopen(dup(empty[0]), "r");
	volatile int out = 0;
	char line[100];
	pthread_t t;

	CHECK(sem_init(&sem, 0, 0) == 0);
	t = start(set_timer, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (volatile int i = 0; i < ROUNDS; i++) {
		if (sigsetjmp(jump, 1) == 0) {
			CHECK(write(empty[1], "x", 1) == 1 && sem_post(&sem) == 0);
			if (i % 2)
				(void)!fgets(line, sizeof(line), f);
			else
				(void)!fread(line, 1, 2, f);
			printf("came back\n");
		} else {
			out++;
			/* libc's lock of f is still ours, as natively: it is recursive. */
		}
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_join(t, NULL);
	printf("out of fgets: %d\n", out);
	return arg;
}

static void way_jump(void)
{
	sigset_t set = one(SIGALRM);
	pthread_t t;

	CHECK(pipe(empty) == 0);
	handle(SIGALRM, jump_out, 0);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = start(doze, NULL);
	in_thread(jumper);
	jumper(NULL);
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

/* ---- the list ---- */

static const struct way ways[] = {
	{ "signalfd", way_signalfd },
	{ "poll", way_poll },
	{ "children", way_children },
	{ "cpu", way_cpu },
	{ "timer_thread", way_timer_thread },
	{ "timer_other", way_timer_other },
	{ "timer_soon", way_timer_soon },
	{ "timer_wait", way_timer_wait },
	{ "timer_blocked", way_timer_blocked },
	{ "owner_other", way_owner_other },
	{ "numbers", way_numbers },
	{ "reserved", way_reserved },
	{ "values", way_values },
	{ "disarm", way_disarm },
	{ "disarm_timer", way_disarm_timer },
	{ "once", way_once },
	{ "stop", way_stop },
	{ "opposites", way_opposites },
	{ "only_one", way_only_one },
	{ "suspend", way_suspend },
	{ "within", way_within },
	{ "cancelled", way_cancelled },
	{ "system", way_system },
	{ "system_moved", way_system_moved },
	{ "jump", way_jump },
};

int main(int argc, char **argv)
{
	sem_init(&sem, 0, 0);
	GO(ways, argv[1]);
	return 0;
}
