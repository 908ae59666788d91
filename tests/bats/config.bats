# SPDX-License-Identifier: MIT
#
# config.bats - options: what is allowed, what a bad one says, and that none of
# them ever keeps a program from running.

load helper

# explain NAME=VALUE... - `goshim --explain` in that environment; options in $output.
explain()
{
	run --separate-stderr env "$@" "$GS_TOOL" --explain
	assert_success
}

# shows OPTION VALUE SOURCE - the table has such a line.
shows()
{
	assert_line --regexp "^$1 +$2 +$3 "
}

# says LINE - standard error is exactly one line, and that, behind the prefix.
says()
{
	assert_equal "${stderr#goshim\[*\]: }" "$1"
}

@test "without variables everything is at its default, silently" {
	explain A=b
	assert_equal "$stderr" ""
	shows GOSHIM 1 default
	shows GOSHIM_MAXPROCS 0 default
	shows GOSHIM_MAXTHREADS 10000 default
	shows GOSHIM_STACK_SIZE 0 default
	shows GOSHIM_DUMP_SIGNAL 0 default
	shows GOSHIM_REDIRECT 1 default
	shows GOSHIM_PREEMPT 1 default
	shows GOSHIM_CHILDREN 1 default
	shows GOSHIM_STATS 0 default
	shows GOSHIM_DEBUG=verbose 0 default
	shows GOSHIM_DEBUG=perturb 0 default
}

@test "allowed values arrive, with their source" {
	explain GOSHIM=0 GOSHIM_MAXPROCS=3 GOSHIM_MAXTHREADS=64 GOSHIM_STACK_SIZE=64k \
		GOSHIM_REDIRECT=off GOSHIM_PREEMPT=no GOSHIM_CHILDREN=FALSE GOSHIM_STATS=yes \
		GOSHIM_DEBUG=verbose,schedtrace=250,deadlock,perturb=7
	assert_equal "$stderr" ""
	shows GOSHIM 0 environment
	shows GOSHIM_MAXPROCS 3 environment
	shows GOSHIM_MAXTHREADS 64 environment
	shows GOSHIM_STACK_SIZE 64k environment
	shows GOSHIM_REDIRECT 0 environment
	shows GOSHIM_PREEMPT 0 environment
	shows GOSHIM_CHILDREN 0 environment
	shows GOSHIM_STATS 1 environment
	shows GOSHIM_DEBUG=verbose 1 environment
	shows GOSHIM_DEBUG=schedtrace 250 environment
	shows GOSHIM_DEBUG=deadlock 1 environment
	shows GOSHIM_DEBUG=perturb 7 environment
}

@test "sizes: suffixes multiply, whole units are shown" {
	for pair in 16384:16k 16k:16k 64K:64k 1m:1m 1048576:1m 1g:1g 17000:17000 0:0; do
		explain GOSHIM_STACK_SIZE="${pair%:*}"
		assert_equal "$stderr" ""
		shows GOSHIM_STACK_SIZE "${pair#*:}" environment
	done
	for bad in 16383 1k 2g 9999999999g 99999999999999999999 k -1 16kb 1.5m 0x4000 " 64k"; do
		explain GOSHIM_STACK_SIZE="$bad"
		shows GOSHIM_STACK_SIZE 0 default
		says "GOSHIM_STACK_SIZE=$bad: must be 0, or a size from 16k to 1g (k, m and g multiply); using 0 (RLIMIT_STACK, as pthreads do)"
	done
}

@test "signals: names with and without SIG, numbers, real-time ones" {
	for pair in USR2:USR2 SIGUSR2:USR2 sigusr2:USR2 12:USR2 0:0 RTMIN+3:'RTMIN\+3' \
		RTMAX-2:'RTMIN\+28' SIGRTMIN:'RTMIN\+0' 34:'RTMIN\+0' 64:'RTMIN\+30'; do
		explain GOSHIM_DUMP_SIGNAL="${pair%%:*}"
		assert_equal "$stderr" ""
		shows GOSHIM_DUMP_SIGNAL "${pair#*:}" environment
	done
	for bad in KILL SIGSTOP SEGV 9 33 65 RTMIN+31 RTMAX+1 RTMIN+ RTMINX SIG SIGNAL -1; do
		explain GOSHIM_DUMP_SIGNAL="$bad"
		shows GOSHIM_DUMP_SIGNAL 0 default
		says "GOSHIM_DUMP_SIGNAL=$bad: must be 0, or a signal that can be caught, like USR2, SIGUSR2, RTMIN+3 or 12; using 0 (none)"
	done
}

