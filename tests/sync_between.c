/* SPDX-License-Identifier: MIT */
/*
 * sync_between.c - process-shared condition variables, with every kind of mutex that two
 * processes can share, and with those of one process; and priority that a waiter in
 * another process lends.
 *
 *	sync_between [unprivileged]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(expression) say(#expression, (expression))

enum { TURNS = 200 };

struct common {
	pthread_mutex_t m;
	pthread_cond_t c;
	int turn, ready;
};

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err == 0 ? "0" : strerrorname_np(err));
}

static struct common *make(int type, int protocol, int robust, int shared)
{
	struct common *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pthread_condattr_t ca;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutexattr_setpshared(&a, shared);
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
	SAY(pthread_mutex_init(&s->m, &a));
	SAY(pthread_cond_init(&s->c, &ca));
	fflush(stdout);
	return s;
}

static void take_turns(struct common *s, int which)
{
	if (pthread_mutex_lock(&s->m) != 0)
		abort();
	for (int i = 0; i < TURNS; i++) {
		while (s->turn % 2 != which)
			if (pthread_cond_wait(&s->c, &s->m) != 0)
				abort();
		s->turn++;
		pthread_cond_signal(&s->c);
	}
	if (pthread_mutex_unlock(&s->m) != 0)
		abort();
}

static void *first(void *arg)
{
	struct common *s = arg;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	SAY(pthread_mutex_lock(&s->m));
	SAY(pthread_cond_timedwait(&s->c, &s->m, &ts));
	SAY(pthread_mutex_unlock(&s->m));
	take_turns(s, 0);
	return NULL;
}

static void *second(void *arg)
{
	take_turns(arg, 1);
	return NULL;
}

static void *wait_for_ever(void *arg)
{
	struct common *s = arg;

	pthread_mutex_lock(&s->m);
	pthread_cleanup_push((void (*)(void *))(void *)pthread_mutex_unlock, &s->m);
	s->ready = 1;
	for (;;)
		pthread_cond_wait(&s->c, &s->m);
	pthread_cleanup_pop(1);
	return NULL;
}

/* The mutex is locked when the handlers run, and free afterwards. */
static void cancelled(struct common *s)
{
	pthread_t t;
	void *result;
	int ready;

	pthread_create(&t, NULL, wait_for_ever, s);
	do {
		pthread_mutex_lock(&s->m);
		ready = s->ready;
		pthread_mutex_unlock(&s->m);
	} while (!ready);
	pthread_cancel(t);
	pthread_join(t, &result);
	printf("cancelled: %d\n", result == PTHREAD_CANCELED);
	SAY(pthread_mutex_trylock(&s->m));
	SAY(pthread_mutex_unlock(&s->m));
}

static void turns(int type, int protocol, int robust, int shared)
{
	struct common *s;
	pthread_t t, u;
	int status = 0;
	pid_t pid = 0;

	printf("type %d protocol %d robust %d shared %d\n", type, protocol, robust, shared);
	s = make(type, protocol, robust, shared);
	if (shared) {
		pid = fork();
		if (pid == 0) {
			take_turns(s, 1);
			_exit(0);
		}
	} else {
		pthread_create(&u, NULL, second, s);
	}
	pthread_create(&t, NULL, first, s);
	pthread_join(t, NULL);
	if (shared)
		waitpid(pid, &status, 0);
	else
		pthread_join(u, NULL);
	printf("%d turns, status %d\n", s->turn, status);
	cancelled(s);
	SAY(pthread_cond_destroy(&s->c));
	SAY(pthread_mutex_destroy(&s->m));
	munmap(s, sizeof(*s));
}

/* The priority that the kernel lends the calling thread shows in its own file only. */
static int priority(void)
{
	char text[1024], *field;
	int fd = open("/proc/thread-self/stat", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	field = strrchr(text, ')');
	for (int i = 2; field && i < 18; i++)
		field = strchr(field + 1, ' ');
	return field ? atoi(field) : 0;
}

static void *owner(void *arg)
{
	struct common *s = arg;

	pthread_mutex_lock(&s->m);
	__atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 5000 && priority() != -31; i++)
		usleep(1000);
	printf("lent: %d\n", priority());
	pthread_mutex_unlock(&s->m);
	printf("given back: %d\n", priority() >= 0);
	return NULL;
}

