/* SPDX-License-Identifier: MIT */
/*
 * exit_paths.c - the ways a process with threads ends. The output, what runs on
 * the way out and the exit status are the same with and without green threads.
 *
 *	exit_paths WAY		(without WAY: the list of ways)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUSY = 6 };

static sem_t never, started;

static void at_exit(void)
{
	printf("atexit\n");
}

static void at_quick_exit_one(void)
{
	printf("at_quick_exit\n");
	fflush(stdout);
}

__attribute__((destructor)) static void at_unload(void)
{
	printf("destructor\n");
}

/* The company: threads that compute, sleep, wait and block in read while the process ends. */
static void *busy(void *arg)
{
	uintptr_t kind = (uintptr_t)arg % 5;
	static int fds[2];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char c;

	if (kind == 3 && pipe(fds) < 0)
		abort();
	sem_post(&started);
	for (volatile unsigned long i = 0;; i++) {
		switch (kind) {
		case 0:
			sched_yield();
			break;
		case 1:
			sem_wait(&never);
			break;
		case 2:
			usleep(100);
			break;
		case 3:
			if (read(fds[0], &c, 1) < 0)
				break;
			break;
		case 4:
			pthread_mutex_lock(&lock);
			sched_yield();
			pthread_mutex_unlock(&lock);
			break;
		}
	}
	return NULL;
}

static void start(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, arg) != 0)
		abort();
	pthread_detach(thread);
}

static void company(void)
{
	for (uintptr_t i = 0; i < BUSY; i++)
		start(busy, (void *)i);
	for (int i = 0; i < BUSY; i++)
		while (sem_wait(&started) != 0)
			;
}

static void block_for_ever(void)
{
	for (;;)
		sem_wait(&never);
}

static void *exit_5(void *arg)
{
	printf("a thread calls exit\n");
	exit(5);
}

static void *_exit_6(void *arg)
{
	printf("a thread calls _exit\n");
	fflush(stdout);
	_exit(6);
}

static void *abort_now(void *arg)
{
	printf("a thread aborts\n");
	fflush(stdout);
	abort();
}

static void *segv_now(void *arg)
{
	printf("a thread writes to address 16\n");
	fflush(stdout);
	int *volatile nowhere = (int *)16;

	*nowhere = 1;
	return NULL;
}

static void *kill_now(void *arg)
{
	printf("a thread raises %s\n", strsignal((int)(uintptr_t)arg));
	fflush(stdout);
	raise((int)(uintptr_t)arg);
	block_for_ever();
	return NULL;
}

static void *exec_now(void *arg)
{
	printf("a thread execs\n");
	fflush(stdout);
	execl("/bin/sh", "sh", "-c", "echo in the shell; exit 9", (char *)NULL);
	return NULL;
}

static void *last_words(void *arg)
{
	pthread_join(*(pthread_t *)arg, NULL);
	printf("the last thread ends\n");
	return NULL;
}

static void *exit_slowly(void *arg)
{
	exit((int)(uintptr_t)arg);
}

static void slow_handler(void)
{
	usleep(20000); /* other threads run, and call exit too, meanwhile */
	printf("slow atexit\n");
}

static void on_alarm(int sig)
{
	static const char text[] = "handler exits\n";

	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(99);
	_exit(12);
}

static void *fork_and_exit(void *arg)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		printf("the child returns from its only thread\n");
		fflush(stdout);
		exit(13);
	}
	waitpid(pid, &status, 0);
	printf("the child's status: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	exit(14);
}

static void way_return(void) { company(); printf("main returns\n"); }
static void way_exit(void) { company(); printf("main exits\n"); exit(4); }
static void way_exit_thread(void) { company(); start(exit_5, NULL); block_for_ever(); }
static void way_exit_thread_alone(void) { start(exit_5, NULL); block_for_ever(); }
static void way_exit_underscore(void) { company(); fflush(stdout); _exit(7); }
static void way_exit_underscore_thread(void) { company(); start(_exit_6, NULL); block_for_ever(); }
static void way_quick_exit(void) { company(); fflush(stdout); quick_exit(8); }
static void way_pthread_exit_alone(void) { printf("main's only thread ends\n"); pthread_exit((void *)3); }
static void way_pthread_exit_then_exit(void) { company(); start(exit_5, NULL); pthread_exit(NULL); }
static void way_abort(void) { company(); abort_now(NULL); }
static void way_abort_thread(void) { company(); start(abort_now, NULL); block_for_ever(); }
static void way_segv_thread(void) { company(); start(segv_now, NULL); block_for_ever(); }
static void way_term(void) { company(); kill_now((void *)SIGTERM); }
static void way_term_thread(void) { company(); start(kill_now, (void *)SIGTERM); block_for_ever(); }
static void way_kill(void) { company(); fflush(stdout); kill(getpid(), SIGKILL); block_for_ever(); }
static void way_exec(void) { company(); exec_now(NULL); }
static void way_exec_thread(void) { company(); start(exec_now, NULL); block_for_ever(); }

