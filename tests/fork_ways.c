/* SPDX-License-Identifier: MIT */
/*
 * fork_ways.c - fork and its relatives in a process with threads that compute, wait, read
 * and lock all the while.
 *
 *	fork_ways WAY		(without WAY: the list of ways)
 */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { COMPANY = 8, LOOPS = 40, FORKERS = 4, CHILDREN = 4, PER_CHILD = 3, CLIENTS = 120 };

static atomic_int stop;
static int quiet[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the company ---- */

static void *company_body(void *arg)
{
	uintptr_t kind = (uintptr_t)arg % 4;
	unsigned seed = (unsigned)kind;
	char c;

	while (!atomic_load(&stop)) {
		if (kind == 0) {
			free(malloc(16 + rand_r(&seed) % 4000));
		} else if (kind == 1) {
			if (read(quiet[0], &c, 1) == 0)
				break;
		} else if (kind == 2) {
			pthread_mutex_lock(&lock);
			sched_yield();
			pthread_mutex_unlock(&lock);
		} else {
			usleep(200);
		}
	}
	return NULL;
}

static pthread_t company[COMPANY];

static void company_come(void)
{
	CHECK(pipe(quiet) == 0);
	for (uintptr_t i = 0; i < COMPANY; i++)
		CHECK(pthread_create(&company[i], NULL, company_body, (void *)i) == 0);
}

static void company_go(void)
{
	atomic_store(&stop, 1);
	close(quiet[1]);
	for (int i = 0; i < COMPANY; i++)
		pthread_join(company[i], NULL);
}

static void reap(pid_t pid, const char *who)
{
	int status = -1;
	pid_t got = waitpid(pid, &status, 0);

	printf("%s: %s, status %x\n", who, got == pid ? "reaped" : strerror(errno), status);
}

static void in_a_thread(void *(*body)(void *), void *arg)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, body, arg) == 0);
	pthread_join(t, NULL);
}

/* ---- what a child can do ---- */

static sem_t posted;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t cond_lock = PTHREAD_MUTEX_INITIALIZER;
static int turn;

static void *play(void *arg)
{
	int me = (int)(uintptr_t)arg;

	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&cond_lock);
		while (turn != me)
			pthread_cond_wait(&cond, &cond_lock);
		turn = !me;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&cond_lock);
	}
	sem_post(&posted);
	return NULL;
}

static void *pump(void *arg)
{
	char c;
	long sum = 0;

	while (read(*(int *)arg, &c, 1) == 1)
		sum += c;
	return (void *)sum;
}

/* Threads, locks, pipes, sleeps, polls, in a process that had threads before it was born. */
static int use_everything(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	pthread_t t[3];
	int fds[2], ep;
	void *sum;

	sem_init(&posted, 0, 0);
	turn = 0;
	CHECK(pipe(fds) == 0);
	CHECK(pthread_create(&t[0], NULL, play, (void *)0) == 0);
	CHECK(pthread_create(&t[1], NULL, play, (void *)1) == 0);
	CHECK(pthread_create(&t[2], NULL, pump, &fds[0]) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(write(fds[1], "\1", 1) == 1);
	sem_wait(&posted);
	sem_wait(&posted);
	close(fds[1]);
	pthread_join(t[2], &sum);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	usleep(1000);
	close(fds[0]);
	CHECK(pipe(fds) == 0);
	ep = epoll_create1(0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &ev) == 0);
	CHECK(epoll_wait(ep, &ev, 1, 5) == 0);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(epoll_wait(ep, &ev, 1, -1) == 1);
	close(ep);
	close(fds[0]);
	close(fds[1]);
	return (int)(long)sum;
}

static void *fork_here(void *arg)
{
	pid_t pid;
	const char *who = arg;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		printf("in the child of %s: %d\n", who, use_everything());
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			printf("in the grandchild: %d\n", use_everything());
			exit(5);
		}
		reap(pid, "grandchild");
		exit(4);
	}
	reap(pid, who);
	return NULL;
}

