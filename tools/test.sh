#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test.sh - from a bare checkout to a verdict: packages, build, every test. The
# last line says "N passed, M failed"; the exit status is 0 only when M is 0.
#
# usage: tools/test.sh [FILE.bats...]	(names relative to tests/bats; all without)
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$top/build}
# shellcheck source=tools/setup.sh
. "$top/tools/setup.sh"

# verdict PASSED FAILED - the last line, and the exit.
verdict()
{
	echo "$1 passed, $2 failed"
	[ "$2" = 0 ] && [ "$1" != 0 ]
	exit
}

stop()
{
	echo "test.sh: $1" >&2
	verdict 0 1
}

# shellcheck disable=SC2086 # lists of words
setup_packages $setup_build_packages $setup_test_packages || stop "packages are missing"
setup_build "$build" || stop "the build failed"

tests=
for file; do
	tests="$tests tests/bats/${file##*/}"
done
rm -f "$build"/tests/bats/*.trs "$build"/tests/bats/*.log
# The programs in parallel, then the tests one by one: they share two processors
# with nothing else.
make -C "$build" -j2 check TESTS= >/dev/null || stop "the test programs do not build"
if [ -n "$tests" ]; then
	make -C "$build" -k check TESTS="$tests" VERBOSE=1
else
	make -C "$build" -k check VERBOSE=1
fi
status=$?

# count RESULT... - the lines of the result files that carry one of them.
count()
{
	total=0
	for result; do
		n=$(cat "$build"/tests/bats/*.trs 2>/dev/null |
			grep -c "^:test-result: $result\\( \\|\$\\)")
		total=$((total + n))
	done
	echo "$total"
}

passed=$(count PASS XFAIL)
failed=$(count FAIL ERROR XPASS)
skipped=$(count SKIP)
# Make failed, and no test says why.
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
[ "$skipped" = 0 ] || echo "$skipped skipped"
verdict "$passed" "$failed"
