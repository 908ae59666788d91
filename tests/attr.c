/* SPDX-License-Identifier: MIT */
/*
 * attr.c - thread attributes: stack size, a stack of the program's own, guard
 * size, detach state; what pthread_getattr_np says about threads and main;
 * names, identity, processor time clocks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) printf("%s: %s\n", #what, (what) ? "yes" : "no")

struct seen {
	size_t stack_size, guard_size;
	char *stack_addr;
	int detach, local_inside, err;
	char name[16];
};

static struct seen seen;

static void look(struct seen *s)
{
	pthread_attr_t attr;
	char local;

	memset(s, 0, sizeof(*s));
	s->err = pthread_getattr_np(pthread_self(), &attr);
	if (s->err)
		return;
	pthread_attr_getstack(&attr, (void **)&s->stack_addr, &s->stack_size);
	pthread_attr_getguardsize(&attr, &s->guard_size);
	pthread_attr_getdetachstate(&attr, &s->detach);
	pthread_attr_destroy(&attr);
	s->local_inside = &local >= s->stack_addr && &local < s->stack_addr + s->stack_size;
	pthread_getname_np(pthread_self(), s->name, sizeof(s->name));
}

static void *body(void *arg)
{
	look(arg);
	return NULL;
}

/* Writes to size bytes of stack, all of them. */
__attribute__((noinline)) static unsigned deep(size_t size)
{
	volatile char page[4096];

	for (unsigned i = 0; i < sizeof(page); i += 64)
		page[i] = (char)i;
	return size > sizeof(page) ? deep(size - sizeof(page)) + (unsigned char)page[64] :
				     (unsigned char)page[0];
}

static void *use_stack(void *arg)
{
	size_t size = *(size_t *)arg;

	return (void *)(uintptr_t)deep(size);
}

static void *nothing(void *arg)
{
	return arg;
}

static void run(const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	int err = pthread_create(&thread, attr, fn, arg);

	if (err)
		printf("pthread_create: %s\n", strerror(err));
	else
		pthread_join(thread, NULL);
}

static void test_sizes(void)
{
	const size_t least = (size_t)PTHREAD_STACK_MIN; /* asks sysconf */
	const size_t sizes[] = { least, 32768, 65536, 100000, 262144, 1 << 20, 8 << 20, 64 << 20,
				 256 << 20 };
	pthread_attr_t attr;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t got = 0, use = sizes[i] - sizes[i] / 4;

		pthread_attr_init(&attr);
		int err = pthread_attr_setstacksize(&attr, sizes[i]);

		pthread_attr_getstacksize(&attr, &got);
		run(&attr, body, &seen);
		printf("stack size %zu: set %d, got %zu, thread says at least that: %s, local inside: %s\n",
		       sizes[i], err, got, seen.stack_size >= sizes[i] / 4096 * 4096 ? "yes" : "no",
		       seen.local_inside ? "yes" : "no");
		if (sizes[i] > least && use < 100 << 20)
			run(&attr, use_stack, &use);
		pthread_attr_destroy(&attr);
	}
	run(NULL, body, &seen);
	pthread_getattr_default_np(&attr);
	size_t standard;

	pthread_attr_getstacksize(&attr, &standard);
	pthread_attr_destroy(&attr);
	CHECK(seen.local_inside);
	CHECK(seen.detach == PTHREAD_CREATE_JOINABLE);
	/* GOSHIM_STACK_SIZE overrides the default, so only ask when it is not set. */
	if (!getenv("GOSHIM_STACK_SIZE"))
		CHECK(seen.stack_size == standard);
}

static void test_own_stack(void)
{
	size_t size = 256 * 1024;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	size_t use = size / 2;

	pthread_attr_init(&attr);
	printf("setstack: %d\n", pthread_attr_setstack(&attr, memory, size));
	for (int i = 0; i < 3; i++) { /* the same memory again and again */
		memset(memory, 0xa5, size);
		run(&attr, body, &seen);
		CHECK(seen.stack_addr == memory && seen.stack_size == size && seen.local_inside);
		CHECK(seen.guard_size == 0 || seen.guard_size == 4096);
		run(&attr, use_stack, &use);
		/* The stack was used; its lowest page was not. */
		CHECK(memory[0] == (char)0xa5 && memory[4095] == (char)0xa5);
	}
	pthread_attr_destroy(&attr);
	printf("munmap: %d\n", munmap(memory, size)); /* the memory is the program's again */
}

