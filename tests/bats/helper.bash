# SPDX-License-Identifier: MIT
#
# helper.bash - what the .bats files share. `load helper` first.
#
# From run.sh: GS_SRC and GS_BUILD, the absolute source and build directories.
# Variables named GOSHIM_* are the library's own; nothing here may be called so.

bats_require_minimum_version 1.8.0
bats_load_library bats-support
bats_load_library bats-assert

GS_SRC=${GS_SRC:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
GS_BUILD=${GS_BUILD:-$GS_SRC/build}
GS_LIB=$GS_BUILD/.libs/libgoshim.so
GS_TOOL=$GS_BUILD/goshim
CC=${CC:-gcc}

# shim COMMAND [ARG...] - runs it with the library, which nothing but it sees.
shim()
{
	env LD_PRELOAD="$GS_LIB" "$@"
}

# program NAME - the path of a test program; a NAME with a slash is one already.
program()
{
	case $1 in
	*/*) printf '%s\n' "$1" ;;
	*) printf '%s\n' "$GS_BUILD/tests/$1" ;;
	esac
}

# compare PROGRAM [ARG...] - runs it bare, then shimmed with each number of
# processors in GS_PROCS, and fails unless output and exit status are the same.
# Each run has GS_TIMEOUT seconds. Standard error is shown when they differ.
compare()
{
	local path bare shimmed procs dir=$BATS_TEST_TMPDIR result=0

	path=$(program "$1")
	[ -x "$path" ] || { echo "$path: no such program"; return 1; }
	shift
	bare=0
	timeout -k 5 "${GS_TIMEOUT:-60}" "$path" "$@" >"$dir/bare.out" 2>"$dir/bare.err" \
		</dev/null || bare=$?
	for procs in ${GS_PROCS:-1 2 4}; do
		shimmed=0
		timeout -k 5 "${GS_TIMEOUT:-60}" env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS="$procs" \
			"$path" "$@" >"$dir/shim.out" 2>"$dir/shim.err" </dev/null || shimmed=$?
		if [ "$bare" != "$shimmed" ]; then
			echo "GOSHIM_MAXPROCS=$procs: exit status $bare bare, $shimmed shimmed"
			result=1
		fi
		if ! diff -u --label bare --label "shimmed, GOSHIM_MAXPROCS=$procs" \
			"$dir/bare.out" "$dir/shim.out" >"$dir/diff"; then
			head -n 40 "$dir/diff"
			result=1
		fi
		if [ "$result" != 0 ]; then
			echo "--- standard error, bare"
			head -c 2000 "$dir/bare.err"
			echo "--- standard error, shimmed"
			head -c 2000 "$dir/shim.err"
			return 1
		fi
	done
}

# perturbed PROGRAM [ARG...] - compares it, and does so again with random yields and steals,
# by seed: threads change workers, and requests come, at odd places.
perturbed()
{
	local seed

	compare "$@"
	for seed in 1 2 3; do
		GS_PROCS="1 2 8" GOSHIM_DEBUG=perturb=$seed compare "$@" || fail "perturb=$seed"
	done
}

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

# free_port - a TCP port of 127.0.0.1 that nobody listens on at the moment.
free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# refuses ARGS - the goshim command fails with these words as arguments: status 125, one
# line on standard error.
refuses()
{
	# shellcheck disable=SC2086 # words
	run --separate-stderr "$GS_TOOL" $1
	assert_equal "$1: $status" "$1: 125"
	assert_output ""
	[[ $stderr == goshim:* ]]
	assert_equal "${#stderr_lines[@]}" 1
}

# wait_for SECONDS COMMAND [ARG...] - until the command succeeds.
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# need COMMAND... - skips the test where one of them is not installed.
need()
{
	local name

	for name; do
		command -v "$name" >/dev/null 2>&1 || skip "$name is not installed"
	done
}

# in_mode MODE COMMAND [ARG...] - becomes the command: bare, or shimmed with MODE
# processors. For use in the background and in subshells.
in_mode()
{
	local mode=$1

	shift
	[ "$mode" = bare ] || exec env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS="$mode" "$@"
	exec "$@"
}

# start_server MODE COMMAND [ARG...] - in the background; its process id is in
# $server, its output in $BATS_TEST_TMPDIR/server.out and .err.
start_server()
{
	: >"$BATS_TEST_TMPDIR/server.out" # what an earlier one has said is not this one's
	: >"$BATS_TEST_TMPDIR/server.err"
	in_mode "$@" >"$BATS_TEST_TMPDIR/server.out" 2>"$BATS_TEST_TMPDIR/server.err" </dev/null 3>&- &
	server=$!
}

# stop_server STATUS - ends it with SIGTERM; it must do so within 15 seconds, with
# that exit status.
stop_server()
{
	local status=0

	kill -TERM "$server"
	if ! wait_for 15 server_ended; then
		echo "the server did not end at SIGTERM"
		return 1
	fi
	wait "$server" || status=$?
	server=
	[ "$status" = "$1" ] || {
		echo "the server's exit status is $status instead of $1"
		head -c 2000 "$BATS_TEST_TMPDIR/server.err"
		return 1
	}
}

server_ended()
{
	! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$server/status"
}

# For teardown: what a failed test left behind.
kill_server()
{
	[ -z "${server-}" ] || kill -KILL "$server" 2>/dev/null || true
	server=
}

# listening_port - the port the server says it listens on, once it does.
listening_port()
{
	wait_for 15 grep -q '^listening on' "$BATS_TEST_TMPDIR/server.out" || {
		echo "the server did not start" >&2
		head -c 2000 "$BATS_TEST_TMPDIR/server.err" >&2
		return 1
	}
	sed -n 's/^listening on \(.*:\)\{0,1\}//p' "$BATS_TEST_TMPDIR/server.out"
}
