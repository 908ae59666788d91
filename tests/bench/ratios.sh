#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ratios.sh - the micro benchmarks, natively and with the library in turn, several
# times; medians and ratios, against the targets. The exit status is 1 when a
# target is missed.
#
# usage: ratios.sh [-n ROUNDS] [-b BUILD_DIR] [NAME...]
set -eu
export LC_ALL=C

rounds=5
build=$(cd "$(dirname "$0")/../.." && pwd)/build
while getopts n:b: opt; do
	case $opt in
	n) rounds=$OPTARG ;;
	b) build=$(cd "$OPTARG" && pwd) ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- yield mutex create create_pinned cond pipe idle

micro=$build/tests/bench/micro
library=$build/libgoshim.so
for file in "$micro" "$library"; do
	[ -e "$file" ] || { echo "ratios.sh: $file is missing; build first (make check TESTS=)" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# How many times as fast as natively it must be with the library; idle has a bound on
# the figure itself.
target()
{
	case $1 in
	yield) echo "20" ;;
	mutex) echo "0.769" ;; # at most 1.3 times as slow
	create) echo "10" ;;
	*) echo "-" ;;
	esac
}

# measure FILE COMMAND... - the figure of one run, a line of FILE.
measure()
{
	local file=$1
	shift
	timeout -k 5 120 "$@" | awk 'NF == 3 { print $2, $3 }' >>"$file" || {
		echo "ratios.sh: failed: $*" >&2
		exit 1
	}
}

median()
{
	sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

printf '%-14s %12s %12s  %-18s %10s %10s  %s\n' benchmark native shimmed unit faster target verdict
result=0
for name; do
	n=$rounds
	[ "$name" != idle ] || n=1
	for ((i = 0; i < n; i++)); do
		measure "$work/$name.native" "$micro" "$name"
		measure "$work/$name.shim" env LD_PRELOAD="$library" "$micro" "$name"
	done
	native=$(median "$work/$name.native")
	shim=$(median "$work/$name.shim")
	unit=$(awk 'NR == 1 { print $2 }' "$work/$name.native")
	awk -v name="$name" -v native="$native" -v shim="$shim" -v unit="$unit" -v want="$(target "$name")" '
	BEGIN {
		ratio = shim > 0 ? native / shim : 0
		faster = name == "idle" ? "-" : sprintf("%.2fx", ratio)
		ok = name == "idle" ? shim < 0.005 : want == "-" || ratio >= want
		shown = name == "idle" ? "0" : want == "-" ? "-" : sprintf("%.2fx", want)
		verdict = !ok ? "MISSED" : shown == "-" ? "" : "met"
		printf "%-14s %12.4g %12.4g  %-18s %10s %10s  %s\n", name, native, shim, unit, faster, shown, verdict
		exit !ok
	}' || result=1
done
exit $result
