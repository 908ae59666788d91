// SPDX-License-Identifier: MIT
//
// create_fiber.cc - create.c with Boost.Fiber, its stacks from a pool as its manual advises.
#include <boost/fiber/all.hpp>

extern "C" {
#include "bench.h"
}

static boost::fibers::pooled_fixedsize_stack stacks(65536);

static void create(long turns)
{
	for (long i = 0; i < turns; i++)
		boost::fibers::fiber(std::allocator_arg, stacks, [] {}).join();
}

int main(int argc, char **argv)
{
	create(100);
	operations(100);
	per_turn("create", create, argc > 1 ? (double)number(argv[1]) : 200);
}
