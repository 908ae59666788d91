/* SPDX-License-Identifier: MIT */
/*
 * exit_cxx.cc - what runs when a thread of a C++ program ends: destructors of automatic
 * objects, cleanup handlers, thread_local objects, thread-specific data, in this order,
 * whether it returns, exits from deep inside or is cancelled. And what it may not catch.
 */
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <future>
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <thread>
#include <threads.h>
#include <unistd.h>
#include <vector>

static std::string trace;
static pthread_key_t key;
static sem_t ready;

struct Automatic {
	const char *name;
	explicit Automatic(const char *n) : name(n) {}
	~Automatic() { trace += std::string("~") + name + " "; }
};

struct Local {
	~Local() { trace += "thread_local "; }
	void touch() {}
};

static thread_local Local local, second;

static void destroy(void *) { trace += "specific "; }
static void handler(void *) { trace += "handler "; }

enum Way { RETURNS, EXITS, C11_EXITS, CANCELLED };

static void deep(int depth, Way way)
{
	Automatic a(depth % 2 ? "odd" : "even");

	if (depth > 0)
		return deep(depth - 1, way);
	if (way == EXITS)
		pthread_exit((void *)4);
	if (way == C11_EXITS)
		thrd_exit(4);
	if (way == CANCELLED) {
		sem_post(&ready);
		for (;;)
			pause();
	}
}

static void *body(void *arg)
{
	Automatic a("outer");

	local.touch();
	second.touch();
	pthread_setspecific(key, &key);
	pthread_cleanup_push(handler, nullptr);
	deep(2, *(Way *)arg);
	pthread_cleanup_pop(1);
	return (void *)4;
}

static int c11_body(void *arg)
{
	return (int)(long)body(arg);
}

static void ends(const char *what, Way way)
{
	pthread_t t;
	void *result = nullptr;

	trace.clear();
	if (way == C11_EXITS) {
		thrd_t c;
		int value = 0;

		thrd_create(&c, c11_body, &way);
		thrd_join(c, &value);
		result = (void *)(long)value;
	} else {
		pthread_create(&t, nullptr, body, &way);
		if (way == CANCELLED) {
			while (sem_wait(&ready) != 0)
				;
			pthread_cancel(t);
		}
		pthread_join(t, &result);
	}
	printf("%s: %ld [%s]\n", what, (long)result, trace.c_str());
}

/* catch (...) sees a cancellation, and must pass it on. */
static void *catches(void *)
{
	try {
		Automatic a("inner");
		sem_post(&ready);
		for (;;)
			pause();
	} catch (abi::__forced_unwind &) {
		trace += "forced ";
		throw;
	}
	return nullptr;
}

static void *catches_all(void *)
{
	try {
		try {
			throw 1;
		} catch (int) {
			sem_post(&ready);
			for (;;)
				pause();
		}
	} catch (...) {
		trace += "all ";
		throw;
	}
	return nullptr;
}

static void cancelled(const char *what, void *(*fn)(void *))
{
	pthread_t t;
	void *result;

	trace.clear();
	pthread_create(&t, nullptr, fn, nullptr);
	while (sem_wait(&ready) != 0)
		;
	pthread_cancel(t);
	pthread_join(t, &result);
	printf("%s: %s [%s]\n", what, result == PTHREAD_CANCELED ? "cancelled" : "finished",
	       trace.c_str());
}

/* A promise, and a condition variable, kept at thread exit. */
static void at_exit()
{
	std::promise<int> promise;
	auto future = promise.get_future();
	std::mutex m;
	std::condition_variable cv;
	bool done = false;
	std::unique_lock lock(m);

	std::thread([&] { promise.set_value_at_thread_exit(5); }).detach();
	std::thread([&] {
		std::unique_lock l(m);
		done = true;
		std::notify_all_at_thread_exit(cv, std::move(l));
	}).detach();
	cv.wait(lock, [&] { return done; });
	printf("at thread exit: %d, notified\n", future.get());
}

/* exit() on a thread runs that thread's thread_local destructors, then atexit's. */
static void *exits_process(void *)
{
	local.touch();
	trace = "process: ";
	std::atexit([] { printf("%s\n", trace.c_str()); });
	std::exit(0);
}

int main()
{
	pthread_t t;

	sem_init(&ready, 0, 0);
	pthread_key_create(&key, destroy);
	ends("returns", RETURNS);
	ends("exits", EXITS);
	ends("exits by thrd_exit", C11_EXITS);
	ends("is cancelled", CANCELLED);
	cancelled("caught as forced unwind", catches);
	cancelled("in a handler, caught with all", catches_all);
	at_exit();
	fflush(stdout);
	pthread_create(&t, nullptr, exits_process, nullptr);
	pthread_join(t, nullptr);
	return 1;
}
