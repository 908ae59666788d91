/* SPDX-License-Identifier: MIT */
/*
 * sync_cxx20.cc - C++20's latch, barrier, semaphores, stop tokens and atomics that wait:
 * libstdc++ builds them on futexes through syscall().
 */
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <latch>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void latches()
{
	std::atomic<int> early{0}, before{0};

	for (int k = 0; k < 100; k++) {
		std::latch start(1), done(8);
		std::atomic<bool> open{false};
		std::vector<std::jthread> threads;

		for (int i = 0; i < 8; i++)
			threads.emplace_back([&] {
				start.wait();
				if (!open)
					early++;
				before++;
				done.count_down();
			});
		open = true;
		start.count_down();
		done.wait();
		if (before != 8 * (k + 1))
			early++;
		if (!done.try_wait())
			early++;
	}
	printf("latch: %d early\n", early.load());
}

static void barriers()
{
	enum { PARTIES = 6, PHASES = 200 };
	int completed = 0;
	std::atomic<int> wrong{0};
	auto complete = [&]() noexcept { completed++; };
	std::barrier meet(PARTIES, complete);
	std::vector<std::jthread> threads;

	for (int i = 0; i < PARTIES; i++)
		threads.emplace_back([&, i] {
			for (int phase = 0; phase < PHASES; phase++) {
				if (i == 0 && phase == PHASES / 2) {
					meet.arrive_and_drop();
					return;
				}
				meet.arrive_and_wait();
				if (completed < phase + 1)
					wrong++;
			}
		});
	threads.clear();
	printf("barrier: %d phases, %d wrong\n", completed, wrong.load());
}

static void semaphores()
{
	std::counting_semaphore<10> tokens(3);
	std::binary_semaphore turn(0);
	std::atomic<int> inside{0}, most{0}, too_many{0};
	std::vector<std::jthread> threads;

	for (int i = 0; i < 8; i++)
		threads.emplace_back([&] {
			for (int k = 0; k < 300; k++) {
				tokens.acquire();
				if (++inside > 3)
					too_many++;
				std::this_thread::yield();
				inside--;
				tokens.release();
			}
		});
	threads.clear();
	printf("semaphore: %d too many, in time %d, out of time %d\n", too_many.load(),
	       tokens.try_acquire_for(1h), turn.try_acquire_for(5ms));
	std::jthread other([&] { turn.release(); });
	turn.acquire();
	printf("binary semaphore: %d left\n", turn.try_acquire());
}

static void atomics()
{
	std::atomic<int> ball{0};
	std::atomic<long long> wide{0}; /* libstdc++ waits for these by proxy */
	std::atomic_flag flag;
	std::vector<std::jthread> threads;

	for (int i = 0; i < 3; i++)
		threads.emplace_back([&, i] {
			for (int k = 0; k < 2000; k++) {
				int now;

				while ((now = ball.load()) % 3 != i)
					ball.wait(now);
				ball++;
				ball.notify_all();
			}
		});
	for (int i = 0; i < 2; i++)
		threads.emplace_back([&, i] {
			for (int k = 0; k < 500; k++) {
				long long now;

				while ((now = wide.load()) % 2 != i)
					wide.wait(now);
				wide++;
				wide.notify_one();
			}
		});
	threads.emplace_back([&] { flag.wait(false); });
	flag.test_and_set();
	flag.notify_all();
	threads.clear();
	printf("atomics: %d %lld\n", ball.load(), wide.load());
}

static void stops()
{
	std::condition_variable_any cv;
	std::mutex m;
	std::atomic<int> stopped{0}, called{0};
	std::vector<std::jthread> threads;

	for (int i = 0; i < 20; i++)
		threads.emplace_back([&](std::stop_token token) {
			std::atomic<bool> mine{false};
			std::stop_callback callback(token, [&] { mine = true; });
			std::unique_lock lock(m);

			cv.wait(lock, token, [] { return false; });
			stopped += token.stop_requested();
			lock.unlock();
			while (!mine) /* whoever asked is on the way to it */
				std::this_thread::yield();
			called++;
		});
	threads[3].request_stop();
	threads.clear(); /* asks and joins */
	printf("stop tokens: %d stopped, %d called\n", stopped.load(), called.load());
}

int main()
{
	latches();
	barriers();
	semaphores();
	atomics();
	stops();
	return 0;
}