static void way_child(void)
{
	company_come();
	fork_here("main");
	in_a_thread(fork_here, "a thread");
	company_go();
}

/* ---- atfork ---- */

#define HANDLER(name)                         \
	static void name(void)                \
	{                                     \
		printf(" " #name);            \
		pthread_mutex_lock(&lock);    \
		pthread_mutex_unlock(&lock);  \
	}
HANDLER(prepare1)
HANDLER(prepare2)
HANDLER(parent1)
HANDLER(parent2)
HANDLER(child1)
HANDLER(child2)

static void *fork_with_handlers(void *arg)
{
	pid_t pid;

	printf("%s:", (char *)arg);
	fflush(stdout);
	pid = fork();
	if (pid > 0)
		waitpid(pid, NULL, 0);
	printf(" %s\n", pid ? "parent" : "child");
	fflush(stdout);
	if (pid == 0)
		_exit(0);
	return NULL;
}

static void way_atfork(void)
{
	pthread_atfork(prepare1, parent1, child1);
	pthread_atfork(prepare2, parent2, child2);
	fork_with_handlers("alone");
	in_a_thread(fork_with_handlers, "from a thread");
	fork_with_handlers("from main");
}

/* ---- a library that takes its lock round a fork, as handlers are for ---- */

static void take(void)
{
	pthread_mutex_lock(&lock);
}

static void give(void)
{
	pthread_mutex_unlock(&lock);
}

static atomic_int forked, failed;

/* Forks while others fork, print, allocate and hold the lock. */
static void *fork_often(void *arg)
{
	for (int i = 0; i < LOOPS; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			char *p = malloc(100000);

			memset(p, 1, 100000);
			free(p);
			pthread_mutex_lock(&lock);
			pthread_mutex_unlock(&lock);
			if (i % 4 == 0)
				use_everything();
			_exit(i % 256);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != i % 256)
			atomic_fetch_add(&failed, 1);
		atomic_fetch_add(&forked, 1);
	}
	return arg;
}

static void way_often(void)
{
	pthread_t t[FORKERS];

	pthread_atfork(take, give, give);
	company_come();
	for (int i = 0; i < FORKERS; i++)
		CHECK(pthread_create(&t[i], NULL, fork_often, NULL) == 0);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(t[i], NULL);
	company_go();
	printf("%d forks, %d failed\n", atomic_load(&forked), atomic_load(&failed));
}

/* ---- descriptors of both ---- */

static int both[2];
static atomic_int heard;

static void *hear(void *arg)
{
	char c;

	while (recv(both[0], &c, 1, 0) == 1)
		atomic_fetch_add(&heard, 1);
	return arg;
}

/* Somebody waits on a socket when the process forks; the child waits on it as well, and goes,
   and closes it; the one who waited hears everything that comes later. */
static void way_shared(void)
{
	pthread_t t;
	pid_t pid;
	int ready[2];
	char c;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, both) == 0 && pipe(ready) == 0);
	CHECK(pthread_create(&t, NULL, hear, NULL) == 0);
	CHECK(send(both[1], "x", 1, 0) == 1);
	while (atomic_load(&heard) < 1)
		sched_yield();
	for (int i = 0; i < 5; i++) {
		int before = atomic_load(&heard);

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			struct pollfd p = { both[1], POLLIN, 0 };

			in_a_thread(company_body, (void *)1); /* end of file: quiet[0] is 0 */
			CHECK(poll(&p, 1, 1) == 0);
			CHECK(send(both[0], "to the parent", 13, 0) == 13);
			CHECK(recv(both[1], &c, 1, 0) == 1);
			close(both[0]);
			close(both[1]);
			CHECK(write(ready[1], "r", 1) == 1);
			exit(0);
		}
		CHECK(read(ready[0], &c, 1) == 1);
		CHECK(send(both[1], "x", 1, 0) == 1);
		while (atomic_load(&heard) < before + 1)
			sched_yield();
		reap(pid, "child");
	}
	shutdown(both[0], SHUT_RDWR);
	shutdown(both[1], SHUT_RDWR);
	pthread_join(t, NULL);
	printf("heard %d\n", atomic_load(&heard));
}

