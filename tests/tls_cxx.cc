/* SPDX-License-Identifier: MIT */
/*
 * tls_cxx.cc - C++ on threads: thread_local with constructors and destructors,
 * exceptions in flight while others run, once flags that throw, and the
 * standard library's own threads, locks, futures and atomics that wait.
 */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <queue>
#include <sched.h>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> constructed, destructed, destroyed_wrong;

struct Counted {
	std::thread::id owner = std::this_thread::get_id();
	std::string text = "a string long enough to live on the heap, surely";
	int value = 0;
	Counted() { constructed++; }
	~Counted()
	{
		destructed++;
		if (owner != std::this_thread::get_id() || text.size() != 48)
			destroyed_wrong++;
	}
};

static thread_local Counted counted;
static thread_local std::map<int, std::string> table;

static void test_thread_local()
{
	std::vector<std::thread> threads;
	std::atomic<int> wrong{0};

	for (int id = 0; id < 50; id++)
		threads.emplace_back([id, &wrong] {
			for (int i = 0; i < 200; i++) {
				counted.value += id;
				table[i % 10] = std::to_string(id * i);
				std::this_thread::yield();
				if (counted.value != id * (i + 1) || table[i % 10] != std::to_string(id * i))
					wrong++;
			}
			if (table.size() != 10)
				wrong++;
		});
	for (auto &t : threads)
		t.join();
	printf("thread_local: wrong %d, constructed %d, destructed %d, by the wrong thread %d\n",
	       wrong.load(), constructed.load(), destructed.load(), destroyed_wrong.load());
}

/* The order of destructors at thread exit: thread_local last made goes first. */
struct Noisy {
	std::string *log;
	const char *name;
	Noisy(std::string *l, const char *n) : log(l), name(n) { *log += std::string("+") + name; }
	~Noisy() { *log += std::string("-") + name; }
};

static void test_order()
{
	std::string log;

	std::thread([&log] {
		thread_local Noisy a(&log, "a");
		thread_local Noisy b(&log, "b");
		Noisy c(&log, "c");
	}).join();
	printf("order: %s\n", log.c_str());
}

static int dive(int depth, int id)
{
	std::string guard = "unwinding must free this string, it is on the heap";

	if (depth == 0) {
		std::this_thread::yield();
		throw std::runtime_error("thrown by " + std::to_string(id));
	}
	return dive(depth - 1, id) + (int)guard.size();
}

static void test_exceptions()
{
	std::vector<std::thread> threads;
	std::atomic<int> wrong{0}, caught{0}, nested{0};

	for (int id = 0; id < 40; id++)
		threads.emplace_back([id, &wrong, &caught, &nested] {
			for (int i = 0; i < 50; i++) {
				try {
					dive(i % 20, id);
					wrong++;
				} catch (const std::exception &e) {
					/* Others throw and catch while this one is being handled. */
					std::this_thread::yield();
					std::this_thread::sleep_for(std::chrono::microseconds(id));
					if (e.what() != "thrown by " + std::to_string(id))
						wrong++;
					caught++;
					try {
						dive(3, id + 1000);
					} catch (const std::exception &inner) {
						std::this_thread::yield();
						if (inner.what() != "thrown by " + std::to_string(id + 1000))
							wrong++;
						nested++;
					}
					try {
						throw; /* still the outer one */
					} catch (const std::runtime_error &again) {
						if (again.what() != "thrown by " + std::to_string(id))
							wrong++;
					}
				}
				if (std::uncaught_exceptions() != 0)
					wrong++;
			}
		});
	for (auto &t : threads)
		t.join();
	printf("exceptions: caught %d, nested %d, wrong %d\n", caught.load(), nested.load(),
	       wrong.load());
}

static void test_call_once()
{
	std::once_flag flag;
	std::atomic<int> tries{0}, done{0}, failures{0};
	std::vector<std::thread> threads;

	for (int i = 0; i < 20; i++)
		threads.emplace_back([&] {
			try {
				std::call_once(flag, [&] {
					int n = ++tries;

					std::this_thread::sleep_for(std::chrono::milliseconds(1));
					if (n <= 3)
						throw std::runtime_error("not yet");
				});
				done++;
			} catch (const std::runtime_error &) {
				failures++;
			}
		});
	for (auto &t : threads)
		t.join();
	printf("call_once: tries %d, failures %d, done %d\n", tries.load(), failures.load(), done.load());
}

static int static_made;
static int slow_static()
{
	static_made++;
	std::this_thread::sleep_for(std::chrono::milliseconds(2));
	return 7;
}

static void test_static_guard()
{
	std::vector<std::thread> threads;
	std::atomic<int> sum{0};

	for (int i = 0; i < 20; i++)
		threads.emplace_back([&] {
			static int value = slow_static(); /* __cxa_guard_acquire waits */
			sum += value;
		});
	for (auto &t : threads)
		t.join();
	printf("static guard: made %d, sum %d\n", static_made, sum.load());
}

