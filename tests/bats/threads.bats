# SPDX-License-Identifier: MIT
#
# threads.bats - threads begin, live and end as pthreads do.

load helper

@test "attributes, stacks, names, identity" {
	compare attr
}

@test "the same with GOSHIM_STACK_SIZE=128k" {
	GOSHIM_STACK_SIZE=128k compare attr
}

@test "every attribute: what it takes, refuses and does; parameters of live threads" {
	compare attr_values
}

@test "the same without a limit of stacks" {
	ulimit -S -s unlimited || skip "the limit of stacks cannot be raised"
	compare attr_values
}

@test "pthread_create when it cannot" {
	compare create_errors
}

@test "join and detach: values, errors, time limits" {
	compare join_detach
}

@test "threads that have ended, times that are none" {
	compare ended
}

@test "thread-specific data: all keys, destructors, rounds" {
	compare keys
}

# Shells add a line of their own when a child dies of a signal; only the
# program's own output is compared.
@test "the ways a process ends" {
	local way ways failed=

	ways=$(timeout 20 "$GS_BUILD/tests/exit_paths")
	[ "$(wc -w <<<"$ways")" -gt 20 ]
	for way in $ways; do
		GS_TIMEOUT=10 compare exit_paths "$way" || failed="$failed $way"
	done
	[ -z "$failed" ] || fail "different:$failed"
}

@test "a program that jumps out through main's return address" {
	compare main_return 3
	compare main_return 4 thread
}

@test "thread functions that are looked up in libc's handle" {
	compare dlsym_handle
}

@test "an allocator of the program's own, while kernel threads come and go" {
	GS_PROCS="1 2" compare malloc_own
	GS_PROCS="1 2" compare malloc_own nice
}

@test "rights to memory with protection keys" {
	compare pkeys
	compare pkeys late
	compare pkeys raw
}
