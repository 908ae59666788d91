/* SPDX-License-Identifier: MIT */
/*
 * fork_kinds.c - processes made while other threads are in the middle of things: holding the
 * locks of malloc and stdio, making processes themselves; spawn attributes and actions;
 * system and popen beside handlers; daemons; exec that fails, and exec for good.
 *
 *	fork_kinds WAY		(without WAY: the list of ways)
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
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CROWD = 6, FORKS = 20, MANY = 8, EACH = 12 };

extern char **environ;

static atomic_int stop, told;
static FILE *shared_file;

static void *nothing(void *arg)
{
	return arg;
}

static void reap(pid_t pid, const char *what)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	printf("%s: %x\n", what, status);
}

/* ---- while others hold locks of libc ---- */

static void *allocate(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	void *p[16] = { NULL };

	while (!atomic_load(&stop)) {
		n = n * 1103515245 + 12345;
		free(p[n >> 16 & 15]);
		p[n >> 16 & 15] = malloc(n >> 20 ? n >> 20 : 1);
	}
	for (int i = 0; i < 16; i++)
		free(p[i]);
	return NULL;
}

static void *print(void *arg)
{
	while (!atomic_load(&stop)) {
		fprintf(shared_file, "%d %s\n", 12345, "to the shared file");
		flockfile(shared_file);
		sched_yield();
		funlockfile(shared_file);
	}
	return arg;
}

/* In the child: malloc, stdio, and threads that use both. */
static void *use_libc(void *arg)
{
	for (int i = 0; i < 50; i++) {
		char *p = malloc((size_t)i * 1000 + 1);

		CHECK(p);
		snprintf(p, 2, "x");
		free(p);
		CHECK(fprintf(shared_file, "child\n") == 6);
	}
	CHECK(fflush(NULL) == 0);
	return arg;
}

static void *fork_amid(void *arg)
{
	int bad = 0, status;

	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			pthread_t t[3];

			atomic_store(&stop, 0);
			use_libc(NULL);
			for (int n = 0; n < 3; n++)
				t[n] = start(use_libc, NULL);
			for (int n = 0; n < 3; n++)
				pthread_join(t[n], NULL);
			_exit(i);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		bad += status != i << 8;
	}
	printf("%d bad\n", bad);
	return arg;
}

static void way_locks(void)
{
	pthread_t t[CROWD];

	CHECK((shared_file = fopen("/dev/null", "w")) != NULL);
	for (uintptr_t i = 0; i < CROWD; i++)
		t[i] = start(i % 2 ? allocate : print, (void *)i);
	fork_amid(NULL);
	pthread_join(start(fork_amid, NULL), NULL);
	atomic_store(&stop, 1);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
}

/* Makes threads that end at once: of its own size of stack, and of the usual one. */
static void *breed(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	pthread_attr_t attr;
	pthread_t t;

	CHECK(pthread_attr_init(&attr) == 0);
	while (!atomic_load(&stop)) {
		CHECK(pthread_attr_setstacksize(&attr, (17 + n++ % 4) * 4096) == 0);
		if (pthread_create(&t, n % 2 ? &attr : NULL, nothing, NULL) == 0)
			pthread_join(t, NULL);
	}
	pthread_attr_destroy(&attr);
	return NULL;
}

static void way_breed(void)
{
	pthread_t t[CROWD];

	CHECK((shared_file = fopen("/dev/null", "w")) != NULL);
	for (uintptr_t i = 0; i < CROWD; i++)
		t[i] = start(i % 3 == 0 ? breed : i % 3 == 1 ? allocate : print, (void *)i);
	fork_amid(NULL);
	pthread_join(start(fork_amid, NULL), NULL);
	atomic_store(&stop, 1);
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
}

/* ---- many at once ---- */

/* A function of its own: what vfork's child does to its frame concerns nobody else. */
static pid_t vfork_exec(char *const *argv)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/bin/sh", argv);
		_exit(1);
	}
	return pid;
}