static void way_exit_syscall(void)
{
	company();
	printf("exit_group\n");
	fflush(stdout);
	syscall(SYS_exit_group, 15);
}

static void way_handler(void)
{
	company();
	signal(SIGALRM, on_alarm);
	fflush(stdout);
	ualarm(5000, 0);
	block_for_ever();
}

static void way_slow_atexit(void)
{
	company();
	atexit(slow_handler);
	exit(10);
}

static void way_fork(void)
{
	company();
	start(fork_and_exit, NULL);
	block_for_ever();
}

static void *cancel_all(void *arg)
{
	pthread_cancel(*(pthread_t *)arg);
	pthread_join(*(pthread_t *)arg, NULL);
	printf("main was cancelled\n");
	return NULL;
}

static pthread_mutex_t left_locked;

static void *inherit(void *arg)
{
	int err = pthread_mutex_lock(&left_locked);

	printf("the next owner is told: %s\n", err ? strerror(err) : "nothing");
	return arg;
}

/* Main ends with a robust mutex for which another waits with priority inheritance. */
static void way_pthread_exit_owner(void)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&left_locked, &a);
	pthread_mutex_lock(&left_locked);
	start(inherit, NULL);
	/* FUTEX_WAITERS */
	while (!(__atomic_load_n(&left_locked.__data.__lock, __ATOMIC_RELAXED) & 0x80000000))
		sched_yield();
	pthread_exit(NULL);
}

static void way_pthread_exit(void)
{
	static pthread_t self;

	self = pthread_self();
	start(last_words, &self);
	printf("main's thread ends\n");
	pthread_exit(NULL);
}

static void way_cancel_main(void)
{
	static pthread_t self;

	self = pthread_self();
	start(cancel_all, &self);
	block_for_ever();
}

static void *return_big(void *arg)
{
	return (void *)0x1ff;
}

static void way_status(void)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, return_big, NULL);
	pthread_join(thread, &result);
	exit((int)(uintptr_t)result); /* truncated to 255 by the kernel */
}

static void way_exit_many(void)
{
	/* Which handlers run before the first of them is through is anybody's guess. */
	close(1);
	for (int i = 0; i < 20; i++)
		start(exit_slowly, (void *)(uintptr_t)11);
	block_for_ever();
}

static void at_exit_two(void)
{
	printf("atexit, from a thread\n");
}

static void *registers(void *arg)
{
	atexit(at_exit_two);
	return NULL;
}

static void way_atexit_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, registers, NULL);
	pthread_join(thread, NULL);
	exit(3);
}

/* One thread has given up its privileges: a change for all fails half way. */
static void aborted(int sig)
{
	_exit(9);
}

static void *gives_up_ids(void *arg)
{
	if (syscall(SYS_setresuid, 2001, 2001, 2001) != 0)
		printf("no privileges to give up\n");
	fflush(stdout);
	sem_post(&started);
	sem_wait(&never);
	return NULL;
}

static void way_torn_ids(void)
{
	signal(SIGABRT, aborted);
	start(gives_up_ids, NULL);
	while (sem_wait(&started) != 0)
		;
	printf("%d\n", setresuid(1001, 1002, 1003));
	exit(0);
}

static const struct {
	const char *name;
	void (*go)(void);
} ways[] = {
	{ "return", way_return },
	{ "exit", way_exit },
	{ "exit-thread", way_exit_thread },
	{ "exit-thread-alone", way_exit_thread_alone },
	{ "_exit", way_exit_underscore },
	{ "_exit-thread", way_exit_underscore_thread },
	{ "exit_group", way_exit_syscall },
	{ "quick_exit", way_quick_exit },
	{ "pthread_exit", way_pthread_exit },
	{ "pthread_exit-alone", way_pthread_exit_alone },
	{ "pthread_exit-owner", way_pthread_exit_owner },
	{ "pthread_exit-then-exit", way_pthread_exit_then_exit },
	{ "cancel-main", way_cancel_main },
	{ "abort", way_abort },
	{ "abort-thread", way_abort_thread },
	{ "segv-thread", way_segv_thread },
	{ "term", way_term },
	{ "term-thread", way_term_thread },
	{ "kill", way_kill },
	{ "handler", way_handler },
	{ "exec", way_exec },
	{ "exec-thread", way_exec_thread },
	{ "slow-atexit", way_slow_atexit },
	{ "exit-many", way_exit_many },
	{ "fork", way_fork },
	{ "status", way_status },
	{ "atexit-thread", way_atexit_thread },
	{ "torn-ids", way_torn_ids },
};

int main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };

	if (argc < 2) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			printf("%s\n", ways[i].name);
		fflush(stdout);
		_exit(0);
	}
	setrlimit(RLIMIT_CORE, &no_core);
	atexit(at_exit);
	at_quick_exit(at_quick_exit_one);
	sem_init(&never, 0, 0);
	sem_init(&started, 0, 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0) {
			ways[i].go();
			return 3;
		}
	fprintf(stderr, "exit_paths: no way called %s\n", argv[1]);
	return 2;
}
