# SPDX-License-Identifier: MIT
#
# block.bats - no call, hooked or not, by which one thread stalls the others; and what
# that costs in kernel threads is bounded, given back, and said.

load helper

setup()
{
	unset LD_PRELOAD GOSHIM_MAXPROCS GOSHIM_DEBUG GOSHIM_REDIRECT
}

# figure NAME - the number a program or the library has written to standard error.
figure()
{
	sed -n "s/^\(goshim\[[0-9]*\]: \)\{0,1\}$1 *\([0-9]*\)$/\2/p" <<<"$stderr"
}

# counted PROCS PROGRAM [ARG...] - runs it with the counters printed; output and
# standard error are in $output and $stderr.
counted()
{
	local procs=$1 program=$2

	shift 2
	run --separate-stderr timeout -k 5 60 env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS="$procs" \
		GOSHIM_STATS=1 "$(program "$program")" "$@" </dev/null
	assert_success
}

# bounded MOST - the kernel threads the last program has seen.
bounded()
{
	local n

	n=$(figure kernel_threads)
	[ "$n" -le "$1" ] || fail "$n kernel threads instead of at most $1"
}

@test "each call that blocks, while others run" {
	compare block_calls
}

@test "none of them is left to the monitor" {
	counted 1 block_calls
	refute [ "$(grep -c 'green threads' <<<"$stderr")" -gt 0 ]
	run grep 'unannounced' <<<"$stderr"
	refute_output --regexp '[1-9][0-9]* of them unannounced'
}

@test "the same without the second door: the monitor covers" {
	GOSHIM_REDIRECT=0 GS_PROCS="1 2" compare block_calls
}

@test "the same with random yields" {
	local seed

	for seed in 1 2; do
		GOSHIM_DEBUG=perturb=$seed GS_PROCS="1 3" compare block_calls
	done
}

@test "threads are cancelled in them, and before" {
	compare block_cancel
}

@test "syslog, when the log is full" {
	unshare -m true 2>/dev/null || skip "no name space for files can be had"
	compare block_syslog
}

@test "a constructor that blocks in dlopen" {
	printf '%s\n' '#include <unistd.h>' '#include <stdlib.h>' \
		'__attribute__((constructor)) static void start(void)' \
		'{ char c; if (read(atoi(getenv("DLOPEN_FD")), &c, 1) != 1) abort(); }' |
		$CC -shared -fPIC -x c -o "$BATS_TEST_TMPDIR/slow.so" -
	compare block_dlopen "$BATS_TEST_TMPDIR/slow.so"
	GOSHIM_REDIRECT=0 compare block_dlopen "$BATS_TEST_TMPDIR/slow.so"
}

@test "thousands in fgets, getline, getaddrinfo and waitpid" {
	local most=$(($(ulimit -Hn) / 5)) n procs

	n=$((most < 2000 ? most : 2000))
	GS_PROCS="1 2" compare block_crowd "$n" "$n" 500 100
	for procs in 1 2; do
		counted "$procs" block_crowd "$n" "$n" 500 100
		bounded $((procs + 4))
	done
}

@test "one processor, and threads that give nobody a chance" {
	GS_PROCS="1 2" compare block_hogs
	counted 1 block_hogs
	assert_regex "$stderr" 'system call read \(0\) blocked .* 1 of them unannounced'
	assert_regex "$stderr" 'system call flock '
	GOSHIM_REDIRECT=0 GS_PROCS=1 compare block_hogs
}

@test "files are read and synced while 1,000 connections are served" {
	compare block_files
	counted 2 block_files
	bounded $((2 + 64 + 4))
}

@test "calls nobody can catch: kernel threads bounded, and given back" {
	compare block_extra 30
	counted 2 block_extra 30
	bounded $((30 + 2 + 4))
}

@test "GOSHIM_MAXTHREADS is kept to, and said once when reached" {
	local pid limited='all 10 kernel threads are in system calls'

	export GOSHIM_MAXTHREADS=10
	compare block_extra 30 11
	# Nobody is let go before it was said.
	mkfifo "$BATS_TEST_TMPDIR/in"
	env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=2 timeout -k 5 60 "$(program block_extra)" 30 11 \
		<"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	exec 8>"$BATS_TEST_TMPDIR/in"
	wait_for 50 grep -q "$limited" "$BATS_TEST_TMPDIR/err" || true
	exec 8>&-
	wait "$pid"
	stderr=$(cat "$BATS_TEST_TMPDIR/err")
	# and the monitor
	bounded $((10 + 1))
	[ "$(grep -c "$limited" <<<"$stderr")" = 1 ]
}

@test "goshim stat names the calls that cost a kernel thread" {
	start_server 1 "$(program block_hogs)" 100000
	stat_shows()
	{
		"$GS_TOOL" stat "$server" >"$BATS_TEST_TMPDIR/stat" || return 1
		grep -q '^  read .*, 1 unannounced$' "$BATS_TEST_TMPDIR/stat" &&
			grep -q '^  flock  *[1-9]' "$BATS_TEST_TMPDIR/stat"
	}
	wait_for 20 stat_shows || {
		cat "$BATS_TEST_TMPDIR/stat" "$BATS_TEST_TMPDIR/server.err"
		kill -KILL "$server"
		return 1
	}
	kill -KILL "$server"
	wait "$server" 2>/dev/null || true
}

# The outermost frames of so many threads are in the report.
dumped()
{
	[ "$(grep -cE ' (_start|gs_life_entry)\+' "$BATS_TEST_TMPDIR/server.err")" -ge "$1" ]
}

# deadlock HOW THREADS - runs it until it has said so; the report is in $stderr.
deadlock()
{
	start_server "$procs" env GOSHIM_DEBUG=deadlock "$(program deadlock)" "$1"
	wait_for 20 dumped "$2" || {
		cat "$BATS_TEST_TMPDIR/server.err"
		kill -KILL "$server"
		return 1
	}
	kill -KILL "$server"
	wait "$server" 2>/dev/null || true
	stderr=$(cat "$BATS_TEST_TMPDIR/server.err")
	[ "$(grep -c "deadlock: all $2 green threads" <<<"$stderr")" = 1 ]
}

@test "deadlocks are reported, with who waits for what" {
	local procs

	for procs in 1 2; do
		deadlock locks 3
		assert_regex "$stderr" 'waiting: join of thread'
		[ "$(grep -c 'waiting: mutex on' <<<"$stderr")" = 2 ]
		deadlock join 3
		[ "$(grep -c 'waiting: join of thread' <<<"$stderr")" = 2 ]
		deadlock cond 2
		assert_regex "$stderr" 'waiting: cond wait on'
	done
}

@test "no deadlock is reported while one thread is only asleep" {
	run --separate-stderr timeout 20 env LD_PRELOAD="$GS_LIB" GOSHIM_DEBUG=deadlock \
		"$(program deadlock)" alive
	assert_output alive
	[ "$status" = 3 ]
	[ -z "$stderr" ] || fail "$stderr"
}
