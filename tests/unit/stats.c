/* SPDX-License-Identifier: MIT */
/*
 * stats.c - latencies land in the bucket of their power of two of nanoseconds, whatever
 * the cycle counter's rate, and odd ones do no harm.
 */
#include "runtime/host.h"
#include "runtime/stats.h"

#include <stdio.h>

struct gs_host gs_host;

static int failures;

static void expect(const struct gs_stats *s, unsigned bucket, uint64_t n, const char *what)
{
	if (s->latency[bucket] != n) {
		printf("%s: bucket %u holds %lu\n", what, bucket, s->latency[bucket]);
		failures++;
	}
}

int main(void)
{
	static struct gs_stats s;
	uint64_t sum = 0;

	gs_stats_latency(&s, 3000);
	for (unsigned i = 0; i < GS_STATS_BUCKETS; i++)
		sum += s.latency[i];
	expect(&s, 0, sum, "before the rate is known nothing is counted");
	gs_stats_learn(300, 100);
	gs_stats_latency(&s, 3000);
	expect(&s, 9, 0, "a rate learnt in no time is none");
	gs_stats_learn(3000000000, 1000000000);
	gs_stats_latency(&s, 3000 + 3);
	expect(&s, 9, 1, "1001 ns");
	gs_stats_latency(&s, 3 * 1024 + 3);
	expect(&s, 10, 1, "1025 ns");
	gs_stats_latency(&s, 3 * 1023);
	expect(&s, 9, 2, "1022 or 1023 ns");
	gs_stats_latency(&s, -5);
	gs_stats_latency(&s, 0);
	expect(&s, 0, 2, "no time at all");
	gs_stats_latency(&s, INT64_MAX);
	expect(&s, GS_STATS_BUCKETS - 1, 1, "for ever");
	if (s.latency_sum < 1LL << 40) {
		printf("the sum is %lu\n", s.latency_sum);
		failures++;
	}
	if (failures == 0)
		puts("ok");
	return failures != 0;
}
