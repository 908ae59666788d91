# SPDX-License-Identifier: MIT
#
# run.bats - the goshim command: options, the preload, exit codes, warnings.

load helper

setup()
{
	unset LD_PRELOAD GOSHIM_LIB GOSHIM_MAXPROCS GOSHIM_STACK_SIZE GOSHIM_DEBUG
}

@test "--version and --help: standard output, status 0" {
	run --separate-stderr "$GS_TOOL" --version
	assert_success
	assert_output --regexp '^goshim [0-9]+\.[0-9]+'
	[ -z "$stderr" ]
	run --separate-stderr "$GS_TOOL" --help
	assert_success
	assert_line --regexp '^Usage: goshim '
	[ -z "$stderr" ]
	run --separate-stderr "$GS_TOOL" run --help
	assert_success
	assert_line --regexp '^Usage: goshim run '
	[ -z "$stderr" ]
}

@test "own mistakes: status 125, one line on standard error" {
	for args in "" "frobnicate" "run" "run --nonsense ls" "run -p" "run --lib=/nonexistent.so true" \
		"run -p many true" "run -s 3 true" "run -p 0x10 true"; do
		refuses "$args"
	done
}

@test "status 127 when the command is not found, 126 when it cannot be run" {
	run -127 "$GS_TOOL" run no-such-command-here
	assert_output --partial "no-such-command-here"
	run -127 "$GS_TOOL" run /nonexistent/command
	run "$GS_TOOL" run /
	assert_failure 126
	echo data >"$BATS_TEST_TMPDIR/data"
	run "$GS_TOOL" run "$BATS_TEST_TMPDIR/data"
	assert_failure 126
}

@test "the command's own status and death by signal come through" {
	run "$GS_TOOL" run sh -c 'exit 37'
	assert_failure 37
	run "$GS_TOOL" run sh -c 'kill -TERM $$'
	assert_failure 143
}

@test "options end at the command; -- is allowed" {
	run "$GS_TOOL" run echo -p --help -d
	assert_success
	assert_output -- "-p --help -d"
	run "$GS_TOOL" run -p 2 -- echo -s
	assert_success
	assert_output -- "-s"
}

@test "the library is put before an existing LD_PRELOAD, once" {
	run "$GS_TOOL" run printenv LD_PRELOAD
	assert_success
	assert_output "$GS_LIB"
	run env LD_PRELOAD=/lib/x86_64-linux-gnu/libm.so.6 "$GS_TOOL" run printenv LD_PRELOAD
	assert_output "$GS_LIB:/lib/x86_64-linux-gnu/libm.so.6"
	run "$GS_TOOL" run "$GS_TOOL" run printenv LD_PRELOAD
	assert_output "$GS_LIB"
}

@test "-p, -s and -d become variables" {
	run "$GS_TOOL" run -p 3 -s 128k -d verbose,schedtrace=1000 \
		sh -c 'echo $GOSHIM_MAXPROCS $GOSHIM_STACK_SIZE $GOSHIM_DEBUG'
	assert_success
	assert_output "3 128k verbose,schedtrace=1000"
	run "$GS_TOOL" run --maxprocs=4 --stack-size 1m --debug=deadlock \
		sh -c 'echo $GOSHIM_MAXPROCS $GOSHIM_STACK_SIZE $GOSHIM_DEBUG'
	assert_output "4 1m deadlock"
}

@test "--lib and GOSHIM_LIB choose the library; --lib wins" {
	cp "$GS_LIB" "$BATS_TEST_TMPDIR/one.so"
	cp "$GS_LIB" "$BATS_TEST_TMPDIR/two.so"
	run env GOSHIM_LIB="$BATS_TEST_TMPDIR/one.so" "$GS_TOOL" run printenv LD_PRELOAD
	assert_output "$(realpath "$BATS_TEST_TMPDIR/one.so")"
	run env GOSHIM_LIB="$BATS_TEST_TMPDIR/one.so" "$GS_TOOL" run \
		--lib="$BATS_TEST_TMPDIR/two.so" printenv LD_PRELOAD
	assert_output "$(realpath "$BATS_TEST_TMPDIR/two.so")"
}

@test "a relative --lib works from another directory, too" {
	cd "${GS_LIB%/*}"
	run "$GS_TOOL" run --lib=libgoshim.so sh -c 'cd / && exec printenv LD_PRELOAD'
	assert_success
	assert_output "$GS_LIB"
}

@test "a library path that LD_PRELOAD cannot express is refused" {
	for dir in "with space" "with:colon" 'with$dollar'; do
		mkdir "$BATS_TEST_TMPDIR/$dir"
		cp "$GS_LIB" "$BATS_TEST_TMPDIR/$dir/libgoshim.so"
		run "$GS_TOOL" run --lib="$BATS_TEST_TMPDIR/$dir/libgoshim.so" true
		assert_failure 125
		assert_output --partial "LD_PRELOAD cannot name"
	done
}

@test "an ordinary program and a script run without a warning" {
	printf '#!/bin/sh\nexit 5\n' >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	run "$GS_TOOL" run "$BATS_TEST_TMPDIR/script"
	assert_failure 5
	assert_output ""
	run "$GS_TOOL" run true
	assert_success
	assert_output ""
}

@test "a static program gets a warning and runs" {
	echo 'int main(void) { return 9; }' >"$BATS_TEST_TMPDIR/s.c"
	for how in -static -static-pie; do
		$CC "$how" -o "$BATS_TEST_TMPDIR/s" "$BATS_TEST_TMPDIR/s.c"
		run --separate-stderr "$GS_TOOL" run "$BATS_TEST_TMPDIR/s"
		assert_failure 9
		assert_equal "${#stderr_lines[@]}" 1
		[[ $stderr == *"statically linked"* ]]
		printf '#!%s\n' "$BATS_TEST_TMPDIR/s" >"$BATS_TEST_TMPDIR/script"
		chmod +x "$BATS_TEST_TMPDIR/script"
		run --separate-stderr "$GS_TOOL" run "$BATS_TEST_TMPDIR/script"
		assert_failure 9
		[[ $stderr == *"statically linked"* ]]
	done
}

@test "a set-user-ID program gets a warning and runs" {
	local program=$BATS_TEST_TMPDIR/true

	[ "$(id -u)" = 0 ] || skip "making a program of another user needs root"
	cp "$(type -P true)" "$program"
	chown nobody "$program"
	chmod u+s "$program"
	run --separate-stderr "$GS_TOOL" run "$program"
	assert_success
	if findmnt -no OPTIONS -T "$program" | grep -qw nosuid; then
		assert_equal "$stderr" ""
	else
		assert_equal "${#stderr_lines[@]}" 1
		[[ $stderr == *"is set-user-ID"* ]]
	fi
}

@test "a command found through PATH is the one that is looked at" {
	echo 'int main(void) { return 0; }' >"$BATS_TEST_TMPDIR/s.c"
	$CC -static -o "$BATS_TEST_TMPDIR/looked-for" "$BATS_TEST_TMPDIR/s.c"
	run env PATH="/nonexistent:$BATS_TEST_TMPDIR:$PATH" "$GS_TOOL" run looked-for
	assert_success
	assert_output --partial "$BATS_TEST_TMPDIR/looked-for"
}
