#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - real programs, bare and under the library, with a real client each.
#
#	run.sh [-n RUNS] [-o DIR] [-t FILE] LIBRARY [PROGRAM...]
#
# Each file in programs/ is one program: it is sourced and sets
#	packages	Debian packages to install
#	title, threads	the name, and what it uses threads for
#	turns		how often it is run, where one run says too little (default 1)
#	few		yes: the processors and 8 kernel threads must do, shimmed
# and defines version (prints it) and run, which prints what must be the same bare
# and shimmed. run has these at hand:
#	serve CMD...	start a server, in the background, bare or shimmed
#	up CMD...	wait until the command succeeds, 30 seconds at most
#	stop		SIGTERM to the server, and wait for its end
#	crash		SIGKILL to it instead
#	batch CMD...	run a command that ends by itself, bare or shimmed
#	rate N [WORK]	what the client measured: operations per second, and how many
#	http_load CONNECTIONS SECONDS URL	wrk, and rate of what it measured
#	big_file N FILE	N megabytes of text
#	note TEXT	something to be said beside the figures of the table
#	port		a free port of 127.0.0.1, for TCP and UDP
#	$dir $here	a private directory, for this run; the directory of this script
# Without rate the throughput is that of the whole run.
#
# -n RUNS  how often each program is run both ways, in turns (default: its own choice);
#          all runs must give the same answers, and ratios are those of the medians
# -o DIR   where results are kept from one call to the next (default: ./field)
# -t FILE  bring the table between the markers of FILE up to date with the results in DIR
#
# Only what was started here is ended, and nothing runs without a time limit.
# Exit status: 1 when a program differs under the library.
# shellcheck disable=SC2317 # what the sourced scripts call
set -u
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=$PWD/field
table=
runs=
while getopts n:o:t: option; do
	case $option in
	n) runs=$OPTARG ;;
	o) results=$OPTARG ;;
	t) table=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
library=$(realpath -- "${1:?a library is needed}") || exit 2
shift
if [ $# = 0 ]; then
	for file in "$here"/programs/*.sh; do
		file=${file##*/}
		set -- "$@" "${file%.sh}"
	done
fi
mkdir -p "$results" && results=$(cd "$results" && pwd) || exit 2
FIELD_TOOL=$(dirname "$library")/../goshim
[ -x "$FIELD_TOOL" ] || FIELD_TOOL=goshim
export FIELD_TOOL
unset LD_PRELOAD
# shellcheck source=../../tools/setup.sh
. "$here/../../tools/setup.sh"

# ---- what the programs' scripts use ----

port()
{
	# Not one of those that clients are given.
	python3 - <<-'END'
		import random, socket
		while True:
		    at = ("127.0.0.1", random.randrange(10000, 32000))
		    with socket.socket() as t, socket.socket(type=socket.SOCK_DGRAM) as u:
		        try:
		            t.bind(at)
		            u.bind(at)
		            break
		        except OSError:
		            pass
		print(at[1])
	END
}

serve()
{
	python3 "$here/measure.py" "$dir/result" 120 "$preload" "$@" \
		>>"$dir/out" 2>>"$dir/err" </dev/null &
	server=$!
}

up()
{
	local end=$((SECONDS + 30))

	until timeout 5 "$@" >/dev/null 2>&1 </dev/null; do
		if [ "$SECONDS" -ge "$end" ] || ! kill -0 "$server" 2>/dev/null; then
			echo "the server did not come up"
			return 1
		fi
		sleep 0.1
	done
}

stop()
{
	local status=0

	kill -TERM "$server" 2>/dev/null
	wait "$server" || status=$?
	server=
	echo "exit status $status"
}

crash()
{
	kill -KILL "$(cat "$dir/result.pid")"
	wait "$server"
	server=
}

batch()
{
	local status=0

	timeout -k 30 180 python3 "$here/measure.py" "$dir/result" 120 "$preload" "$@" \
		2>>"$dir/err" </dev/null || status=$?
	[ "$status" = 0 ] || echo "exit status $status"
}

# wrk counts as an error, too, that an answer took long.
http_load()
{
	timeout 100 wrk -t 1 -c "$1" -d "$2" --timeout 30s "$3" >"$dir/load" 2>&1 || echo "client failed"
	grep Non-2xx "$dir/load"
	grep 'Socket errors' "$dir/load" | grep -v 'connect 0, read 0, write 0'
	rate "$(awk '/^Requests.sec/ {print $2}' "$dir/load")" "$(awk '/requests in/ {print $1}' "$dir/load")"
}

# big_file MEGABYTES FILE - text that compresses, the same every time.
big_file()
{
	awk -v n="$1" 'BEGIN { for (i = 0; i < n * 23000; i++) printf "%d line %d of text\n", (i * 7919) % 1000003 * 1000003, i % 977 }' |
		head -c "$1"M >"$2"
}

note()
{
	printf '%s\n' "$*" >"$results/$name.note"
}

rate()
{
	printf 'rate=%s\nwork=%s\n' "${1:-0}" "${2:-1}" >"$dir/rate"
}

# ---- one program ----

# one MODE RUN - a run of the program in a directory of its own.
one()
{
	local mode=$1 base=$results/$name.$1.$2

	dir=$(mktemp -d "${TMPDIR:-/tmp}/field.XXXXXX") || return 1
	chmod 755 "$dir"
	preload=
	[ "$mode" = bare ] || preload=$library
	server=
	: >"$dir/err"
	run >"$base.answers" 2>"$dir/client.err" </dev/null
	if [ -n "$server" ]; then
		stop >>"$base.answers"
	fi
	cat "$dir/result" "$dir/rate" >"$base" 2>/dev/null
	# The library must not have had anything to say.
	grep -c '^goshim\[' "$dir/err" | sed 's/^/messages=/' >>"$base"
	cat "$dir/err" "$dir/client.err" | tail -c 4000 >"$base.err"
	[ ! -e "$dir/result.stuck" ] || cp "$dir/result.stuck" "$base.stuck"
	rm -rf "$dir"
}

failed=0
for name; do
	if [ ! -e "$here/programs/$name.sh" ]; then
		echo "$name: there is no $here/programs/$name.sh" >&2
		exit 2
	fi
	packages='' title=$name threads='' turns=1 few=no
	# shellcheck source=/dev/null
	. "$here/programs/$name.sh"
	# shellcheck disable=SC2086 # a list of words
	if ! setup_packages $packages; then
		echo "$name: not run, a package is missing"
		continue
	fi
	rm -f "$results/$name".*
	for run in $(seq "${runs:-$turns}"); do
		for mode in bare shim; do
			one "$mode" "$run"
		done
	done
	printf '%s\n%s\n%s\n%s\n' "$title" "$(version 2>&1 | head -n 1)" "$threads" "$few" >"$results/$name.about"
	date -u +%Y-%m-%d >"$results/$name.date"
	python3 "$here/table.py" one "$results" "$name" || failed=1
done
[ -z "$table" ] || python3 "$here/table.py" all "$results" "$table"
exit "$failed"
