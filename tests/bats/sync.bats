# SPDX-License-Identifier: MIT
#
# sync.bats - synchronisation behaves as glibc's does, whoever waits.

load helper

@test "mutexes: answers, exclusion, time-outs, robust and shared ones" {
	compare sync_mutex
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

@test "nobody starves" {
	compare sync_fair
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

@test "C++: call_once, locks, conditions, futures" {
	[ -x "$(program sync_cxx)" ] || skip "no C++ compiler"
	compare sync_cxx
}