@test "a bad number or switch: what it was, what is allowed, what is used" {
	explain GOSHIM_MAXPROCS=many
	says "GOSHIM_MAXPROCS=many: must be 0, or a number from 1 to 1024; using 0 (the CPUs the process may use)"
	explain GOSHIM_MAXPROCS=1025
	says "GOSHIM_MAXPROCS=1025: must be 0, or a number from 1 to 1024; using 0 (the CPUs the process may use)"
	explain GOSHIM_MAXTHREADS=0
	says "GOSHIM_MAXTHREADS=0: must be a number from 4 to 1000000; using 10000"
	explain GOSHIM_PREEMPT=2
	says "GOSHIM_PREEMPT=2: must be 0 or 1; using 1 (on)"
	explain GOSHIM_DEBUG=schedtrace
	says "GOSHIM_DEBUG: schedtrace=: must be 0, or a number from 1 to 3600000; using 0 (off)"
	explain GOSHIM_DEBUG=verbose=3
	says "GOSHIM_DEBUG: verbose=3: must be the word without a value; using 0 (off)"
}

@test "a bad value is repeated on one line, cut, without control characters" {
	explain GOSHIM_STATS="$(printf 'a\nb\033[31m\t%0300d' 1)"
	assert_equal "${#stderr_lines[@]}" 1
	assert [ "${#stderr}" -lt 250 ]
	[[ $stderr == *"GOSHIM_STATS=a?b?[31m?0000"*"...: must be 0 or 1; using 0 (off)" ]]
}

@test "an empty variable is an unset one" {
	explain GOSHIM= GOSHIM_MAXPROCS= GOSHIM_DEBUG= GOSHIM_DUMP_SIGNAL=
	assert_equal "$stderr" ""
	shows GOSHIM_MAXPROCS 0 default
}

@test "unknown names: did you mean" {
	explain GOSHIM_MAXPROC=2
	says "GOSHIM_MAXPROC: unknown, did you mean GOSHIM_MAXPROCS?"
	explain GOSHIM_maxprocs=2
	says "GOSHIM_maxprocs: unknown, did you mean GOSHIM_MAXPROCS?"
	explain GOSHIM_STAKC_SIZE=64k
	says "GOSHIM_STAKC_SIZE: unknown, did you mean GOSHIM_STACK_SIZE?"
	explain GOSHIM_COLOUR=red
	says "GOSHIM_COLOUR: unknown, ignored"
	explain GOSHIM_DEBUG=verbos
	says "GOSHIM_DEBUG: verbos: unknown, did you mean verbose?"
	explain GOSHIM_DEBUG=everything
	says "GOSHIM_DEBUG: everything: unknown, ignored"
	explain GOSHIM_LIB=/x.so GOSHIMMER=1 MY_GOSHIM_X=1
	assert_equal "$stderr" ""
}

@test "the library says the same, once, when the first thread is made, and goes on" {
	run --separate-stderr shim GOSHIM_MAXPROCS=many GOSHIM_MAXPROC=2 "$(program one_thread)"
	assert_success
	assert_output "one thread"
	assert_equal "${#stderr_lines[@]}" 2
	[[ $stderr == *"GOSHIM_MAXPROCS=many: must be 0, or a number from 1 to 1024; using 0"* ]]
	[[ $stderr == *"GOSHIM_MAXPROC: unknown, did you mean GOSHIM_MAXPROCS?"* ]]
}

@test "options of a program that writes over its environment" {
	run --separate-stderr shim GOSHIM_MAXPROCS=many "$(program one_thread)" title
	assert_success
	assert_output "one thread"
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr == *"GOSHIM_MAXPROCS=many: must be"* ]]
}

@test "a program that makes no thread prints nothing, whatever the options" {
	run --separate-stderr shim GOSHIM_MAXPROCS=many GOSHIM_NONSENSE=1 "$(program one_thread)" none
	assert_success
	assert_output "no thread"
	assert_equal "$stderr" ""
}

@test "GOSHIM=0: the library does nothing" {
	run --separate-stderr shim GOSHIM=0 GOSHIM_MAXPROCS=2 "$(program one_thread)"
	assert_success
	assert_output "one thread"
	assert_equal "$stderr" ""
}

@test "messages never kill, block or mix: a closed, a full and a broken standard error" {
	# By a shell of its own: run has a standard error for what it runs.
	run bash -c '"$@" 2>&-' _ env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=many "$(program one_thread)"
	assert_success
	assert_output "one thread"
	# The reader has gone: no SIGPIPE.
	mkfifo "$BATS_TEST_TMPDIR/broken"
	exec 7<>"$BATS_TEST_TMPDIR/broken" 8>"$BATS_TEST_TMPDIR/broken" 7>&-
	run bash -c '"$@" 2>&8' _ env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=many "$(program one_thread)"
	exec 8>&-
	assert_success
	assert_output "one thread"
	# The reader does not read: at most a moment's wait.
	run timeout 20 python3 -c '
import fcntl, os, subprocess, sys
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
try:
    while True:
        os.write(w, b"x" * 4096)
except BlockingIOError:
    pass
fcntl.fcntl(w, fcntl.F_SETFL, 0)
env = dict(os.environ, LD_PRELOAD=sys.argv[1], GOSHIM_MAXPROCS="many")
print(subprocess.run([sys.argv[2]], env=env, stderr=w, stdout=subprocess.PIPE).stdout.decode(), end="")
' "$GS_LIB" "$(program one_thread)"
	assert_success
	assert_output "one thread"
}