static int make_one(int how)
{
	char *argv[] = { "sh", "-c", "exit 7", NULL }, line[20];
	int status = -1;
	pid_t pid;
	FILE *f;

	if (how == 2) {
		f = popen("echo line; exit 7", "r");
		CHECK(f && fgets(line, sizeof(line), f) && strcmp(line, "line\n") == 0);
		return pclose(f);
	}
	if (how == 0)
		pid = vfork_exec(argv);
	else
		CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static void *make_many(void *arg)
{
	uintptr_t bad = 0;

	(void)arg;
	for (int i = 0; i < EACH; i++)
		bad += make_one(i % 3) != 7 << 8;
	return (void *)bad;
}

static void way_many(void)
{
	pthread_t t[MANY];
	uintptr_t bad = 0;

	for (int i = 0; i < MANY; i++)
		t[i] = start(make_many, NULL);
	for (int i = 0; i < MANY; i++) {
		void *ret;

		pthread_join(t[i], &ret);
		bad += (uintptr_t)ret;
	}
	printf("%d processes, %d bad\n", MANY * EACH, (int)bad);
}

/* ---- spawn: attributes and actions ---- */

static void on_usr1(int sig)
{
	(void)sig;
}

static const char script[] =
	"test $(ps -o pgid= -p $$) = $$ && echo own group || echo group of others; "
	"test $(ps -o sid= -p $$) = $$ && echo own session || echo session of others; "
	"grep -E '^(SigBlk|SigIgn)' /proc/self/status; id -u; pwd";

static void spawn_with(const char *what, short flags, uid_t uid)
{
	char *argv[] = { "sh", "-c", (char *)script, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t set;
	pid_t pid;
	int err;

	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_setflags(&attr, flags);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	posix_spawnattr_setsigmask(&attr, &set);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setpgroup(&attr, 0);
	if (uid)
		CHECK(seteuid(uid) == 0);
	posix_spawn_file_actions_addchdir_np(&actions, "/tmp");
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	printf("%s\n", what);
	fflush(stdout);
	err = posix_spawnp(&pid, "sh", &actions, &attr, argv, environ);
	if (uid)
		CHECK(seteuid(0) == 0);
	if (err)
		printf("error %d\n", err);
	else
		reap(pid, "ended");
	fflush(stdout);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
}

static void *spawn_all(void *arg)
{
	sigset_t set;
	struct sigaction act;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	spawn_with("nothing", 0, 0);
	spawn_with("mask", POSIX_SPAWN_SETSIGMASK, 0);
	spawn_with("defaults", POSIX_SPAWN_SETSIGDEF, 0);
	spawn_with("group", POSIX_SPAWN_SETPGROUP, 0);
	spawn_with("session", POSIX_SPAWN_SETSID, 0);
	spawn_with("all", POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID, 0);
	if (geteuid() == 0) {
		spawn_with("effective ids", 0, 33);
		spawn_with("reset ids", POSIX_SPAWN_RESETIDS, 33);
	}
	CHECK(sigaction(SIGHUP, NULL, &act) == 0 && act.sa_handler == SIG_IGN);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	printf("as before: %d\n", sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2));
	return arg;
}

static void way_spawn(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, on_usr1);
	start(nothing, NULL);
	spawn_all(NULL);
	pthread_join(start(spawn_all, NULL), NULL);
}

/* ---- system and popen beside a handler of SIGCHLD ---- */

static void on_child(int sig)
{
	int err = errno;

	(void)sig;
	atomic_fetch_add(&told, 1);
	errno = err;
}

static void *run_commands(void *arg)
{
	for (int i = 0; i < 10; i++) {
		int status = system("exit 3");

		if (status != 3 << 8)
			printf("system: %d %x %s\n", i, status, strerror(errno));
	}
	return arg;
}

static void way_system(void)
{
	struct sigaction act = { .sa_handler = on_child, .sa_flags = SA_RESTART }, now;
	sigset_t mask;
	pthread_t t[3];

	sigaction(SIGCHLD, &act, NULL);
	signal(SIGINT, on_usr1);
	signal(SIGQUIT, SIG_IGN);
	run_commands(NULL);
	printf("alone: told %d times\n", atomic_load(&told));
	for (int i = 0; i < 3; i++)
		t[i] = start(run_commands, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	start(nothing, NULL);
	sigaction(SIGINT, NULL, &now);
	printf("SIGINT: %d\n", now.sa_handler == on_usr1);
	sigaction(SIGQUIT, NULL, &now);
	printf("SIGQUIT: %d\n", now.sa_handler == SIG_IGN);
	sigaction(SIGCHLD, NULL, &now);
	printf("SIGCHLD: %d\n", now.sa_handler == on_child);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	printf("blocked: %d\n", sigismember(&mask, SIGCHLD));
	printf("no command: %d\n", system(NULL));
	printf("killed: %x\n", system("kill -TERM $$"));
	printf("not there: %x\n", system("/nonexistent 2>/dev/null"));
	signal(SIGCHLD, SIG_IGN);
	errno = 0;
	printf("ignored: %d", system("exit 3"));
	printf(" %s\n", strerror(errno));
}

/* ---- a signal for a child that has hardly begun ---- */

static void leave_7(int sig)
{
	(void)sig;
	_exit(7);
}

static void *kill_young(void *arg)
{
	int bad = 0, status;

	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			for (;;)
				pause();
		kill(pid, SIGUSR1);
		CHECK(waitpid(pid, &status, 0) == pid);
		bad += status != 7 << 8;
	}
	printf("%d bad\n", bad);
	return arg;
}

static void way_young(void)
{
	signal(SIGUSR1, leave_7);
	start(nothing, NULL);
	kill_young(NULL);
	pthread_join(start(kill_young, NULL), NULL);
}

/* ---- daemons ---- */

