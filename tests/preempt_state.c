/* SPDX-License-Identifier: MIT */
/*
 * preempt_state.c - threads that compute and wait for each other by looking at a word:
 * with one processor they get on only by being interrupted anywhere. What they have in
 * registers, in control words, on alternate stacks and in jump buffers must stay theirs.
 *
 *	preempt_state [CASE...]
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 3, ROUNDS = 8, VECTORS = 32, VECTOR = 64, MASKS = 8 };

/* Each thread counts its rounds; each waits for the next one's, without a call. */
static volatile uint64_t done[THREADS] __attribute__((aligned(64)));
static long wrong;

static void count(bool bad)
{
	if (bad)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static volatile uint64_t *neighbour(long id)
{
	return &done[(id + 1) % THREADS];
}

static void run(const char *name, void *(*body)(void *))
{
	pthread_t t[THREADS];

	wrong = 0;
	memset((void *)done, 0, sizeof(done));
	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, body, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%s: %ld wrong\n", name, wrong);
	fflush(stdout);
}

/* ---- registers ---- */

struct vectors {
	unsigned char v[VECTORS][VECTOR];
	uint64_t k[MASKS];
} __attribute__((aligned(64)));

static int level; /* 3: 512 bits and masks, 2: 256, 1: 128 */

#define ALL_16(X, name) X(0, name) X(1, name) X(2, name) X(3, name) X(4, name) X(5, name) \
	X(6, name) X(7, name) X(8, name) X(9, name) X(10, name) X(11, name) X(12, name)   \
	X(13, name) X(14, name) X(15, name)
#define NEXT_16(X, name) X(16, name) X(17, name) X(18, name) X(19, name) X(20, name)      \
	X(21, name) X(22, name) X(23, name) X(24, name) X(25, name) X(26, name)           \
	X(27, name) X(28, name) X(29, name) X(30, name) X(31, name)
#define ALL_MASKS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define LOAD_Z(n, r) "vmovdqu64 " #n "*64(%0), %%" #r #n "\n"
#define STORE_Z(n, r) "vmovdqu64 %%" #r #n ", " #n "*64(%1)\n"
#define LOAD_V(n, r) "vmovdqu " #n "*64(%0), %%" #r #n "\n"
#define STORE_V(n, r) "vmovdqu %%" #r #n ", " #n "*64(%1)\n"
#define LOAD_X(n, r) "movdqu " #n "*64(%0), %%" #r #n "\n"
#define STORE_X(n, r) "movdqu %%" #r #n ", " #n "*64(%1)\n"
#define LOAD_K(n) "kmovq 2048+" #n "*8(%0), %%k" #n "\n"
#define STORE_K(n) "kmovq %%k" #n ", 2048+" #n "*8(%1)\n"

/* Until the neighbour has counted to %3. */
#define SPIN "1: pause\n cmpq %3, (%2)\n jb 1b\n"
#define OPERANDS(in, out, at, until) \
	: : "r"(in), "r"(out), "r"(at), "r"(until) : "memory", "cc"

#define XMMS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
	"xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* The compiler has none of the higher registers in use: these functions keep nothing. */
__attribute__((noinline)) static void hold(const struct vectors *in, struct vectors *out,
					   volatile uint64_t *at, uint64_t until)
{
	if (level == 3)
		__asm__ volatile(ALL_16(LOAD_Z, zmm) NEXT_16(LOAD_Z, zmm) ALL_MASKS(LOAD_K) SPIN
					 ALL_16(STORE_Z, zmm) NEXT_16(STORE_Z, zmm)
						 ALL_MASKS(STORE_K) "vzeroupper\n"
				 OPERANDS(in, out, at, until), XMMS);
	else if (level == 2)
		__asm__ volatile(ALL_16(LOAD_V, ymm) SPIN ALL_16(STORE_V, ymm) "vzeroupper\n"
				 OPERANDS(in, out, at, until), XMMS);
	else
		__asm__ volatile(ALL_16(LOAD_X, xmm) SPIN ALL_16(STORE_X, xmm)
				 OPERANDS(in, out, at, until), XMMS);
}

static void *registers(void *arg)
{
	size_t width = level == 3 ? 64 : level == 2 ? 32 : 16;
	int n = level == 3 ? 32 : 16;
	long id = (long)arg;
	struct vectors in, out;

	for (uint64_t r = 0; r < ROUNDS; r++) {
		for (int v = 0; v < VECTORS; v++)
			memset(in.v[v], (int)(id * 64 + v + (long)r), VECTOR);
		for (int k = 0; k < MASKS; k++)
			in.k[k] = 0x0101010101010101ULL * (uint64_t)(id * 8 + k + (long)r);
		memset(&out, 0, sizeof(out));
		done[id] = r + 1;
		hold(&in, &out, neighbour(id), r + 1);
		for (int v = 0; v < n; v++)
			count(memcmp(in.v[v], out.v[v], width) != 0);
		for (int k = 1; level == 3 && k < MASKS; k++)
			count(in.k[k] != out.k[k]);
	}
	done[id] = UINT64_MAX;
	return NULL;
}

static void wait_for(long id, uint64_t until)
{
	while (*neighbour(id) < until)
		;
}

static void *rounding(void *arg)
{
	static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	volatile double one = 1, three = 3, first;
	volatile long double lfirst;
	long id = (long)arg;

	count(fesetround(modes[id]) != 0);
	first = one / three;
	lfirst = (long double)one / three;
	for (uint64_t r = 0; r < ROUNDS; r++) {
		done[id] = r + 1;
		wait_for(id, r + 1);
		count(fegetround() != modes[id]);
		count(one / three != first);
		count((long double)one / three != lfirst);
	}
	done[id] = UINT64_MAX;
	return NULL;
}

/* ---- jumps ---- */

static __thread sigjmp_buf back;
static __thread volatile int depth;

__attribute__((noinline)) static void fall(long id, uint64_t r, int levels)
{
	depth++;
	if (levels > 0) {
		fall(id, r, levels - 1);
	} else {
		wait_for(id, r);
		siglongjmp(back, levels + 7);
	}
	depth++; /* never: no tail call */
}

static void *jumps(void *arg)
{
	long id = (long)arg;

	for (uint64_t r = 0; r < ROUNDS; r++) {
		volatile int came;

		depth = 0;
		came = sigsetjmp(back, r % 2);
		if (came == 0) {
			done[id] = r + 1;
			fall(id, r + 1, 20);
		}
		count(came != 7 || depth != 21);
	}
	done[id] = UINT64_MAX;
	return NULL;
}

/* ---- handlers ---- */

static __thread volatile long handled;
static __thread char *alternate;

static void handler(int sig)
{
	char here;
	volatile char room[2048];
	long id = handled / 1000;

	memset((void *)room, (int)id + 1, sizeof(room));
	count(&here < alternate || &here >= alternate + 65536);
	wait_for(id, done[id]);
	for (size_t i = 0; i < sizeof(room); i++)
		count(room[i] != id + 1);
	handled++;
	/* Every other time out of the handler by a jump. */
	if (handled % 2)
		siglongjmp(back, 3);
	(void)sig;
}

static void *handlers(void *arg)
{
	long id = (long)arg;
	stack_t st = { .ss_size = 65536 }, old;

	alternate = st.ss_sp = malloc(st.ss_size);
	CHECK(alternate && sigaltstack(&st, NULL) == 0);
	handled = id * 1000;
	for (uint64_t r = 0; r < ROUNDS; r++) {
		sigset_t mask;

		if (sigsetjmp(back, 1) == 0) {
			done[id] = r + 1;
			CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
		}
		CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
		count(sigismember(&mask, SIGUSR1));
		CHECK(sigaltstack(NULL, &old) == 0);
		count(old.ss_sp != alternate || (old.ss_flags & SS_ONSTACK));
	}
	count(handled != id * 1000 + ROUNDS);
	done[id] = UINT64_MAX;
	st.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&st, NULL) == 0);
	free(alternate);
	return NULL;
}