static void test_queue()
{
	std::mutex m;
	std::condition_variable cv;
	std::queue<int> queue;
	bool closed = false;
	std::atomic<long> sum{0};
	std::vector<std::thread> consumers, producers;

	for (int i = 0; i < 8; i++)
		consumers.emplace_back([&] {
			for (;;) {
				std::unique_lock<std::mutex> lock(m);

				cv.wait(lock, [&] { return closed || !queue.empty(); });
				if (queue.empty())
					return;
				sum += queue.front();
				queue.pop();
			}
		});
	for (int i = 0; i < 8; i++)
		producers.emplace_back([&, i] {
			for (int k = 0; k < 500; k++) {
				std::lock_guard<std::mutex> lock(m);

				queue.push(i * 500 + k);
				cv.notify_one();
			}
		});
	for (auto &t : producers)
		t.join();
	{
		std::lock_guard<std::mutex> lock(m);

		closed = true;
	}
	cv.notify_all();
	for (auto &t : consumers)
		t.join();
	printf("queue: sum %ld\n", sum.load());

	std::unique_lock<std::mutex> lock(m);
	auto before = std::chrono::steady_clock::now();
	bool woken = cv.wait_for(lock, std::chrono::milliseconds(20), [] { return false; });
	auto took = std::chrono::steady_clock::now() - before;

	printf("wait_for: %s, %s\n", woken ? "woken" : "timed out",
	       took >= std::chrono::milliseconds(20) ? "not early" : "early");

	std::timed_mutex tm;
	tm.lock();
	std::thread([&tm] {
		printf("timed_mutex: %s\n",
		       tm.try_lock_for(std::chrono::milliseconds(10)) ? "locked" : "timed out");
	}).join();
	tm.unlock();

	std::shared_mutex sm;
	int shared = 0;
	std::vector<std::thread> rw;

	for (int i = 0; i < 10; i++)
		rw.emplace_back([&, i] {
			for (int k = 0; k < 100; k++) {
				if (i % 2) {
					std::unique_lock<std::shared_mutex> w(sm);
					int old = shared;

					std::this_thread::yield();
					shared = old + 1;
				} else {
					std::shared_lock<std::shared_mutex> r(sm);

					std::this_thread::yield();
				}
			}
		});
	for (auto &t : rw)
		t.join();
	printf("shared_mutex: %d\n", shared);
}

static void test_futures()
{
	std::vector<std::future<int>> futures;
	int sum = 0;

	for (int i = 0; i < 30; i++)
		futures.push_back(std::async(std::launch::async, [i] {
			std::this_thread::yield();
			if (i % 10 == 9)
				throw std::out_of_range(std::to_string(i));
			return i * i;
		}));
	for (auto &f : futures) {
		try {
			sum += f.get();
		} catch (const std::out_of_range &e) {
			printf("future threw %s\n", e.what());
		}
	}
	printf("futures: sum %d\n", sum);

	std::promise<std::string> promise;
	auto future = promise.get_future();

	printf("not ready: %d\n", future.wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout);
	std::thread t([&promise] { promise.set_value_at_thread_exit("said at thread exit"); });
	printf("promise: %s\n", future.get().c_str());
	t.join();

	std::packaged_task<int(int)> task([](int x) { return x + 1; });
	auto result = task.get_future();

	std::thread(std::move(task), 41).join();
	printf("packaged_task: %d\n", result.get());

	{
		std::promise<int> broken;

		future = std::future<std::string>();
		auto lost = broken.get_future();
		{
			std::promise<int> gone(std::move(broken));
		}
		try {
			lost.get();
		} catch (const std::future_error &e) {
			printf("broken promise: %d\n", e.code() == std::future_errc::broken_promise);
		}
	}
}

#if __cplusplus >= 202002L
#include <barrier>
#include <latch>
#include <semaphore>
#include <stop_token>

static void test_cxx20()
{
	std::atomic<int> ball{0};
	const int rounds = 500;
	std::thread other([&] {
		for (int i = 0; i < rounds; i++) {
			int seen;

			while ((seen = ball.load()) % 2 == 0)
				ball.wait(seen);
			ball++;
			ball.notify_one();
		}
	});
	for (int i = 0; i < rounds; i++) {
		int seen;

		while ((seen = ball.load()) % 2 == 1)
			ball.wait(seen);
		ball++;
		ball.notify_one();
	}
	other.join();
	printf("atomic wait: %d\n", ball.load());

	std::counting_semaphore<8> slots(2);
	std::latch latch(10);
	std::atomic<int> inside{0}, too_many{0};
	int phases = 0;
	auto phase = [&phases]() noexcept { phases++; };
	std::barrier<decltype(phase)> barrier(10, phase);
	std::vector<std::jthread> threads;

	for (int i = 0; i < 10; i++)
		threads.emplace_back([&] {
			slots.acquire();
			if (++inside > 2)
				too_many++;
			std::this_thread::yield();
			inside--;
			slots.release();
			latch.arrive_and_wait();
			for (int k = 0; k < 20; k++)
				barrier.arrive_and_wait();
		});
	threads.clear();
	printf("semaphore: too many %d; latch, barrier: phases %d\n", too_many.load(), phases);

	std::condition_variable_any cv;
	std::mutex m;
	bool stopped = false;
	{
		std::jthread t([&](std::stop_token token) {
			std::unique_lock<std::mutex> lock(m);

			cv.wait(lock, token, [] { return false; });
			stopped = token.stop_requested();
		});
	}
	printf("stop_token: %d\n", stopped);
}
#endif

int main()
{
	test_thread_local();
	test_order();
	test_exceptions();
	test_call_once();
	test_static_guard();
	test_queue();
	test_futures();
#if __cplusplus >= 202002L
	test_cxx20();
#endif
	try {
		std::thread t;
		t.join();
	} catch (const std::system_error &e) {
		printf("join of no thread: %s\n", e.code() == std::errc::invalid_argument ? "EINVAL" : "?");
	}
	/* main's own thread_local object is destroyed after this. */
	counted.value = 1;
	printf("end\n");
	return 0;
}