/* ---- a prefork server ---- */

static int listener;
static struct tally {
	atomic_int served[CHILDREN];
} *tally;
static int my_child;

static void *serve(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char c;

		if (fd < 0)
			break;
		while (read(fd, &c, 1) == 1)
			if (write(fd, &c, 1) != 1)
				break;
		close(fd);
		atomic_fetch_add(&tally->served[my_child], 1);
	}
	return arg;
}

static struct sockaddr_in address;

static void *ask(void *arg)
{
	uintptr_t wrong = 0;

	for (int i = 0; i < CLIENTS / 4; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char c = (char)i;

		CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
		for (int k = 0; k < 5; k++) {
			char back = 0;

			wrong += write(fd, &c, 1) != 1 || read(fd, &back, 1) != 1 || back != c;
		}
		close(fd);
	}
	(void)arg;
	return (void *)wrong;
}

/* Children, with threads of their own, accept on one listener; also when the parent had
   somebody waiting on it before. */
static void prefork(int early)
{
	socklen_t len = sizeof(address);
	pid_t pids[CHILDREN];
	pthread_t t[4], waiter;
	uintptr_t wrong = 0;
	int sum = 0, status, ends = 0;
	struct timeval soon = { .tv_usec = 1000 };

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(listener, 128) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	my_child = 0;
	if (early) {
		setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
		CHECK(pthread_create(&waiter, NULL, serve, NULL) == 0);
		pthread_join(waiter, NULL);
		soon.tv_usec = 0;
		setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	}
	fflush(stdout);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			my_child = i;
			for (int k = 0; k < PER_CHILD - 1; k++)
				CHECK(pthread_create(&waiter, NULL, serve, NULL) == 0);
			serve(NULL);
			exit(1);
		}
	}
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, ask, NULL) == 0);
	for (int i = 0; i < 4; i++) {
		void *w;

		pthread_join(t[i], &w);
		wrong += (uintptr_t)w;
	}
	for (int i = 0; i < CHILDREN; i++) {
		/* The last answer is counted after it has been given. */
		kill(pids[i], SIGTERM);
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		ends += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
		sum += atomic_load(&tally->served[i]) > 0;
	}
	close(listener);
	printf("prefork%s: %d wrong, served by %s, %d ended by SIGTERM\n", early ? ", late" : "",
	       (int)wrong, sum > 0 ? "some" : "none", ends);
}

static void way_prefork(void)
{
	prefork(0);
	prefork(1);
}

/* ---- a daemon ---- */

static void *exchange(void *arg)
{
	char c;

	for (int i = 0; i < 100; i++)
		CHECK(read(((int *)arg)[0], &c, 1) == 1 && write(((int *)arg)[3], &c, 1) == 1);
	return NULL;
}

