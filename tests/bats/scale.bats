# SPDX-License-Identifier: MIT
#
# scale.bats - very many threads: blocked, woken, joined.

load helper

export BATS_TEST_TIMEOUT=300

# Memory that is free, MB.
available()
{
	awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo
}

# scale PROCS THREADS [NAME=VALUE...] - shimmed; says what it took.
scale()
{
	local procs=$1 threads=$2

	shift 2
	run --separate-stderr timeout -k 5 240 env "$@" LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS="$procs" \
		"$GS_BUILD/tests/scale" "$threads"
	assert_output "round 1: joined all
round 2: joined all" || { echo "$stderr"; return 1; }
	assert_success
	kernel=$(sed -n 's/^round 1 kernel_threads //p' <<<"$stderr")
	[ "$kernel" -le $((procs + 8)) ] || fail "$kernel kernel threads for $threads threads"
	echo "# $threads threads: $(tr '\n' ',' <<<"$stderr" | sed 's/round \([12]\) /\1:/g; s/,$//; s/,/, /g')" >&3
}

@test "5000 threads, bare and shimmed" {
	compare scale 5000
}

@test "100,000 threads on 8 MiB stacks" {
	[ "$(available)" -ge 3000 ] || skip "3 GB of memory are needed, $(available) MB are available"
	scale 2 100000
}

@test "100,000 threads on one processor" {
	[ "$(available)" -ge 3000 ] || skip "3 GB of memory are needed, $(available) MB are available"
	scale 1 100000 GOSHIM_STACK_SIZE=64k
}

@test "1,000,000 threads on 64 KiB stacks" {
	[ "$(available)" -ge 14000 ] || skip "14 GB of memory are needed, $(available) MB are available"
	scale 2 1000000 GOSHIM_STACK_SIZE=64k
}
