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

# free_port - a TCP port of 127.0.0.1 that nobody listens on at the moment.
free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
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
