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

# read_in_thread INPUT... - a thread waits for standard input, with the library.
read_in_thread()
{
	shim "$@" /usr/bin/python3 -c '
import os, threading
t = threading.Thread(target=lambda: print(os.read(0, 1)))
t.start()
t.join()'
}

@test "standard input stays blocking for those who share it, even after SIGKILL" {
	[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
	run bash -c "$(declare -f shim read_in_thread); GS_LIB=$GS_LIB"'
		{
			read_in_thread
			/usr/bin/python3 -c "import os; print(os.get_blocking(0))"
			read_in_thread timeout -s KILL 0.5 2>/dev/null
			/usr/bin/python3 -c "import os; print(os.get_blocking(0))"
			cat
		} < <(sleep 0.2; printf a; sleep 1.5; echo rest)'
	assert_success
	assert_line --index 0 "b'a'"
	assert_line --index 1 "True"
	assert_line --index 2 "True"
	assert_line --index 3 "rest"
}
