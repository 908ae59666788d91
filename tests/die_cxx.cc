/* SPDX-License-Identifier: MIT */
/*
 * die_cxx.cc - the ways a C++ process with threads ends by an exception.
 *
 *	die_cxx WAY		(without WAY: the list of ways)
 */
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <pthread.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

struct noisy {
	const char *what;
	explicit noisy(const char *w) : what(w) {}
	~noisy() { std::printf("~%s\n", what); std::fflush(stdout); }
};

static thread_local noisy of_thread("thread_local");

static void thrower()
{
	noisy n("frame");

	std::printf("%s\n", of_thread.what);
	std::fflush(stdout);
	throw std::runtime_error("thrown");
}

static void in_thread(void (*fn)())
{
	std::thread t(fn);

	t.join();
}

static void no_throw() noexcept
{
	thrower();
}

static void *raw_body(void *)
{
	thrower();
	return nullptr;
}

static void raw_thread()
{
	pthread_t t;

	pthread_create(&t, nullptr, raw_body, nullptr);
	pthread_join(t, nullptr);
}

static void on_terminate()
{
	try {
		std::rethrow_exception(std::current_exception());
	} catch (const std::exception &e) {
		std::printf("terminate: %s\n", e.what());
	}
	std::fflush(stdout);
	_exit(17);
}

static void with_handler()
{
	std::set_terminate(on_terminate);
	in_thread(thrower);
}

static void leave_joinable()
{
	std::thread t([] { pause(); });
}

static void caught()
{
	in_thread([] {
		try {
			thrower();
		} catch (const std::exception &e) {
			std::printf("caught %s\n", e.what());
		}
	});
	std::exit(3);
}

static void exit_thread()
{
	in_thread([] {
		noisy n("not destroyed");

		std::exit(4);
	});
}

static const struct {
	const char *name;
	void (*fn)();
} ways[] = {
	{ "main", thrower },
	{ "thread", [] { in_thread(thrower); } },
	{ "raw-thread", raw_thread },
	{ "noexcept", [] { in_thread(no_throw); } },
	{ "handler", with_handler },
	{ "joinable", leave_joinable },
	{ "caught", caught },
	{ "exit-thread", exit_thread },
};

int main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	static noisy global("static");
	int status = 0;

	setrlimit(RLIMIT_CORE, &no_core);
	for (const auto &way : ways) {
		if (argc < 2) {
			std::puts(way.name);
		} else if (std::strcmp(argv[1], way.name) == 0) {
			pid_t pid = fork();

			if (pid == 0) {
				std::thread company([] { for (;;) usleep(100); });

				company.detach();
				way.fn();
				return 0;
			}
			waitpid(pid, &status, 0);
			std::printf("status %x\n", status);
		}
	}
	std::fflush(stdout);
	_exit(0);
}
