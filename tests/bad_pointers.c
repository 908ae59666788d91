/* SPDX-License-Identifier: MIT */
/*
 * bad_pointers.c - arguments that cannot be read or written are answered with EFAULT where
 * the kernel would, and do no harm to calls that follow: the library looks at many
 * arguments itself, some of them under its locks.
 */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

static sigjmp_buf back;

static void fault(int sig)
{
	siglongjmp(back, sig);
}

static const char *kind;

#define TRY(call)                                                                        \
	do {                                                                             \
		long r_;                                                                 \
											 \
		errno = 0;                                                               \
		if (sigsetjmp(back, 1) == 0) {                                           \
			r_ = (long)(call);                                               \
			printf("%s: %s: %ld %s\n", kind, #call, r_ < 0 ? -1 : r_,        \
			       strerrorname_np(errno) ? strerrorname_np(errno) : "0");   \
		} else {                                                                 \
			printf("%s: %s: faults\n", kind, #call);                         \
		}                                                                        \
	} while (0)

static int queue, pair[2], hole[2], file, watch, counters;
static struct timespec soon = { 0, 1000000 };
static int word;
static int *constant; /* to be read only */

static void fill(void)
{
	char b[64];

	while (recv(pair[0], b, sizeof(b), MSG_DONTWAIT) > 0)
		;
	CHECK(write(pair[1], "hello", 5) == 5);
}

static void bytes(void *bad)
{
	struct iovec good = { &word, 1 };
	struct msghdr no_vector = { .msg_iov = bad, .msg_iovlen = 1 };
	struct msghdr no_name = { .msg_iov = &good, .msg_iovlen = 1, .msg_name = bad,
				  .msg_namelen = 16 };
	struct mmsghdr one = { .msg_hdr = { .msg_iov = &good, .msg_iovlen = 1 } };
	socklen_t len = 16;

	fill();
	TRY(read(pair[0], bad, 5));
	TRY(readv(pair[0], bad, 1));
	TRY(recv(pair[0], bad, 5, 0));
	TRY(recvmsg(pair[0], bad, 0));
	TRY(recvmsg(pair[0], &no_vector, 0));
	TRY(recvmmsg(pair[0], bad, 1, 0, NULL));
	TRY(recvmmsg(pair[0], &one, 1, 0, bad));
	TRY(write(pair[1], bad, 5));
	TRY(writev(pair[1], bad, 1));
	TRY(send(pair[1], bad, 5, 0));
	TRY(sendmsg(pair[1], bad, 0));
	TRY(sendmsg(pair[1], &no_vector, 0));
	TRY(sendmsg(pair[1], &no_name, 0));
	TRY(sendmmsg(pair[1], bad, 1, 0));
	TRY(getsockopt(pair[0], SOL_SOCKET, SO_ERROR, bad, &len));
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, bad, 16));
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, bad, 8));
	TRY(connect(pair[0], bad, 16));
	TRY(pipe(bad));
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, bad));
	TRY(pread(file, bad, 5, 0));
	TRY(preadv(file, bad, 1, 0));
	TRY(sendfile(pair[1], file, bad, 1));
	TRY(open(bad, O_RDONLY));
	TRY(unlink(bad));
	TRY(rename(bad, "x"));
	TRY(truncate(bad, 0));
	TRY(fcntl(file, F_SETLKW, bad));
	TRY(fcntl(pair[0], F_SETOWN_EX, bad));
	TRY(fcntl(pair[0], F_GETOWN_EX, bad));
	TRY(ioctl(pair[0], FIONBIO, bad));
}

