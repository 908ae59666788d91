#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh - the main job: builds, then runs a thread-per-connection server with
# and without the library, under the same load, and prints what it cost.
#
# usage: tools/demo.sh [CONNECTIONS...]		(1000 10000 without)
#
# DEMO_SECONDS is how long each load lasts (6), BUILD_DIR where to build. The exit
# status is 1 when an answer was wrong or a server did not stop as it should.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$top/build}
seconds=${DEMO_SECONDS:-6}
server=
client=
work=
# shellcheck source=tools/setup.sh
. "$top/tools/setup.sh"

say()
{
	[ ! -t 2 ] || printf '\r\033[K' >&2
	printf '%s\n' "$*" >&2
}

# A line that the next one overwrites; nothing when nobody watches.
progress()
{
	[ ! -t 2 ] || printf '\r\033[K%s' "$*" >&2
}

# Is it there, and not only waiting to be reaped?
running()
{
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	'' | Z* | X*) return 1 ;;
	esac
}

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	for pid in $client $server; do
		kill -KILL "$pid" 2>/dev/null
	done
	[ -z "$work" ] || rm -rf "$work"
}

stop()
{
	say "demo: $*"
	exit 1
}

# What was measured: a value of one run. figure RUN NAME
figure()
{
	sed -n "s/^$2 //p" "$work/$1.figures"
}

# run NAME WHICH CONNECTIONS - one server, one load; NAME.figures is what comes of it.
run()
{
	name=$1
	preload=
	[ "$2" = native ] || preload=$build/libgoshim.so
	: >"$work/$name.out"
	env LD_PRELOAD="$preload" "$build/tests/legacy_server" -p 0 -l "$work/$name.log" \
		>"$work/$name.out" 2>"$work/$name.err" &
	server=$!
	tries=0
	until grep -q '^listening on' "$work/$name.out"; do
		if ! running "$server" || [ "$tries" = 100 ]; then
			cat "$work/$name.err" >&2
			stop "the server did not start"
		fi
		tries=$((tries + 1))
		sleep 0.1
	done
	port=$(sed -n 's/^listening on .*://p' "$work/$name.out")

	[ -t 2 ] || say "$2, $3 connections, $seconds seconds ..."
	"$build/tests/load_client" -p "$port" -c "$3" -t "$seconds" -w "$server" \
		>"$work/$name.figures" 2>"$work/$name.trouble" &
	client=$!
	begin=$(date +%s)
	while running "$client"; do
		progress "$2, $3 connections: $(($(date +%s) - begin)) of about $seconds seconds"
		sleep 0.5
	done
	wait "$client" || {
		say "demo: $2, $3 connections: something was wrong"
		head -n 12 "$work/$name.trouble" "$work/$name.err" >&2
		failed=1
	}
	client=

	kill -TERM "$server" 2>/dev/null
	tries=0
	while running "$server" && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	if [ "$tries" = 100 ]; then
		say "demo: $2, $3 connections: the server did not stop at SIGTERM"
		kill -KILL "$server"
		failed=1
	fi
	wait "$server" 2>/dev/null || {
		say "demo: $2, $3 connections: the server's exit status was $?"
		failed=1
	}
	server=
	grep -q '^stopped:' "$work/$name.out" || {
		say "demo: $2, $3 connections: the server did not print its counts"
		failed=1
	}
}

# A row of the table: row TITLE FIGURE
row()
{
	printf '%-34s' "$1"
	for n in $sizes; do
		for which in native shim; do
			value=$(figure "$which-$n" "$2")
			printf '%12s' "${value:--}"
		done
	done
	printf '\n'
}

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# shellcheck disable=SC2086 # a list of words
setup_packages $setup_build_packages || stop "packages are missing"
setup_build "$build" || stop "the build failed"
make -s -C "$build" tests/legacy_server tests/load_client >&2 || stop "the programs do not build"

# As many connections as there may be descriptors and, natively, threads.
# shellcheck disable=SC3045 # dash, bash and busybox know them
{
	ulimit -S -n "$(ulimit -H -n)" 2>/dev/null
	limit=$(ulimit -n)
	threads=$(ulimit -u 2>/dev/null)
}
case $limit in
unlimited) limit=1000000 ;;
esac
limit=$((limit - 100))
case ${threads:-unlimited} in
unlimited) ;;
*) [ "$(id -u)" = 0 ] || [ $((threads - 500)) -ge "$limit" ] || limit=$((threads - 500)) ;;
esac
sizes=
[ $# -gt 0 ] || set -- 1000 10000
for n; do
	if [ "$n" -gt "$limit" ]; then
		say "demo: $n connections are more than the limits allow (ulimit -n, -u): $limit instead"
		n=$limit
	fi
	case " $sizes " in
	*" $n "*) ;;
	*) sizes="$sizes $n" ;;
	esac
done

work=$(mktemp -d) || exit 1
failed=0
for n in $sizes; do
	run "native-$n" native "$n"
	run "shim-$n" shim "$n"
done
progress ""

printf '%-34s' ""
for n in $sizes; do
	printf '%24s' "$n connections"
done
printf '\n%-34s' ""
for n in $sizes; do
	printf '%12s%12s' native libgoshim
done
printf '\n'
row "kernel threads" server_threads
row "resident memory, MB" server_rss_mb
row "requests per second" requests_per_second
row "server CPU s per 100,000 requests" server_cpu_per_100k
row "latency p50, ms" latency_p50_ms
row "latency p99, ms" latency_p99_ms
row "requests answered" requests
row "wrong or missing answers" errors
[ "$failed" = 0 ] && echo "Every byte of every answer was as it should be."
exit "$failed"