static void *be_daemon(void *arg)
{
	int *out = arg, fd;
	char line[100];
	pthread_t t;

	if (daemon(0, 0) < 0)
		_exit(1);
	for (fd = 3; fd < 1024; fd++)
		if (fd != out[1])
			close(fd);
	t = start(nothing, NULL);
	pthread_join(t, NULL);
	usleep(2000);
	snprintf(line, sizeof(line), "daemon: session %d, alone %d\n", getsid(0) != 0,
		 getpid() == gettid());
	CHECK(write(out[1], line, strlen(line)) > 0);
	_exit(0);
}

static void way_daemon(void)
{
	char line[200];
	int out[2];
	ssize_t n;
	pid_t pid;

	for (int from_thread = 0; from_thread < 2; from_thread++) {
		CHECK(pipe(out) == 0);
		pthread_join(start(nothing, NULL), NULL);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			close(out[0]);
			if (!from_thread)
				be_daemon(out);
			start(be_daemon, out);
			for (;;)
				pause();
		}
		close(out[1]);
		while ((n = read(out[0], line, sizeof(line))) > 0)
			fwrite(line, 1, (size_t)n, stdout);
		close(out[0]);
		reap(pid, "parent of the daemon");
	}
}

/* closefrom in the child; then everything again. */
static void *close_all(void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct epoll_event ev = { .events = EPOLLIN };
		int ends[2], ep;

		closefrom(3);
		CHECK(pipe(ends) == 0);
		printf("lowest: %d %d\n", ends[0], ends[1]);
		pthread_join(start(nothing, NULL), NULL);
		ep = epoll_create1(0);
		CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &ev) == 0);
		CHECK(write(ends[1], "x", 1) == 1);
		printf("ready: %d\n", epoll_wait(ep, &ev, 1, -1));
		usleep(1000);
		exit(3);
	}
	reap(pid, "closed all");
	return arg;
}

static void way_close(void)
{
	int ends[2];

	CHECK(pipe(ends) == 0);
	start(nothing, NULL);
	close_all(NULL);
	pthread_join(start(close_all, NULL), NULL);
}

/* ---- exec ---- */

static char me[4096];

static void *exec_fails(void *arg)
{
	size_t size = 40 << 20;
	char *big = malloc(size), *argv[] = { "x", big, NULL };
	char *small[] = { "x", NULL };

	memset(big, 'a', size - 1);
	big[size - 1] = 0;
	printf("not there: %d", execv("/nonexistent/x", small));
	printf(" %s\n", strerror(errno));
	printf("too big: %d", execv("/bin/true", argv));
	printf(" %s\n", strerror(errno));
	printf("a directory: %d", execv("/tmp", small));
	printf(" %s\n", strerror(errno));
	printf("no program: %d", execve("/etc/passwd", small, environ));
	printf(" %s\n", strerror(errno));
	printf("not in the path: %d", execlp("no-such-program", "x", (char *)NULL));
	printf(" %s\n", strerror(errno));
	free(big);
	CHECK(usleep(1000) == 0);
	return arg;
}

static void way_exec_fails(void)
{
	pthread_t t = start(nothing, NULL);

	exec_fails(NULL);
	pthread_join(start(exec_fails, NULL), NULL);
	pthread_join(t, NULL);
}

static void *burn(void *arg)
{
	for (volatile unsigned long n = 0;; n++)
		;
	return arg;
}

static void *wait_forever(void *arg)
{
	poll(NULL, 0, -1);
	return arg;
}

static pthread_barrier_t all_made;

static void *exec_now(void *arg)
{
	char before[20];

	/* Who makes a thread while another thread execs is told EAGAIN, before he is ended. */
	pthread_barrier_wait(&all_made);
	snprintf(before, sizeof(before), "%d", (int)getpid());
	fflush(stdout);
	execl(me, me, "successor", before, (char *)NULL);
	return arg;
}

/* In a thread that is not main, while others compute and wait; and in two at once. */
static void exec_from(int n)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		start(burn, NULL);
		start(wait_forever, NULL);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		pthread_barrier_init(&all_made, NULL, (unsigned)n + 1);
		for (int i = 0; i < n; i++)
			start(exec_now, NULL);
		pthread_barrier_wait(&all_made);
		wait_forever(NULL);
	}
	reap(pid, "exec");
}

static void way_exec(void)
{
	for (int i = 0; i < 10; i++)
		exec_from(1 + i % 2);
}

static int successor(const char *before)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	printf("successor: same process %d, thread %d, blocked %d\n", getpid() == atoi(before),
	       gettid() == getpid(), sigismember(&set, SIGUSR2));
	pthread_join(start(nothing, NULL), NULL);
	return 6;
}

/* ---- the list ---- */

static const struct way ways[] = {
	{ "locks", way_locks },   { "breed", way_breed },   { "many", way_many },   { "spawn", way_spawn },
	{ "young", way_young },   { "system", way_system }, { "daemon", way_daemon }, { "close", way_close },
	{ "exec_fails", way_exec_fails }, { "exec", way_exec },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2)
		return successor(argv[2]);
	CHECK(readlink("/proc/self/exe", me, sizeof(me) - 1) > 0);
	GO(ways, argv[1]);
	return 0;
}