/* After closing every descriptor there is. */
static void daemon_work(const char *name, int round)
{
	int fds[4];
	FILE *f = fopen(name, "a");
	pthread_t t;
	char c = 'd';

	CHECK(f && pipe(fds) == 0 && pipe(fds + 2) == 0);
	CHECK(pthread_create(&t, NULL, exchange, fds) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(write(fds[1], &c, 1) == 1 && read(fds[2], &c, 1) == 1);
	pthread_join(t, NULL);
	fprintf(f, "%d: %d, leader %d\n", round, use_everything(), getsid(0) == getpid());
	fclose(f);
}

static void become_daemon(const char *name, int done, int round)
{
	struct rlimit limit;
	struct stat st;

	if (fork() != 0)
		_exit(0);
	setsid();
	if (fork() != 0)
		_exit(0);
	umask(0);
	CHECK(chdir("/") == 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < (int)(limit.rlim_cur > 4096 ? 4096 : limit.rlim_cur); i++)
		if (i != done)
			close(i);
	if (round == 1)
		closefrom(done + 1);
	if (round == 2)
		close_range((unsigned)done + 1, ~0U, 0);
	CHECK(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
	CHECK(fstat(0, &st) == 0);
	daemon_work(name, round);
	_exit(write(done, "d", 1) == 1 ? 0 : 1);
}

/* In a process that has threads already, in each of the usual ways of closing. */
static void *make_daemon(void *arg)
{
	char name[64], line[128], c;
	int fds[2], status, round = (int)(uintptr_t)arg;
	pid_t pid;
	FILE *f;

	snprintf(name, sizeof(name), "/tmp/fork_ways.%d", getpid());
	unlink(name);
	CHECK(pipe(fds) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (round == 3) {
			if (daemon(0, 0) != 0)
				_exit(9);
			daemon_work(name, round);
			_exit(write(fds[1], "d", 1) == 1 ? 0 : 1);
		}
		become_daemon(name, fds[1], round);
	}
	close(fds[1]);
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("its maker: %x, ", status);
	printf("it has worked: %d\n", read(fds[0], &c, 1) == 1);
	close(fds[0]);
	f = fopen(name, "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		fputs(line, stdout);
	fclose(f);
	unlink(name);
	return NULL;
}

static void way_daemon(void)
{
	company_come();
	for (uintptr_t i = 0; i < 4; i++) {
		make_daemon((void *)i);
		in_a_thread(make_daemon, (void *)i);
	}
	company_go();
}

/* ---- making processes by other means ---- */

static void *spawn_all(void *arg)
{
	char *const argv[] = { "sh", "-c", "exit 7", NULL };
	posix_spawn_file_actions_t actions;
	char line[64] = "";
	int status, fds[2], fd;
	siginfo_t info;
	pid_t pid;
	FILE *f;

	pid = vfork();
	if (pid == 0) {
		execv("/bin/sh", argv);
		_exit(127);
	}
	reap(pid, "vfork and exec");
	pid = vfork();
	if (pid == 0) {
		execv("/nonexistent", argv);
		_exit(126);
	}
	reap(pid, "vfork, no exec");
	CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
	reap(pid, "posix_spawn");
	CHECK(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ) == 0);
	reap(pid, "posix_spawnp");
	printf("posix_spawn, nothing there: %s\n",
	       strerror(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ)));
	CHECK(pipe(fds) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	CHECK(posix_spawnp(&pid, "sh", &actions, NULL,
			   (char *const[]){ "sh", "-c", "echo spawned", NULL }, environ) == 0);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), f))
		printf("posix_spawn into a pipe: %s", line);
	fclose(f);
	reap(pid, "posix_spawn with actions");
	posix_spawn_file_actions_destroy(&actions);
	printf("system: %x %x\n", system("exit 3"), system("kill -9 $$"));
	f = popen("cat; exit 6", "w");
	fputs("", f);
	printf("popen to: %x\n", pclose(f));
	f = popen("sleep 0.01; echo popped; exit 5", "r");
	while (fgets(line, sizeof(line), f))
		printf("popen from: %s", line);
	printf("pclose: %x\n", pclose(f));
	fflush(stdout);
	pid = forkpty(&fd, NULL, NULL, NULL);
	if (pid == 0) {
		printf("tty %d, everything %d\n", isatty(0), use_everything());
		exit(8);
	}
	f = fdopen(fd, "r");
	while (fgets(line, sizeof(line), f))
		printf("forkpty: %s", line);
	fclose(f);
	reap(pid, "forkpty");
	pid = fork();
	if (pid == 0)
		exit(9);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	printf("waitid, left there: %d %d\n", info.si_code, info.si_status);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0);
	printf("waitid: %d %d\n", info.si_code, info.si_status);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	printf("stopped: %x", status);
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid);
	printf(", continued: %x", status);
	printf(", still there: %d", waitpid(pid, &status, WNOHANG));
	kill(pid, SIGTERM);
	CHECK(wait4(pid, &status, 0, &(struct rusage){ 0 }) == pid);
	printf(", ended: %x\n", status);
	CHECK(wait(&status) == -1);
	printf("no children: %s\n", strerror(errno));
	return arg;
}

static void way_spawn(void)
{
	company_come();
	spawn_all(NULL);
	in_a_thread(spawn_all, NULL);
	company_go();
}

