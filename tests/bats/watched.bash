# SPDX-License-Identifier: MIT
#
# watched.bash - a program to be looked at from outside, for those who test the tools.
# `load watched` after helper; setup and teardown are here.

setup()
{
	unset LD_PRELOAD GOSHIM_MAXPROCS GOSHIM_DEBUG GOSHIM_DUMP_SIGNAL
	pid=
}

teardown()
{
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
}

# start COMPUTING [VARIABLE=VALUE...] - runs dump_wait with that many computing
# threads; its output is in $dir/out and $dir/err, its number in $pid. finish ends it.
start()
{
	start_program "$(program dump_wait)" "$@"
}

# start_program PROGRAM COMPUTING [VARIABLE=VALUE...] - the same with a copy of it.
start_program()
{
	local path=$1 computing=$2

	shift 2
	dir=$BATS_TEST_TMPDIR
	mkfifo "$dir/in"
	env LD_PRELOAD="$GS_LIB" "$@" "$path" "$computing" \
		<"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	exec 8>"$dir/in"
	wait_for 30 test -s "$dir/out"
	assert_equal "$(cat "$dir/out")" "$pid"
	# They have said that they are about to wait; and main says so by waiting.
	wait_for 30 all_wait
}

# Main, and the four threads of dump_wait that do not compute.
all_wait()
{
	"$GS_TOOL" dump --no-stacks "$pid" | grep -q '^goshim.* 5 waiting,'
}

finish()
{
	exec 8>&-
	wait "$pid"
	pid=
}