/* ---- words that others write ---- */

static void *spin(void *arg)
{
	long id = (long)arg;

	for (uint64_t r = 0; r < ROUNDS; r++) {
		done[id] = r + 1;
		wait_for(id, r + 1);
	}
	done[id] = UINT64_MAX;
	return NULL;
}

static void *spin_politely(void *arg)
{
	long id = (long)arg;

	for (uint64_t r = 0; r < 100 * ROUNDS; r++) {
		done[id] = r + 1;
		while (*neighbour(id) < r + 1)
			sched_yield();
	}
	done[id] = UINT64_MAX;
	return NULL;
}

/* Calls in between that never wait, and libc's own code. */
static void *spin_busily(void *arg)
{
	long id = (long)arg;
	char text[64];

	for (uint64_t r = 0; r < ROUNDS; r++) {
		done[id] = r + 1;
		while (*neighbour(id) < r + 1) {
			free(malloc(100));
			count(snprintf(text, sizeof(text), "%ld %f", id, 1.5) < 10);
		}
	}
	done[id] = UINT64_MAX;
	return NULL;
}

static const struct {
	const char *name;
	void *(*body)(void *);
} cases[] = {
	{ "registers", registers },
	{ "rounding", rounding },
	{ "jumps", jumps },
	{ "handlers", handlers },
	{ "spin", spin },
	{ "spin with yields", spin_politely },
	{ "spin with calls", spin_busily },
};

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	level = __builtin_cpu_supports("avx512bw") ? 3 : __builtin_cpu_supports("avx") ? 2 : 1;
	fprintf(stderr, "vector registers: %d bits\n", 64 << level);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool wanted = argc == 1;

		for (int a = 1; a < argc; a++)
			wanted |= strcmp(argv[a], cases[i].name) == 0;
		if (wanted)
			run(cases[i].name, cases[i].body);
	}
	return 0;
}