/* ---- clone and raw system calls ---- */

static int cloned(void *arg)
{
	if (*(int *)arg == 1) { /* its own memory */
		printf("cloned: %d\n", use_everything());
		fflush(stdout);
	}
	if (write(((int *)arg)[1], "c", 1) != 1)
		return 1;
	*(int *)arg += 10;
	return *(int *)arg;
}

static void *clone_here(void *arg)
{
	static char stack[256 * 1024] __attribute__((aligned(16)));
	int fds[2], told[2];
	pid_t pid;
	char c;

	CHECK(pipe(fds) == 0);
	told[0] = 1;
	told[1] = fds[1];
	fflush(stdout);
	pid = clone(cloned, stack + sizeof(stack), SIGCHLD, told);
	CHECK(read(fds[0], &c, 1) == 1);
	reap(pid, "clone");
	printf("here: %d\n", told[0]);
	told[0] = 2;
	pid = clone(cloned, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, told);
	reap(pid, "clone, as vfork");
	CHECK(read(fds[0], &c, 1) == 1);
	printf("here: %d\n", told[0]);
	fflush(stdout);
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		printf("raw fork: %d\n", use_everything());
		exit(3);
	}
	reap(pid, "raw fork");
	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		printf("raw clone: %d\n", use_everything());
		exit(4);
	}
	reap(pid, "raw clone");
	close(fds[0]);
	close(fds[1]);
	return arg;
}

static void way_clone(void)
{
	company_come();
	clone_here(NULL);
	in_a_thread(clone_here, NULL);
	company_go();
}

/* ---- stopped and continued ---- */

static atomic_int ticks, continued;

static void *tick(void *arg)
{
	while (!atomic_load(&stop)) {
		atomic_fetch_add(&ticks, 1);
		usleep(100);
	}
	return arg;
}

static void on_cont(int sig)
{
	(void)sig;
	atomic_fetch_add(&continued, 1);
}

/* The child has threads, is stopped in each way, and goes on each time. */
static void way_stop(void)
{
	const int how[] = { SIGTSTP, SIGSTOP, SIGTTIN, SIGTTOU };
	int status, go[2], back[2];
	pid_t pid;
	char c;

	CHECK(pipe(go) == 0 && pipe(back) == 0);
	pid = fork();
	if (pid == 0) {
		pthread_t t;

		close(go[1]);
		setpgid(0, 0); /* not an orphaned group, where SIGTSTP would do nothing */
		signal(SIGCONT, on_cont);
		CHECK(pthread_create(&t, NULL, tick, NULL) == 0);
		for (;;) {
			int seen = atomic_load(&ticks), before;

			while (atomic_load(&ticks) < seen + 3)
				sched_yield();
			before = atomic_load(&continued);
			CHECK(write(back[1], "r", 1) == 1);
			if (read(go[0], &c, 1) != 1)
				break;
			while (atomic_load(&continued) <= before)
				sched_yield();
		}
		printf("child: continued %d times\n", atomic_load(&continued));
		exit(0);
	}
	close(go[0]);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		CHECK(read(back[0], &c, 1) == 1);
		kill(pid, how[i]);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid);
		printf("%s: %x\n", strsignal(how[i]), status);
		kill(pid, SIGCONT);
		CHECK(waitpid(pid, &status, WCONTINUED) == pid);
		printf("continued: %x\n", status);
		CHECK(write(go[1], "g", 1) == 1);
	}
	CHECK(read(back[0], &c, 1) == 1);
	fflush(stdout);
	close(go[1]);
	reap(pid, "child");
}

/* ---- the list ---- */

static const struct way ways[] = {
	{ "child", way_child },   { "atfork", way_atfork },   { "often", way_often },
	{ "shared", way_shared }, { "prefork", way_prefork }, { "daemon", way_daemon },
	{ "spawn", way_spawn },   { "clone", way_clone },     { "stop", way_stop },
};

int main(int argc, char **argv)
{
	GO(ways, argv[1]);
	return 0;
}
