# SPDX-License-Identifier: MIT
#
# processes.bats - processes make processes as they do bare: fork and its relatives, exec,
# ids, ends.

load helper

GS_PROCS="1 2 8"

# each PROGRAM - compares it in each of the ways it names.
each()
{
	local way ways failed=

	ways=$(timeout 20 "$GS_BUILD/tests/$1")
	[ -n "$ways" ]
	for way in $ways; do
		compare "$1" "$way" || failed="$failed $way"
	done
	[ -z "$failed" ] || fail "differ:$failed"
}

@test "fork, daemons, prefork servers, vfork, spawn, clone, stop and continue" {
	each fork_ways
}

@test "user and group ids: the whole process changes, and signals still come" {
	compare ids_all
}
