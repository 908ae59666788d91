# SPDX-License-Identifier: MIT
#
# field.bats - three of the programs of `make check-field`, for every build: a
# server with event loops, one with a thread per connection, a thread pool.

load helper

field()
{
	BATS_TEST_TIMEOUT=240
	run timeout -k 10 200 bash "$GS_SRC/tests/field/run.sh" -o "$BATS_TEST_TMPDIR" "$GS_LIB" "$1"
	if [ "$status" != 0 ]; then
		diff -u "$BATS_TEST_TMPDIR/$1.bare.1.answers" "$BATS_TEST_TMPDIR/$1.shim.1.answers" | head -n 20
		tail -n 20 "$BATS_TEST_TMPDIR/$1.shim.1.err"
	fi
	assert_success
	assert_output --partial "same: yes"
}

@test "memcached, with a client that checks every answer" {
	need memcached python3
	field memcached
}

@test "python3: pools, queues, timers, subprocesses in threads" {
	need python3
	field python-pool
}

@test "sort --parallel" {
	field sort
}

@test "what was blocked and ignored before the first thread stays so (found with mariadbd)" {
	compare signal_before
}

@test "no frame is pushed where the stack pointer is not one (found with erlang)" {
	compare sig_nostack
}

@test "a Go program is left alone" {
	need go
	cd "$BATS_TEST_TMPDIR"
	printf 'package main\n\nimport ("fmt"; "net"; "os/user")\n\nfunc main() { fmt.Println(net.ParseIP("::1")); u, _ := user.Current(); fmt.Println(u.Uid) }\n' >g.go
	HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off CGO_ENABLED=1 go build -o g g.go
	compare "$BATS_TEST_TMPDIR/g"
}