static void test_guard(void)
{
	static const size_t guards[] = { 0, 1, 4096, 65536, 1 << 20 };
	pthread_attr_t attr;

	for (unsigned i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
		size_t got;

		pthread_attr_init(&attr);
		pthread_attr_setguardsize(&attr, guards[i]);
		pthread_attr_getguardsize(&attr, &got);
		pthread_attr_setstacksize(&attr, 1 << 20);
		run(&attr, body, &seen);
		printf("guard %zu: got %zu, thread's is at least that: %s\n", guards[i], got,
		       seen.guard_size >= guards[i] ? "yes" : "no");
		pthread_attr_destroy(&attr);
	}
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int done;

static void *detached(void *arg)
{
	look(&seen);
	pthread_mutex_lock(&lock);
	done = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void test_detached(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	printf("detached: %d\n", pthread_create(&thread, &attr, detached, NULL));
	pthread_mutex_lock(&lock);
	while (!done)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	CHECK(seen.detach == PTHREAD_CREATE_DETACHED && seen.local_inside);
	pthread_attr_destroy(&attr);
}

static void *wait_for_done(void *arg)
{
	char name[16];
	struct seen *s = arg;

	pthread_mutex_lock(&lock);
	while (done != 2)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	memcpy(s->name, name, sizeof(name));
	s->local_inside = (char *)&name >= s->stack_addr && (char *)&name < s->stack_addr + s->stack_size;
	return NULL;
}

static void test_others_and_names(void)
{
	struct seen other = { 0 };
	pthread_attr_t attr;
	pthread_t thread;
	char name[16];

	pthread_create(&thread, NULL, wait_for_done, &other);
	printf("getattr of another: %d\n", pthread_getattr_np(thread, &attr));
	pthread_attr_getstack(&attr, (void **)&other.stack_addr, &other.stack_size);
	pthread_attr_destroy(&attr);
	printf("setname: %d\n", pthread_setname_np(thread, "fifteen letters"));
	printf("setname too long: %d\n", pthread_setname_np(thread, "sixteen letters!") == ERANGE);
	printf("getname: %d", pthread_getname_np(thread, name, sizeof(name)));
	printf(" %s\n", name);
	printf("getname short: %d\n", pthread_getname_np(thread, name, 4) == ERANGE);
	CHECK(!pthread_equal(thread, pthread_self()));
	CHECK(pthread_equal(pthread_self(), pthread_self()));
	CHECK(pthread_kill(thread, 0) == 0);

	clockid_t clock;
	struct timespec ts;

	CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0 && clock_gettime(clock, &ts) == 0);
	pthread_mutex_lock(&lock);
	done = 2;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	printf("own name: %s\n", other.name);
	CHECK(other.local_inside);
}

static long tids[200];
static pthread_barrier_t all_here;

static void *tell_tid(void *arg)
{
	long *tid = arg;

	*tid = syscall(SYS_gettid);
	pthread_barrier_wait(&all_here);
	if (*tid != syscall(SYS_gettid) || *tid != gettid())
		*tid = 0;
	return (void *)pthread_self();
}

static void test_identity(void)
{
	pthread_t threads[200];
	unsigned same = 0, self_wrong = 0;

	pthread_barrier_init(&all_here, NULL, 200);
	for (int i = 0; i < 200; i++)
		pthread_create(&threads[i], NULL, tell_tid, &tids[i]);
	for (int i = 0; i < 200; i++) {
		void *result;

		pthread_join(threads[i], &result);
		self_wrong += (pthread_t)result != threads[i];
		for (int k = 0; k < i; k++)
			same += tids[i] == tids[k] || tids[i] <= 0 || pthread_equal(threads[i], threads[k]);
	}
	pthread_barrier_destroy(&all_here);
	printf("200 threads: %u tids or handles the same, %u with another pthread_self\n", same, self_wrong);
	CHECK(gettid() == getpid());
}

int main(void)
{
	look(&seen);
	printf("main before any thread: %d\n", seen.err);
	CHECK(seen.local_inside);
	run(NULL, nothing, NULL);
	look(&seen);
	printf("main afterwards: %d\n", seen.err);
	CHECK(seen.local_inside);
	CHECK(seen.detach == PTHREAD_CREATE_JOINABLE);
	test_sizes();
	test_own_stack();
	test_guard();
	test_detached();
	test_others_and_names();
	test_identity();
	return 0;
}
