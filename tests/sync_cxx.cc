// SPDX-License-Identifier: MIT
//
// sync_cxx.cc - synchronisation as C++ programs do it: call_once with a routine that
// throws, shared_mutex, timed locks, condition_variable_any, atomic wait, latch,
// barrier, counting_semaphore, promises. What is of C++20 is left out when the
// compiler was not asked for that.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>
#if __cplusplus >= 202002L
#include <barrier>
#include <latch>
#include <semaphore>
#include <stop_token>
#endif

using namespace std::chrono_literals;

static void once()
{
	std::once_flag flag;
	std::atomic<int> tries{0}, thrown{0}, after{0};
	std::vector<std::thread> threads;

	for (int i = 0; i < 8; i++)
		threads.emplace_back([&] {
			try {
				std::call_once(flag, [&] {
					std::this_thread::sleep_for(5ms);
					if (tries++ < 3)
						throw std::runtime_error("not yet");
				});
				after++;
			} catch (std::runtime_error &) {
				thrown++;
			}
		});
	for (auto &t : threads)
		t.join();
	std::printf("call_once: %d tries, %d thrown, %d after\n", tries.load(), thrown.load(),
		    after.load());
}

static void locks()
{
	std::shared_mutex shared;
	std::timed_mutex timed;
	std::recursive_timed_mutex nested;
	long value = 0;
	std::atomic<int> timeouts{0};
	std::vector<std::thread> threads;

	for (int i = 0; i < 6; i++)
		threads.emplace_back([&, i] {
			for (int k = 0; k < 500; k++) {
				if (i % 2) {
					std::unique_lock l(shared);
					value++;
				} else {
					std::shared_lock l(shared);
					(void)*const_cast<volatile long *>(&value);
				}
				if (!timed.try_lock_for(10s))
					timeouts++;
				else
					timed.unlock();
				if (!nested.try_lock_until(std::chrono::steady_clock::now() + 10s))
					timeouts++;
				else
					nested.unlock();
			}
		});
	for (auto &t : threads)
		t.join();
	timed.lock();
	std::thread t([&] { timeouts += !timed.try_lock_for(10ms); });
	t.join();
	timed.unlock();
	std::printf("locks: %ld, %d timed out\n", value, timeouts.load());
}

static void conditions()
{
	std::mutex m;
	std::condition_variable_any any;
	std::condition_variable cv;
	bool ready = false;
	int seen = 0;
#if __cplusplus >= 202002L
	std::jthread stopped([&](std::stop_token st) {
		std::unique_lock l(m);
		any.wait(l, st, [] { return false; });
		seen++;
	});
#endif
	std::thread waiter([&] {
		std::unique_lock l(m);
		cv.wait(l, [&] { return ready; });
		seen++;
	});

	std::this_thread::sleep_for(10ms);
#if __cplusplus >= 202002L
	stopped.request_stop();
	stopped.join();
#endif
	any.notify_all();
	{
		std::unique_lock l(m);
		std::printf("wait_for: %d\n", cv.wait_for(l, 10ms) == std::cv_status::timeout);
		ready = true;
	}
	cv.notify_all();
	waiter.join();
	std::printf("conditions: %d\n", seen);
}

#if __cplusplus >= 202002L
static void atomics()
{
	std::atomic<int> turn{0};
	std::latch start(5);
	std::atomic<int> phases{0};
	auto phase = [&]() noexcept { phases++; };
	std::barrier gate(4, phase);
	std::counting_semaphore<4> slots(2);
	std::atomic<int> inside{0}, most{0};
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back([&, i] {
			start.arrive_and_wait();
			for (int k = 0; k < 200; k++) {
				for (int v = turn; v != i; v = turn)
					turn.wait(v);
				turn = (i + 1) % 4;
				turn.notify_all();
				if (k % 20 == 0)
					gate.arrive_and_wait();
				slots.acquire();
				int now = ++inside;
				int seen = most;
				while (seen < now && !most.compare_exchange_weak(seen, now))
					;
				inside--;
				slots.release();
			}
		});
	start.arrive_and_wait();
	for (auto &t : threads)
		t.join();
	std::printf("atomics: turn %d, phases %d, %s\n", turn.load(), phases.load(),
		    most <= 2 ? "never too many inside" : "TOO MANY INSIDE");
}

#else
static void atomics()
{
	std::puts("atomics: not in this C++");
}
#endif

static void futures()
{
	std::promise<int> p;
	std::shared_future<int> f = p.get_future().share();
	std::vector<std::future<int>> results;
	int sum = 0;

	for (int i = 0; i < 8; i++)
		results.push_back(std::async(std::launch::async, [f, i] { return f.get() + i; }));
	std::printf("wait_for: %d\n", f.wait_for(10ms) == std::future_status::timeout);
	p.set_value(100);
	for (auto &r : results)
		sum += r.get();
	std::printf("futures: %d\n", sum);
}

int main()
{
	once();
	locks();
	conditions();
	atomics();
	futures();
	return 0;
}
