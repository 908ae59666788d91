// SPDX-License-Identifier: MIT
//
// turns_fiber.cc - turns.c with Boost.Fiber, where it has the means: cond, yield, ring.
#include <boost/fiber/all.hpp>
#include <vector>

extern "C" {
#include "bench.h"
}

using boost::fibers::fiber;

static boost::fibers::pooled_fixedsize_stack stacks(65536);

struct seat {
	boost::fibers::mutex lock;
	boost::fibers::condition_variable cond;
	bool token = false;

	void give()
	{
		std::unique_lock<boost::fibers::mutex> held(lock);
		token = true;
		cond.notify_one();
	}
	void take()
	{
		std::unique_lock<boost::fibers::mutex> held(lock);
		while (!token)
			cond.wait(held);
		token = false;
	}
};

static void ring(long hops)
{
	enum { RING = 1000 };
	std::vector<seat> seats(RING);
	std::vector<fiber> fibers;

	for (long me = 0; me < RING; me++)
		fibers.emplace_back(std::allocator_arg, stacks, [&seats, me, hops] {
			for (long i = me; i < hops; i += RING) {
				seats[me].take();
				seats[(me + 1) % RING].give();
			}
		});
	seats[0].give();
	for (auto &f : fibers)
		f.join();
}

template <class Player> static void two(Player player)
{
	fiber other(std::allocator_arg, stacks, [&] { player(1); });

	player(0);
	other.join();
}

static void cond(long hops)
{
	boost::fibers::mutex lock;
	boost::fibers::condition_variable changed;
	int turn = 0;

	two([&](int me) {
		std::unique_lock<boost::fibers::mutex> held(lock);
		for (long i = 0; i < hops / 2; i++) {
			while (turn != me)
				changed.wait(held);
			turn = !me;
			changed.notify_one();
		}
	});
}

static void yield(long hops)
{
	int last = 0;
	long done = 0;

	two([&](int me) {
		while (done < hops) {
			if (last != me) {
				last = me;
				done++;
			}
			boost::this_fiber::yield();
		}
	});
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "cond";

	per_turn("hop", strcmp(kind, "ring") == 0 ? ring : strcmp(kind, "yield") == 0 ? yield : cond,
		 argc > 2 ? (double)number(argv[2]) : 200);
}
