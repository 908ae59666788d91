/* SPDX-License-Identifier: MIT */
/*
 * tls_migrate.c - everything that belongs to a thread stays with it: errno,
 * h_errno, __thread variables (of every alignment), thread-specific data, the
 * locale, strerror's buffer, the stack, pthread_self, over thousands of yields,
 * condition variable hand-overs and short sleeps, which move green threads from
 * worker to worker.
 *
 *	tls_migrate [THREADS [ROUNDS]]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ERRNO, ERRNO_CACHED, H_ERRNO, TLS_INT, TLS_ZERO, TLS_ALIGNED, TLS_INIT, SPECIFIC, LOCALE,
       STRERROR, SELF, STACK, KINDS };

static const char *const kind_name[KINDS] = {
	"errno", "errno through a kept address", "h_errno", "__thread int", "__thread zeroed array",
	"__thread aligned", "__thread initialised", "pthread_getspecific", "uselocale", "strerror",
	"pthread_self", "stack",
};

static unsigned n_threads = 64, n_rounds = 300;
static unsigned long wrong[KINDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_cond = PTHREAD_COND_INITIALIZER;
static unsigned turn;
static pthread_key_t key;
static locale_t locale_c, locale_utf8;

static __thread int tls_int;
static __thread unsigned char tls_zero[300];
static __thread int64_t tls_aligned __attribute__((aligned(64)));
static __thread const char *tls_init = "as initialised";

static void bad(int kind)
{
	__atomic_add_fetch(&wrong[kind], 1, __ATOMIC_RELAXED);
}

/* Lets the others run, in one of four ways. errno may be changed by it. */
static void let_go(unsigned id, unsigned round)
{
	struct timespec ts = { 0, 1000 + (id * 7919 + round * 104729) % 200000 };

	switch ((id + round) % 4) {
	case 0:
	case 1:
		sched_yield();
		break;
	case 2:
		nanosleep(&ts, NULL);
		break;
	case 3: /* a hand-over: add one to the turn, tell everyone, wait a little for it to move */
		pthread_mutex_lock(&lock);
		unsigned seen = ++turn;

		pthread_cond_broadcast(&turn_cond);
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += 500000;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_sec++;
			ts.tv_nsec -= 1000000000;
		}
		while (turn == seen && pthread_cond_timedwait(&turn_cond, &lock, &ts) == 0)
			;
		pthread_mutex_unlock(&lock);
		break;
	}
}

static void *body(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	unsigned char on_stack[2000];
	int *errno_kept = &errno;
	pthread_t self = pthread_self();
	locale_t mine = id % 2 ? locale_utf8 : locale_c;

	for (size_t i = 0; i < sizeof(tls_zero); i++)
		if (tls_zero[i])
			bad(TLS_ZERO);
	if ((uintptr_t)&tls_aligned % 64 || tls_aligned)
		bad(TLS_ALIGNED);
	if (strcmp(tls_init, "as initialised") != 0)
		bad(TLS_INIT);
	if (pthread_getspecific(key))
		bad(SPECIFIC);
	uselocale(mine);
	memset(on_stack, (int)id & 0xff, sizeof(on_stack));

	for (unsigned round = 0; round < n_rounds; round++) {
		int value = (int)(id * 1000003 + round);
		char unknown[64];

		tls_int = value;
		memset(tls_zero, value & 0xff, sizeof(tls_zero));
		tls_aligned = value * 3ll;
		tls_init = kind_name[round % KINDS];
		pthread_setspecific(key, (void *)(uintptr_t)(value + 1));
		h_errno = value;
		/* strerror keeps its text for unknown numbers in a buffer of the thread's */
		const char *text = strerror(100000 + value % 1000000);

		snprintf(unknown, sizeof(unknown), "Unknown error %d", 100000 + value % 1000000);

		let_go(id, round);

		errno = value;
		sched_yield();
		if (errno != value)
			bad(ERRNO);
		if (*errno_kept != value || errno_kept != &errno)
			bad(ERRNO_CACHED);
		if (h_errno != value)
			bad(H_ERRNO);
		if (tls_int != value)
			bad(TLS_INT);
		for (size_t i = 0; i < sizeof(tls_zero); i++)
			if (tls_zero[i] != (value & 0xff))
				bad(TLS_ZERO);
		if (tls_aligned != value * 3ll)
			bad(TLS_ALIGNED);
		if (tls_init != kind_name[round % KINDS])
			bad(TLS_INIT);
		if (pthread_getspecific(key) != (void *)(uintptr_t)(value + 1))
			bad(SPECIFIC);
		if (uselocale((locale_t)0) != mine ||
		    strcmp(nl_langinfo(CODESET), id % 2 ? "UTF-8" : "ANSI_X3.4-1968") != 0 ||
		    MB_CUR_MAX != (id % 2 ? 6u : 1u))
			bad(LOCALE);
		if (strcmp(text, unknown) != 0)
			bad(STRERROR);
		if (pthread_self() != self)
			bad(SELF);
		for (size_t i = 0; i < sizeof(on_stack); i++)
			if (on_stack[i] != (id & 0xff))
				bad(STACK);
	}
	uselocale(LC_GLOBAL_LOCALE);
	return (void *)(uintptr_t)(id + 1);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_threads = (unsigned)atoi(argv[1]);
	if (argc > 2)
		n_rounds = (unsigned)atoi(argv[2]);

	pthread_t threads[n_threads];
	unsigned long joined = 0;

	locale_c = newlocale(LC_ALL_MASK, "C", NULL);
	locale_utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
	if (!locale_utf8) {
		printf("no C.UTF-8 locale here\n");
		return 77;
	}
	pthread_key_create(&key, NULL);
	tls_int = -5;
	errno = 4242;
	h_errno = 4243;
	for (unsigned i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i) != 0) {
			printf("cannot make thread %u\n", i);
			return 1;
		}
	for (unsigned i = 0; i < n_threads; i++) {
		void *result;

		if (pthread_join(threads[i], &result) == 0 && result == (void *)(uintptr_t)(i + 1))
			joined++;
	}
	for (int i = 0; i < KINDS; i++)
		printf("%s: %lu wrong\n", kind_name[i], wrong[i]);
	printf("main: tls %d errno %d h_errno %d\n", tls_int, errno, h_errno);
	printf("joined: %s\n", joined == n_threads ? "all" : "not all");
	return 0;
}
