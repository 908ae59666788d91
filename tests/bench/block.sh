#!/bin/bash
# SPDX-License-Identifier: MIT
#
# block.sh - what it costs that no call stalls the others: lines of
# "name<TAB>value<TAB>unit". Ratios are of medians, shimmed to native, of runs that
# alternate; smaller is better.
#
# usage: block.sh [-n ROUNDS] [-b BUILD_DIR]
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
library=$build/libgoshim.so
tests=$build/tests
for file in "$library" "$tests/block_hogs" "$tests/block_crowd"; do
	[ -e "$file" ] || { echo "block.sh: $file is missing; build first (make check TESTS=)" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CC:-cc}" -O2 -pthread -o "$work/block" "$(dirname "$0")/block.c"

line()
{
	printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

median()
{
	sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# ratio NAME - of the medians in $work/NAME.shim and $work/NAME.native.
ratio()
{
	awk -v a="$(median "$work/$1.shim")" -v b="$(median "$work/$1.native")" \
		'BEGIN { printf "%.3f\n", (b > 0 ? a / b : 0) }'
}

# shimmed [NAME=VALUE...] COMMAND...
shimmed()
{
	env LD_PRELOAD="$library" "$@"
}

# ---- a region, and reads that find their pages in memory ----

for ((i = 0; i < rounds; i++)); do
	"$work/block" "$work/file" >>"$work/calls.native"
	shimmed "$work/block" "$work/file" >>"$work/calls.shim"
done
for name in ioctl pread read readv pwrite; do
	for mode in native shim; do
		awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$work/calls.$mode" >"$work/$name.$mode"
	done
	line "$name, in memory" "$(ratio "$name")" ratio
done
awk -F '\t' '$1 == "region" { print $2 }' "$work/calls.shim" >"$work/region"
line "region, enter and leave" "$(median "$work/region")" ns

# ---- one processor among threads that give nobody a chance ----

for ((i = 0; i < rounds; i++)); do
	"$tests/block_hogs" 200 2>&1 >/dev/null | sed -n 's/^slowest_us //p' >>"$work/slowest.native"
	shimmed GOSHIM_MAXPROCS=1 "$tests/block_hogs" 200 2>&1 >/dev/null |
		sed -n 's/^slowest_us //p' >>"$work/slowest.shim"
done
line "slowest answer beside five hogs, native" "$(median "$work/slowest.native")" us
line "slowest answer beside five hogs" "$(median "$work/slowest.shim")" us

# ---- name look-ups: each takes 200 ms ----

for ((i = 0; i < rounds; i++)); do
	for n in 1 500; do
		shimmed "$tests/block_crowd" 0 0 "$n" 0 200 2>&1 >/dev/null |
			sed -n 's/^look_ups_ms //p' >>"$work/look_ups.$n"
	done
done
line "one look-up at a slow server" "$(median "$work/look_ups.1")" ms
line "500 look-ups at a slow server" "$(median "$work/look_ups.500")" ms

# ---- programs that compute: time on the clock, and processor time ----

# timed FILE COMMAND... - appends "elapsed cpu" in seconds.
timed()
{
	local file=$1

	shift
	TIMEFORMAT='%R %U %S'
	{ time "$@" >/dev/null 2>&1; } 2>&1 | awk 'END { print $1, $2 + $3 }' >>"$file"
}

# program NAME COMMAND...
program()
{
	local name=$1 mode i

	shift
	if ! command -v "$1" >/dev/null 2>&1; then
		echo "block.sh: $1 is not installed: $name is left out" >&2
		return 0
	fi
	for ((i = 0; i < rounds; i++)); do
		timed "$work/run.native" "$@"
		timed "$work/run.shim" shimmed "$@"
	done
	for mode in native shim; do
		cut -d ' ' -f 1 "$work/run.$mode" >"$work/elapsed.$mode"
		cut -d ' ' -f 2 "$work/run.$mode" >"$work/cpu.$mode"
		rm "$work/run.$mode"
	done
	line "$name, elapsed" "$(ratio elapsed)" ratio
	line "$name, processor time" "$(ratio cpu)" ratio
}

for ((i = 0; i < 40; i++)); do
	cat "$library"
done | head -c 12000000 >"$work/data"
program "two threads compute" "$work/block" -c 2
program "eight threads compute" "$work/block" -c 8
program "xz -T2" xz -T2 --block-size=2MiB -2 -c "$work/data"
program "pigz" pigz -c "$work/data"
program "pigz -p 8" pigz -p 8 -c "$work/data"
