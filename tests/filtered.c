/* SPDX-License-Identifier: MIT */
/*
 * filtered.c - a program with threads puts a system call filter on that knows the calls it
 * makes itself, and goes on computing, waiting, reading and making threads.
 *
 *	filtered trap     all threads; other calls are trapped, and answered by a handler
 *	filtered kill     all threads; other calls end the process
 *	filtered one      the same, but on one thread, and those it makes
 */
#define _GNU_SOURCE
#include "check.h"
#include "stage.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { WORKERS = 4, ANSWER = 4242, MOST = 128 };

/* What the program and libc call, and what any green threads need. */
static const unsigned known[] = {
	SYS_read, SYS_write, SYS_close, SYS_fcntl, SYS_poll, SYS_fstat, SYS_newfstatat,
	SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex, SYS_clone,
	SYS_clone3, SYS_exit, SYS_exit_group, SYS_set_robust_list, SYS_rseq, SYS_gettid,
	SYS_getpid, SYS_tgkill, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_sigaltstack, SYS_clock_nanosleep, SYS_sched_yield, SYS_recvmsg, SYS_sendmsg,
	SYS_epoll_ctl, SYS_epoll_wait, SYS_sched_getaffinity, SYS_getpriority, SYS_prctl,
	SYS_restart_syscall,
};

static int early[2], late[2], local[2];
static volatile sig_atomic_t traps;

static void trapped(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	traps++;
	uc->uc_mcontext.gregs[REG_RAX] = info->si_syscall == SYS_openat ? ANSWER : -ENOSYS;
}

/* Of setpriority only what a thread asks for itself. */
static void confine(unsigned else_what, int everywhere)
{
	const unsigned n = sizeof(known) / sizeof(known[0]);
	struct sock_filter code[MOST], *at = code;
	struct sock_fprog prog = { .filter = code };

	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < n; i++) {
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known[i], 0, 1);
		*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setpriority, 0, 3);
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, args[1]));
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, else_what);
	prog.len = (unsigned short)(at - code);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	errno = 0;
	/* One the kernel refuses: it bars nothing. */
	CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 30, &prog) == -1);
	if (everywhere)
		CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			      &prog) == 0);
	else
		CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

/* Computes for longer than any look at it takes to come. */
static void *compute(void *arg)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < 150);
	return arg;
}

static int got(int fd)
{
	char c = 0;

	CHECK(read(fd, &c, 1) == 1);
	return c;
}

/* Waits in read when the filter goes on. */
static void *wait_early(void *arg)
{
	int c;

	to_stage(1);
	c = got(early[0]);
	return (void *)(long)c;
}

/* Waits on what nobody has used before, while others compute. */
static void *wait_late(void *arg)
{
	int c = got(late[0]);
	struct iovec iov = { &(char){ 0 }, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	CHECK(recvmsg(local[0], &m, 0) == 1);
	return (void *)(long)(c + *(char *)iov.iov_base);
}

static void *nicer(void *arg)
{
	cpu_set_t set;
	int before = getpriority(PRIO_PROCESS, 0), after;

	CHECK(setpriority(PRIO_PROCESS, 0, before + 3) == 0);
	after = getpriority(PRIO_PROCESS, 0);
	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0);
	return (void *)(long)(after - before);
}

static long joined(pthread_t t)
{
	void *result;

	CHECK(pthread_join(t, &result) == 0);
	return (long)result;
}

static void work(void)
{
	struct iovec iov = { &(char){ 9 }, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	pthread_t workers[WORKERS], reader, nice;
	long sum = 0;

	CHECK(pthread_create(&reader, NULL, wait_late, NULL) == 0);
	for (long i = 0; i < WORKERS; i++)
		CHECK(pthread_create(&workers[i], NULL, compute, (void *)i) == 0);
	usleep(20000);
	CHECK(write(early[1], &(char){ 7 }, 1) == 1);
	CHECK(write(late[1], &(char){ 8 }, 1) == 1);
	CHECK(sendmsg(local[1], &m, 0) == 1);
	CHECK(pthread_create(&nice, NULL, nicer, NULL) == 0);
	for (int i = 0; i < WORKERS; i++)
		sum += joined(workers[i]);
	printf("computed %ld, nicer by %ld, late %ld\n", sum, joined(nice), joined(reader));
}

static void *confined(void *arg)
{
	confine(SECCOMP_RET_KILL_PROCESS, 0);
	work();
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t t, other;

	CHECK(pipe(early) == 0 && pipe(late) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, local) == 0);
	CHECK(sigaction(SIGSYS, &sa, NULL) == 0);
	CHECK(pthread_create(&t, NULL, wait_early, NULL) == 0);
	await_stage(1);
	usleep(10000);
	if (strcmp(how, "one") == 0) {
		CHECK(pthread_create(&other, NULL, confined, NULL) == 0);
		joined(other);
	} else {
		confine(strcmp(how, "trap") == 0 ? SECCOMP_RET_TRAP : SECCOMP_RET_KILL_PROCESS, 1);
		work();
	}
	printf("early %ld\n", joined(t));
	if (strcmp(how, "trap") == 0)
		printf("open: %d\n", open("/dev/null", O_RDONLY));
	printf("traps: %d\n", (int)traps);
	return 0;
}