static void waits(void *bad)
{
	struct epoll_event event;

	TRY(poll(bad, 1, 0));
	TRY(poll(bad, 1, -1));
	TRY(ppoll(NULL, 0, &soon, bad));
	TRY(select(5, bad, NULL, NULL, NULL));
	TRY(pselect(0, NULL, NULL, NULL, &soon, bad));
	TRY(epoll_wait(watch, bad, 1, -1));
	TRY(epoll_pwait(watch, &event, 1, 0, bad));
	TRY(epoll_ctl(watch, EPOLL_CTL_MOD, hole[1], bad));
	TRY(nanosleep(bad, NULL));
	TRY(clock_nanosleep(CLOCK_MONOTONIC, 0, bad, NULL));
	TRY(msgsnd(queue, bad, 1, 0));
	TRY(semop(counters, bad, 1));
	TRY(semtimedop(counters, &(struct sembuf){ 0, -1, 0 }, 1, bad));
	TRY(syscall(SYS_futex, bad, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, bad, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE_OP_PRIVATE, 1, 1, bad, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE_OP_PRIVATE, 1, 1, constant, 0));
	TRY(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, bad, NULL));
}

static int child_status(void *bad, int which)
{
	pid_t child = fork();
	int ret, err;

	if (child == 0)
		_exit(0);
	ret = which == 0 ? waitpid(child, bad, 0) :
	      which == 1 ? waitid(P_PID, (id_t)child, bad, WEXITED) :
			   wait4(child, NULL, 0, bad);
	err = errno;
	waitpid(child, NULL, WNOHANG);
	errno = err;
	return ret < 0 ? ret : 0;
}

static void signals(void *bad)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	CHECK(pthread_sigmask(SIG_BLOCK, &one, NULL) == 0);
	CHECK(raise(SIGUSR1) == 0);
	TRY(sigwaitinfo(&one, bad));
	TRY(sigtimedwait(&one, NULL, bad));
	TRY(sigtimedwait(bad, NULL, &soon));
	TRY(sigsuspend(bad));
	TRY(sigpending(bad));
	TRY(sigaltstack(bad, NULL));
	TRY(sigaltstack(NULL, bad));
	TRY(signalfd(-1, bad, 0));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, bad, 8));
	TRY(syscall(SYS_rt_sigaction, SIGUSR2, bad, NULL, 8));
	TRY(syscall(SYS_rt_sigaction, SIGUSR2, NULL, bad, 8));
	TRY(syscall(SYS_rt_sigtimedwait, bad, NULL, &soon, 8));
	TRY(child_status(bad, 0));
	TRY(child_status(bad, 1));
	TRY(child_status(bad, 2));
	TRY(sched_getparam(0, bad));
	TRY(sched_setparam(0, bad));
	TRY(sched_rr_get_interval(0, bad));
	TRY(syscall(SYS_sched_setaffinity, 0, 8, bad));
	TRY(execve(bad, NULL, NULL));
	sigpending(&one);
	printf("%s: pending %d\n", kind, sigismember(&one, SIGUSR1));
}

static void *run(void *hidden)
{
	/* Below all, out of reach, the kernel's, and half in reach. */
	const struct {
		const char *kind;
		char *at;
	} bad[] = {
		{ "low", (char *)8 },
		{ "hidden", hidden },
		{ "kernel's", (char *)0xffff800000000000 },
		{ "at an edge", (char *)hidden - 4 },
	};

	signal(SIGSEGV, fault);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		kind = bad[i].kind;
		/* The last can be read in part: what takes four bytes, or counts them, differs. */
		if (i < 3)
			bytes(bad[i].at);
		if (i < 3)
			waits(bad[i].at);
		signals(bad[i].at);
	}
	return NULL;
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLOUT };
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	alarm(50);
	setvbuf(stdout, NULL, _IOLBF, 0);
	constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mprotect(pages + 4096, 4096, PROT_NONE) == 0);
	CHECK(pipe(hole) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	file = open("/proc/self/exe", O_RDONLY);
	watch = epoll_create1(0);
	queue = msgget(IPC_PRIVATE, 0600);
	counters = semget(IPC_PRIVATE, 1, 0600);
	CHECK(file >= 0 && epoll_ctl(watch, EPOLL_CTL_ADD, hole[1], &event) == 0);
	pthread_create(&t, NULL, run, pages + 4096);
	pthread_join(t, NULL);
	msgctl(queue, IPC_RMID, NULL);
	semctl(counters, 0, IPC_RMID);
	return 0;
}
