#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - what `make check` calls for each .bats file: bats, as TAP, with a bound
# on every test. A suite that cannot run at all is a failure, not a skip.
if ! command -v "${BATS:=bats}" >/dev/null 2>&1; then
	echo "1..1"
	echo "not ok 1 $1: bats is not installed"
	exit 1
fi
# Nothing of the caller's own use of the library may leak into the comparison.
for name in $(env | sed -n 's/^\(GOSHIM[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
unset LD_PRELOAD
BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}
export BATS_TEST_TIMEOUT
# A test that hangs may leave processes behind that keep bats from ending; the
# bound on the whole file ends them with it, being of its process group.
exec timeout -k 10 "${GS_FILE_TIMEOUT:-900}" "$BATS" --tap "$@"
