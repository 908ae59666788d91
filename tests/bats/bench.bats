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

# slow_library - a library that takes its time in goshim_burn() whenever a thread is made or
# something is read: a target of `create` and `echo` is missed with it, and it is known where.
slow_library()
{
	cat >"$BATS_TEST_TMPDIR/slow.c" <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <pthread.h>
		#include <unistd.h>
		__attribute__((noinline)) void goshim_burn(void)
		{
			for (volatile int i = 0; i < 200000; i = i + 1)
				;
		}
		int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg)
		{
			static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

			if (!real)
				real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
						void *))dlsym(RTLD_NEXT, "pthread_create");
			goshim_burn();
			return real(t, a, f, arg);
		}
		ssize_t read(int fd, void *buffer, size_t size)
		{
			static ssize_t (*real)(int, void *, size_t);

			if (!real)
				real = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
			goshim_burn();
			return real(fd, buffer, size);
		}
	END
	slow=$BATS_TEST_TMPDIR/libgoshim-slow.so
	$CC -O1 -shared -fPIC -o "$slow" "$BATS_TEST_TMPDIR/slow.c"
}

# need_perf - skips the test, with perf's words, where it may not do what the section wants.
need_perf()
{
	local said

	need perf
	said=$(perf record -q -a -e cpu-clock -o "$BATS_TEST_TMPDIR/try" -- true 2>&1 &&
		perf stat -e raw_syscalls:sys_enter -- true 2>&1) || skip "perf: ${said//$'\n'/ }"
}

@test "bench: what else is known of a missed target: the others' figures, the words for its limit" {
	need python3
	run env PYTHONPATH="$GS_SRC/tests/bench" PYTHONDONTWRITEBYTECODE=1 python3 - <<-'END'
		import explain, report
		from case import Case, at_least, at_most

		case = Case("made up", [
		    ("cpu", "CPU", "", [at_most(0.8, "go", limit="of go"), at_most(2, "go", limit="met"),
		                        at_most(0.5, "native", every=True), at_least(3)])], {})
		same = Case("the same", [
		    ("cpu", "CPU", "", [at_most(0.7, "go", limit="of go"), at_least(4, limit="of go")])], {})
		rounds = {"native": [2, 2, 2], "native2": [2, 2, 2], "shim": [0.9, 0.9, 1.1],
		          "base": [0.1, 0.1, 0.1], "epoll": [0.82, 0.79, 1.01], "go": [1, 1, 1],
		          "st": [0, 0, 0]}
		cases = [("fake", each, report.summarise("fake", each, {
		    who: [{"cpu": v} for v in values] for who, values in rounds.items()}))
		    for each in (case, same)]
		explain.refusals = lambda place: ("perf: not today", "perf: not today")
		told = explain.collect(None, cases, report.COLUMNS, print)
		print(explain.text(told))
		print(explain.markdown(told))
	END
	assert_success
	assert_line --index 0 "Where the time goes: neither samples nor system calls: perf: not today"
	assert_line --index 1 "Where the time goes: made up"
	assert_line --index 2 "  MISSED CPU: shim / go is 0.9 (0.9 .. 1.1), must be at most 0.8"
	assert_line --index 3 "    a hand-written epoll loop: epoll / go is 0.82 (0.79 .. 1.01), which misses it too"
	assert_line --index 4 "    of go"
	assert_line --index 5 "  MISSED CPU: shim / native is 0.45 (0.45 .. 0.55), must be at most 0.5 in every run"
	assert_line --index 6 "    a hand-written epoll loop: epoll / native is 0.41 (0.395 .. 0.505), which misses it too"
	assert_line --index 7 "    Go: go / native is 0.5 (0.5 .. 0.5), which is within it"
	assert_line --index 8 "  MISSED CPU: shim is 0.9 (0.9 .. 1.1), must be at least 3"
	assert_line --index 9 "    native threads: native is 2 (2 .. 2), which misses it too"
	assert_line "Neither samples nor system calls: perf: not today."
	assert_line "- missed: CPU: shim / go is 0.9 (0.9 .. 1.1), must be at most 0.8"
	assert_line "  - of go"
	refute_output --partial "    met"
	# Words are said once, and referred to afterwards.
	assert_equal "$(grep -cxF -e "    of go" -e "  - of go" <<<"$output")" 2
	assert_line "    the limit is as with made up"
	assert_line "  - the limit is as with made up"
}

@test "bench: in how many of several runs a target was met, and what only another run missed" {
	need python3
	run env PYTHONPATH="$GS_SRC/tests/bench" PYTHONDONTWRITEBYTECODE=1 python3 - \
		"$BATS_TEST_TMPDIR/results.json" <<-'END'
		import sys, earlier, explain, report
		from case import Case, at_most

		case = Case("made up", [("cpu", "CPU", "", [at_most(2, limit="words"), at_most(1)])], {})
		def rows(value):
		    return report.summarise("fake", case, {"shim": [{"cpu": value}] * 3})
		report.write_json(rows(3), {"date": "then", "commit": "abc"}, [], {}, sys.argv[1])
		runs = earlier.load([sys.argv[1]] * 2)
		told = {"off": "", "missed": [], "cases": [], "no_samples": None, "no_calls": None}
		print(earlier.about(runs))
		print(report.markdown(rows(1.5), {}, explain.markdown(
		    told, earlier.missed_only_there(runs[:1], rows(1.5))),
		    lambda row, target: earlier.verdict(runs, row, target)))
	END
	assert_success
	assert_line "then (abc), then (abc)"
	assert_line --partial "at most 2 | met, 1 of 3 |"
	assert_line --partial "at most 1 | MISSED, 0 of 3 |"
	assert_line "- made up: CPU: shim is 3 (3 .. 3), must be at most 2"
	assert_line "  - words"
	bench --earlier "$GS_SRC/README.md"
	assert_equal "$status" 2
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" "README.md is no results.json"
}

