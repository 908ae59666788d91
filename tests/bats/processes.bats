# SPDX-License-Identifier: MIT
#
# processes.bats - processes make processes as they do bare: fork and its relatives, exec,
# ids, ends.

load helper

GS_PROCS="1 2 8"

@test "fork, daemons, prefork servers, vfork, spawn, clone, stop and continue" {
	each fork_ways
}

@test "processes made amid malloc, stdio and each other; attributes; exec that fails" {
	each fork_kinds
	compare fork_register
}

@test "a signal for a child that is just being made, with random yields" {
	local seed

	for seed in 1 2 3 4 5 6; do
		GS_PROCS="2 8" GOSHIM_DEBUG=perturb=$seed compare fork_kinds young
	done
}

@test "RLIMIT_NPROC: what cannot be had, and that the rest goes on" {
	[ "$(id -u)" = 0 ] || skip "needs root, for whom there is no limit, to become somebody else"
	compare ids_limit
}

@test "user and group ids: the whole process changes, and signals still come" {
	compare ids_all
}

@test "exec while the library wants something of the thread: the next program hears nothing of it" {
	compare exec_again
	compare exec_again signals
}

@test "exec, by every door: descriptors, environment, what fails" {
	compare exec_env
}

@test "GOSHIM_CHILDREN=0: started programs run without the library" {
	local with without

	run -5 env LIBRARY=1 LD_PRELOAD="$GS_LIB" "$GS_BUILD/tests/exec_env"
	with=$(grep -c 'with the library$' <<<"$output")
	without=$(grep -c 'alone$' <<<"$output")
	[ "$with" = 19 ] && [ "$without" = 6 ] # those that were given an environment
	run -5 env LIBRARY=1 GOSHIM_CHILDREN=0 LD_PRELOAD="$GS_LIB" "$GS_BUILD/tests/exec_env"
	[ "$(grep -c 'alone$' <<<"$output")" = 25 ]
}

@test "the end by an exception" {
	[ -x "$GS_BUILD/tests/die_cxx" ] || skip "built without a C++ compiler"
	each die_cxx
}

@test "ends that race, from threads and from handlers" {
	each die_kinds
}

@test "core dumps where there is one bare" {
	compare die_core
}
