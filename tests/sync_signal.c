/* SPDX-License-Identifier: MIT */
/*
 * sync_signal.c - signal handlers that run while a thread waits: what returns EINTR,
 * what goes on waiting, and what a handler may do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int handled, ended, tid_ok;
static pthread_t target;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t bar;
static sem_t sem;
static int go, waiting;

static void handler(int sig)
{
	tid_ok = pthread_equal(pthread_self(), target);
	handled++;
}

static void handler_posts(int sig)
{
	handled++;
	sem_post(&sem);
}

static void handler_exits(int sig)
{
	handled++;
	pthread_exit((void *)77L);
}

static sigjmp_buf back;

static void handler_jumps(int sig)
{
	handled++;
	siglongjmp(back, 1);
}

static void install(void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
}

static void *sem_waiter(void *arg)
{
	errno = 0;
	printf("  sem_wait: %d", sem_wait(&sem));
	printf(" %s\n", errno ? strerrorname_np(errno) : "0");
	ended = 1;
	return NULL;
}

static void *sem_timed_waiter(void *arg)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 20;
	errno = 0;
	printf("  sem_timedwait: %d", sem_timedwait(&sem, &ts));
	printf(" %s\n", errno ? strerrorname_np(errno) : "0");
	ended = 1;
	return NULL;
}

static void *cond_waiter(void *arg)
{
	int wakes = 0;

	pthread_mutex_lock(&m);
	waiting = 1;
	while (!go) {
		pthread_cond_wait(&c, &m);
		wakes++;
	}
	pthread_mutex_unlock(&m);
	printf("  cond_wait returned %d times\n", wakes);
	ended = 1;
	return NULL;
}

static void *mutex_waiter(void *arg)
{
	printf("  lock: %d\n", pthread_mutex_lock(&m));
	pthread_mutex_unlock(&m);
	ended = 1;
	return NULL;
}

static pthread_mutex_t shared;

static void *shared_waiter(void *arg)
{
	printf("  lock: %d\n", pthread_mutex_lock(&shared));
	printf("  unlock: %d\n", pthread_mutex_unlock(&shared));
	ended = 1;
	return NULL;
}

static void *rw_waiter(void *arg)
{
	printf("  wrlock: %d\n", pthread_rwlock_wrlock(&rw));
	pthread_rwlock_unlock(&rw);
	ended = 1;
	return NULL;
}

static void *barrier_waiter(void *arg)
{
	pthread_barrier_wait(&bar);
	ended = 1;
	return NULL;
}

/* Starts fn, lets it wait, and sends it signals: three, of which each is handled while it
   waits on; or until one has ended the wait. */
static void poke(const char *what, void *(*fn)(void *), int flags, int ends)
{
	install(handler, flags);
	printf("%s\n", what);
	handled = ended = tid_ok = 0;
	pthread_create(&target, NULL, fn, NULL);
	usleep(50000);
	for (int i = 1; ends ? !ended : i <= 3; i++) {
		pthread_kill(target, SIGUSR1);
		for (int k = 0; k < 5000 && (ends ? !ended && k < 50 : handled < i); k++)
			usleep(1000);
	}
	if (ends)
		printf("  handled by the right thread: %d\n", tid_ok);
	else
		printf("  handled %d by the right thread %d, ended %d\n", handled, tid_ok, ended);
}

static void finish(void)
{
	pthread_join(target, NULL);
	printf("  ended %d\n", ended);
}

/* Mutexes that are waited for in the kernel. */
static void poke_shared(int protocol, int robust)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutex_init(&shared, &a);
	pthread_mutex_lock(&shared);
	poke("shared mutex", shared_waiter, 0, 0);
	pthread_mutex_unlock(&shared);
	finish();
	pthread_mutex_destroy(&shared);
}

/* Until somebody has said that he waits, and has let go of the mutex: he does. */
static void await_waiter(void)
{
	for (int waits = 0; !waits; usleep(1000)) {
		pthread_mutex_lock(&m);
		waits = waiting;
		pthread_mutex_unlock(&m);
	}
	waiting = 0;
}

static void clean(void *arg)
{
	printf("  clean-up: mutex %s\n", pthread_mutex_trylock(&m) == EBUSY ? "held" : "FREE");
	pthread_mutex_unlock(&m);
}

static void *exiting_waiter(void *arg)
{
	pthread_mutex_lock(&m);
	pthread_cleanup_push(clean, NULL);
	waiting = 1;
	for (;;)
		pthread_cond_wait(&c, &m);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *jumping_waiter(void *arg)
{
	if (sigsetjmp(back, 1) == 0) {
		go = 1;
		sem_wait(&sem);
		puts("  returned");
	} else {
		puts("  jumped");
	}
	ended = 1;
	return NULL;
}

int main(void)
{
	void *result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&sem, 0, 0);

	/* Alone: the handler of a timer posts. */
	install(handler_posts, SA_RESTART);
	{
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
		struct itimerspec when = { .it_value = { .tv_nsec = 20000000 } };
		timer_t timer;

		timer_create(CLOCK_MONOTONIC, &ev, &timer);
		timer_settime(timer, 0, &when, NULL);
		printf("alone: %d\n", sem_wait(&sem));
		timer_delete(timer);
	}

	poke("sem_wait, no restart", sem_waiter, 0, 1);
	finish();
	poke("sem_wait, restart", sem_waiter, SA_RESTART, 0);
	sem_post(&sem);
	finish();
	poke("sem_timedwait, restart", sem_timed_waiter, SA_RESTART, 1);
	finish();
	poke("cond_wait", cond_waiter, 0, 0);
	await_waiter();
	pthread_mutex_lock(&m);
	go = 1;
	pthread_cond_signal(&c);
	pthread_mutex_unlock(&m);
	finish();
	pthread_mutex_lock(&m);
	poke("mutex", mutex_waiter, 0, 0);
	pthread_mutex_unlock(&m);
	finish();
	for (int protocol = 0; protocol < 2; protocol++)
		for (int robust = 0; robust < 2; robust++)
			poke_shared(protocol, robust);
	pthread_rwlock_rdlock(&rw);
	poke("rwlock", rw_waiter, 0, 0);
	pthread_rwlock_unlock(&rw);
	finish();
	pthread_barrier_init(&bar, NULL, 2);
	poke("barrier", barrier_waiter, 0, 0);
	pthread_barrier_wait(&bar);
	finish();
	pthread_barrier_destroy(&bar);

	puts("post from the handler");
	install(handler_posts, 0);
	go = 0;
	pthread_create(&target, NULL, cond_waiter, NULL);
	await_waiter();
	pthread_kill(target, SIGUSR1);
	printf("  main: %d\n", sem_wait(&sem));
	pthread_mutex_lock(&m);
	go = 1;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
	finish();

	puts("exit in the handler");
	install(handler_exits, 0);
	pthread_create(&target, NULL, exiting_waiter, NULL);
	await_waiter();
	pthread_kill(target, SIGUSR1);
	pthread_join(target, &result);
	printf("  result %ld, mutex %d\n", (long)result, pthread_mutex_trylock(&m));
	pthread_mutex_unlock(&m);

	puts("jump out of the handler");
	install(handler_jumps, 0);
	go = 0;
	pthread_create(&target, NULL, jumping_waiter, NULL);
	while (!go)
		usleep(1000);
	usleep(50000); /* it waits, as a rule */
	pthread_kill(target, SIGUSR1);
	pthread_join(target, NULL);
	return 0;
}
