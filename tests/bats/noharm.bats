# SPDX-License-Identifier: MIT
#
# noharm.bats - programs that have no threads, or few and for their own ends, are
# left alone; descriptors are the program's own.

load helper

setup()
{
	unset LD_PRELOAD
}

@test "a program without threads has no other task and no other descriptor" {
	compare "$GS_SRC/tests/nothread.sh" self
}

@test "ls" {
	compare "$GS_SRC/tests/nothread.sh" ls
}

@test "bash: pipes, traps, jobs, substitutions" {
	compare "$GS_SRC/tests/nothread.sh" bash
}

@test "git, with its own threads" {
	need git
	GS_TIMEOUT=60 compare "$GS_SRC/tests/nothread.sh" git
}

@test "gcc and make -j" {
	need gcc make
	GS_TIMEOUT=30 compare "$GS_SRC/tests/nothread.sh" gcc
}

@test "python3 without threads" {
	[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
	compare "$GS_SRC/tests/nothread.sh" python
}

@test "tar, sort --parallel, find, xargs -P, awk, perl, dd, timeout" {
	need perl
	GS_TIMEOUT=30 compare "$GS_SRC/tests/nothread.sh" tools
}

@test "system calls that an older kernel does not have, or a container refuses" {
	local refusal name

	"$GS_BUILD/tests/without" ENOSYS /bin/true || skip "no seccomp filters here"
	for refusal in ENOSYS EPERM; do
		for name in io_kinds io_stream mux_poll descriptors sig_child sync_signal; do
			GS_PROCS=2 compare without "$refusal" "$GS_BUILD/tests/$name"
		done
	done
}

@test "numbers, flags and inheritance of descriptors; programs that close them all" {
	compare descriptors
}

@test "GOSHIM=0: nothing at all happens" {
	local threads

	GOSHIM=0 compare one_thread
	GOSHIM=0 compare join_detach
	# Native threads, then: as many tasks as threads.
	threads=$(GOSHIM=0 shim "$GS_BUILD/tests/scale" 50 2>&1 >/dev/null |
		sed -n 's/^round 1 kernel_threads //p')
	assert_equal "$threads" 51
}

# read_in_thread - a thread waits for standard input, which is descriptor 8; with the
# library, in the background. Its process is $pid.
read_in_thread()
{
	in_mode 2 /usr/bin/python3 -c '
import os, threading
t = threading.Thread(target=lambda: print(os.read(0, 1)))
t.start()
t.join()' <&8 >"$BATS_TEST_TMPDIR/out" 3>&- 7>&- &
	pid=$!
	wait_for 30 reads
}

reads()
{
	"$GS_TOOL" dump --no-stacks "$pid" | grep -q 'waiting: read on descriptor 0 '
}

is_blocking()
{
	assert_equal "$(/usr/bin/python3 -c 'import os; print(os.get_blocking(0))' <&8)" True
}

@test "standard input stays blocking for those who share it, even after SIGKILL" {
	[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
	local pid

	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in" 8<"$BATS_TEST_TMPDIR/in"
	read_in_thread
	is_blocking
	printf a >&7
	wait "$pid"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" "b'a'"
	is_blocking
	read_in_thread
	kill -KILL "$pid"
	wait "$pid" || true
	is_blocking
	echo rest >&7
	exec 7>&-
	assert_equal "$(cat <&8)" rest
	exec 8<&-
}
