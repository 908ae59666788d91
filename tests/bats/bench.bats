# SPDX-License-Identifier: MIT
#
# bench.bats - that the benchmarks run and what they print is complete. Their figures are
# nobody's business here: only counts are compared, never times.

load helper

# bench ARG... - without installing or building anything but the benchmark programs.
bench()
{
	need python3
	run --separate-stderr "$GS_SRC/tests/bench/run" --no-setup -B "$BATS_FILE_TMPDIR" -l "$GS_LIB" "$@"
}

# The values of a figure in results.tsv. values CASE FIGURE CONTENDER
values()
{
	awk -F '\t' -v c="$1" -v f="$2" -v who="$3" '$2 == c && $3 == f && $5 == who { print $7 }' \
		"$BATS_TEST_TMPDIR/results.tsv"
}

@test "bench: a wrong option gives one line and status 2" {
	local wrong

	for wrong in --wrong "-b nothing" "-c nobody" "-n 0" "-n x" "-e X" "-l /nowhere" "-q extra"; do
		# shellcheck disable=SC2086 # words
		bench $wrong
		assert_equal "$status" 2
		assert_output ""
		assert_equal "$(wc -l <<<"$stderr")" 1
		[[ $stderr == bench:* ]] || fail "$wrong: $stderr"
	done
}

@test "bench: --help and --list" {
	bench --help
	assert_success
	assert_output --partial "tests/bench/run"
	bench --list
	assert_success
	assert_line --regexp '^echo +'
}

@test "bench: every source file belongs to a bench" {
	local file

	for file in "$GS_SRC"/tests/bench/*.c "$GS_SRC"/tests/bench/*.cc "$GS_SRC"/tests/bench/*.go; do
		file=${file##*/}
		[ "$file" = measure.go ] || grep -q "[\"/]$file\"" "$GS_SRC"/tests/bench/*s.py \
			"$GS_SRC"/tests/bench/*.sh ||
			fail "$file is named by no bench"
	done
}

@test "bench: the figures are there for every contender and round, in all formats" {
	bench -q -n 2 -b calls -c native,shim -o "$BATS_TEST_TMPDIR" \
		--markdown "$BATS_TEST_TMPDIR/bench.md"
	[ "$status" -le 1 ] || fail "$output $stderr"
	assert_equal "$stderr" ""
	assert_line --regexp '^  errno, ns .* \.\. '
	assert_line --regexp 'failed runs: 0$'
	local who

	for who in native shim native2; do
		assert_equal "$(values "uncontended calls" "mutex lock + unlock" $who | grep -c .)" 2
	done
	python3 - "$BATS_TEST_TMPDIR/results.json" <<-'END'
		import json, sys
		results = json.load(open(sys.argv[1]))
		assert len(results["figures"]) == 9 and not results["trouble"], results
		assert all(f["median"]["shim"] > 0 and f["targets"] for f in results["figures"])
	END
	grep -q '^| uncontended calls | errno, ns |' "$BATS_TEST_TMPDIR/bench.md"
	! grep -q "$GS_SRC" "$BATS_TEST_TMPDIR/bench.md"
}

@test "bench: native means a kernel thread per connection, shim does not" {
	bench -q -n 1 -b idle -c native,shim,epoll -o "$BATS_TEST_TMPDIR"
	[ "$status" -le 1 ] || fail "$output $stderr"
	local connections

	connections=$(awk -F '\t' 'NR == 2 { print $2 + 0 }' "$BATS_TEST_TMPDIR/results.tsv")
	assert_equal "$(values "$connections idle connections" "kernel threads" native)" $((connections + 1))
	[ "$(values "$connections idle connections" "kernel threads" shim)" -lt "$connections" ]
	[ -n "$(values "$connections idle connections" "memory per connection besides the socket's" shim)" ]
}

@test "bench: a contender that fails is named, and the status says so" {
	printf 'void nothing(void) { } __attribute__((constructor)) static void end(void)\n' \
		>"$BATS_TEST_TMPDIR/bad.c"
	printf '{ extern void _exit(int); _exit(3); }\n' >>"$BATS_TEST_TMPDIR/bad.c"
	$CC -shared -fPIC -o "$BATS_TEST_TMPDIR/bad.so" "$BATS_TEST_TMPDIR/bad.c"
	bench -q -n 1 -b calls -c native,base --base "$BATS_TEST_TMPDIR/bad.so" -o "$BATS_TEST_TMPDIR"
	assert_failure 1
	assert_equal "$stderr" "bench: uncontended calls, base: status 3"
}