/* Waits for the owner, in a process of its own, at priority 30. */
static int waiter(struct common *s)
{
	struct sched_param param = { 30 };
	int err = sched_setscheduler(0, SCHED_FIFO, &param);

	while (!__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE))
		usleep(1000);
	if (pthread_mutex_lock(&s->m) != 0 || pthread_mutex_unlock(&s->m) != 0)
		return 2;
	return err ? 1 : 0;
}

static void lent(int robust)
{
	struct common *s = make(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, robust,
				PTHREAD_PROCESS_SHARED);
	pid_t pid = fork();
	pthread_t t;
	int status;

	if (pid == 0)
		_exit(waiter(s));
	pthread_create(&t, NULL, owner, s);
	pthread_join(t, NULL);
	waitpid(pid, &status, 0);
	printf("waiter: %d\n", WEXITSTATUS(status));
}

/* Somebody dies while others wait in two processes. */
static void *die_holding(void *arg)
{
	struct common *s = arg;

	SAY(pthread_mutex_lock(&s->m));
	__atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
	usleep(20000);
	return NULL;
}

static void died(int protocol)
{
	struct common *s = make(PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST,
				PTHREAD_PROCESS_SHARED);
	pid_t pid = fork();
	pthread_t t;
	int status, err;

	if (pid == 0) {
		while (!__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE))
			usleep(1000);
		err = pthread_mutex_lock(&s->m);
		if (err == EOWNERDEAD)
			pthread_mutex_consistent(&s->m);
		pthread_mutex_unlock(&s->m);
		_exit(err);
	}
	pthread_create(&t, NULL, die_holding, s);
	pthread_join(t, NULL);
	waitpid(pid, &status, 0);
	say("after a thread's death, in the other process", WEXITSTATUS(status));
	SAY(pthread_mutex_lock(&s->m));
	SAY(pthread_mutex_unlock(&s->m));
	SAY(pthread_mutex_destroy(&s->m));
}

static void *yield(void *arg)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	return arg;
}

/* Locked before the first thread is made, waited for in another process, and let go of
   when there have been threads. */
static void early(int robust)
{
	struct common *s = make(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, robust,
				PTHREAD_PROCESS_SHARED);
	pthread_t t[4];
	int status;
	pid_t pid;

	SAY(pthread_mutex_lock(&s->m));
	pid = fork();
	if (pid == 0)
		_exit(pthread_mutex_lock(&s->m) == 0 && pthread_mutex_unlock(&s->m) == 0);
	while (__atomic_load_n(&s->m.__data.__lock, __ATOMIC_ACQUIRE) >= 0) /* FUTEX_WAITERS */
		usleep(1000);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, yield, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	SAY(pthread_mutex_unlock(&s->m));
	waitpid(pid, &status, 0);
	printf("early: %d\n", status == 1 << 8);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1 && setresuid(65534, 65534, 65534) != 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	early(PTHREAD_MUTEX_STALLED);
	for (int protocol = 0; protocol < 2; protocol++)
		for (int robust = 0; robust < 2; robust++)
			for (int type = 0; type < 4; type++)
				turns(type, protocol, robust, PTHREAD_PROCESS_SHARED);
	for (int protocol = 0; protocol < 2; protocol++)
		for (int robust = 0; robust < 2; robust++)
			turns(0, protocol, robust, PTHREAD_PROCESS_PRIVATE);
	if (argc == 1) {
		lent(PTHREAD_MUTEX_STALLED);
		lent(PTHREAD_MUTEX_ROBUST);
	}
	died(PTHREAD_PRIO_NONE);
	died(PTHREAD_PRIO_INHERIT);
	return 0;
}
