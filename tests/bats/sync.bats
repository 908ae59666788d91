# SPDX-License-Identifier: MIT
#
# sync.bats - synchronisation behaves as glibc's does, whoever waits.

load helper

@test "mutexes: answers, exclusion, time-outs, robust and shared ones" {
	compare sync_mutex
}

@test "priority ceilings: who may lock, what priority the owner has" {
	local policy who

	for policy in other fifo rr; do
		for who in thread main; do
			compare sync_ceiling "$policy" "$who"
			[ "$(id -u)" != 0 ] || compare sync_ceiling "$policy" "$who" unprivileged
		done
	done
	compare sync_ceiling fifo early
}

@test "priority inheritance: what the owner is lent, for how long, who is served first" {
	local seed

	each sync_inherit
	for seed in 1 2 3; do
		GS_PROCS="1 2 8" GOSHIM_DEBUG=perturb=$seed each sync_inherit
	done
}

@test "between processes: conditions with every kind of mutex, priority that is lent" {
	compare sync_between
	[ "$(id -u)" != 0 ] || compare sync_between unprivileged
}

@test "condition variables: no wake-up is lost" {
	compare sync_cond
}

@test "read-write locks: answers, exclusion, who is next" {
	compare sync_rwlock
}

@test "semaphores: no token is lost or made up" {
	compare sync_sem
}

@test "barriers, once, spin locks, C11" {
	compare sync_misc
}

@test "futexes through syscall()" {
	compare sync_futex
}

@test "locks made of futexes, as Rust's library has them" {
	compare sync_rust
}

@test "nobody starves" {
	compare sync_fair
}

# libc promises no bound; these are the library's own.
@test "nobody waits for a lock while others take it more than so many times" {
	local procs seed

	for procs in 1 2 4; do
		for seed in "" perturb=1 perturb=2; do
			GOSHIM_DEBUG=$seed GOSHIM_MAXPROCS=$procs \
				run shim timeout 60 "$GS_BUILD/tests/sync_fair" bounds
			assert_success
		done
	done
}

@test "threads that libc starts by itself" {
	compare sync_foreign
}

@test "signal handlers while waiting" {
	compare sync_signal
}

@test "every kind of wait under a storm of signals" {
	compare sync_storm
}

@test "C++20: latches, barriers, semaphores, stop tokens, atomics that wait" {
	[ -x "$(program sync_cxx20)" ] || skip "no C++ compiler"
	compare sync_cxx20
}

@test "C++: call_once, locks, conditions, futures" {
	[ -x "$(program sync_cxx)" ] || skip "no C++ compiler"
	compare sync_cxx
}