@test "bench --explain: where a program's time goes, from its start to its end" {
	need_perf
	slow_library
	bench -q -n 1 -b create -c native,shim -l "$slow" --explain -o "$BATS_TEST_TMPDIR" \
		--markdown "$BATS_TEST_TMPDIR/bench.md"
	assert_failure 1
	assert_equal "$stderr" ""
	assert_line --regexp 'failed runs: 0$'
	assert_line "Where the time goes: create + join, 1 CPU"
	assert_line --regexp '^  shim +[0-9]+\.[0-9] .* per thread$'
	assert_line --regexp '^  native +[0-9]+\.[0-9] .* per thread$'
	assert_line --regexp '^ +[0-9.]+ %  goshim_burn +libgoshim-slow\.so$'
	assert_line --regexp '^  MISSED CPU per thread: shim / native is '
	python3 - "$BATS_TEST_TMPDIR/results.json" <<-'END'
		import json, sys
		case, = json.load(open(sys.argv[1]))["explained"]["cases"]
		shim, native = case["looks"]["shim"], case["looks"]["native"]
		assert not shim["trouble"] and not native["trouble"], case
		assert shim["symbols"][0][:2] == ["goshim_burn", "libgoshim-slow.so"], shim
		assert max(shim["shares"], key=shim["shares"].get) == "libgoshim", shim
		assert native["shares"]["libgoshim"] == 0 and native["shares"]["kernel"] > 0, native
		for found in shim, native:
		    assert abs(sum(found["shares"].values()) - 100) < 0.1 and found["samples"], found
		    assert found["calls"]["per"] == "thread" and found["calls"]["all"] >= 1, found
		# One a thread, of all that were made from start to end.
		names = shim["calls"]["names"]
		assert 0.9 < names.get("clone3", 0) + names.get("clone", 0) < 1.1, names
	END
	grep -q '^## Where the time goes' "$BATS_TEST_TMPDIR/bench.md"
	grep -q '^- shim.s samples: `goshim_burn` (libgoshim-slow.so) ' "$BATS_TEST_TMPDIR/bench.md"
	grep -q "^create	create + join, 1 CPU	shim	symbol	goshim_burn (libgoshim-slow.so)	%	" \
		"$BATS_TEST_TMPDIR/explain.tsv"
	[ -z "$(find "$BATS_FILE_TMPDIR" -name '*.data')" ]
}

@test "bench --explain: where a server's time goes, under its load" {
	local descriptors

	need_perf
	slow_library
	# With few, system calls are not counted thread by thread.
	for descriptors in "$(ulimit -n)" 600; do
		ulimit -n "$descriptors"
		bench -q -n 1 -b echo -c native,shim,epoll -l "$slow" --explain -o "$BATS_TEST_TMPDIR"
		assert_failure 1
		assert_equal "$stderr" ""
		assert_line "Where the time goes: echo, 64 connections"
		explained_echo
	done
}

# What the test above finds in results.json.
explained_echo()
{
	python3 - "$BATS_TEST_TMPDIR/results.json" <<-'END'
		import json, sys
		case, = json.load(open(sys.argv[1]))["explained"]["cases"]
		shim, native = case["looks"]["shim"], case["looks"]["native"]
		assert shim["symbols"][0][:2] == ["goshim_burn", "libgoshim-slow.so"], shim
		assert native["shares"]["libgoshim"] == 0, native
		for found in shim, native:  # a read and a write, and at most as many waits
		    assert found["calls"]["per"] == "request" and 1.8 < found["calls"]["all"] < 4.2, found
		bounds = {miss["target"]["against"]: [b["contender"] for b in miss["bounds"]]
		          for miss in case["missed"]}
		assert bounds == {"epoll": [], "native": ["epoll"]}, bounds
	END
}

@test "bench: where the time goes is shown without -q; where perf cannot tell, that is said" {
	local line bin=$BATS_TEST_TMPDIR/bin

	slow_library
	bench -q -n 1 -b create -c native,shim -l "$slow" -o "$BATS_TEST_TMPDIR"
	assert_failure 1
	assert_line "Where the time goes: not asked for; --explain measures it"
	mkdir "$bin"
	ln -s /bin/* /usr/bin/* "$bin/" 2>/dev/null || true
	rm -f "$bin/perf"
	line="Where the time goes: neither samples nor system calls: perf is not installed"
	PATH=$bin bench -n 1 -b create -c native,shim -l "$slow" -o "$BATS_TEST_TMPDIR"
	assert_failure 1
	assert_line "$line"
	assert_line --regexp '^  MISSED CPU per thread: shim / native is '
	assert_line --regexp 'failed runs: 0$'
	grep -q "	remark	${line#*: }	" "$BATS_TEST_TMPDIR/explain.tsv"
	# One that runs what it is given, and has nothing to say about it.
	printf '#!/bin/sh\nwhile [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done\n' >"$bin/perf"
	printf '[ $# = 0 ] || { shift; exec "$@"; }\n' >>"$bin/perf"
	chmod +x "$bin/perf"
	PATH=$bin bench -q --explain -n 1 -b create -c native,shim -l "$slow" -o "$BATS_TEST_TMPDIR"
	assert_failure 1
	assert_line "Where the time goes: no samples: perf has no samples"
	assert_line "Where the time goes: system calls not counted: perf counts no system calls"
	bench -q --explain -n 1 -b calls -c native -o "$BATS_TEST_TMPDIR"
	assert_line "Where the time goes: no target was missed, so there is nothing to explain"
}
