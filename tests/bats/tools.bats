# SPDX-License-Identifier: MIT
#
# tools.bats - the numbers of a running process: goshim stat, top, metrics; the
# probes; what a shell completes.

load helper
load watched

@test "goshim stat: totals, rates, JSON" {
	start 1
	run "$GS_TOOL" stat "$pid"
	assert_success
	assert_line --regexp '^threads +6$'
	assert_line --regexp '^  waiting +5$'
	assert_line --regexp '^creates +5$'
	run "$GS_TOOL" stat "$pid" 0.1 3
	assert_success
	assert_equal "${#lines[@]}" 4
	assert_line --index 0 --regexp '^time +threads +worker.* switches/s '
	run "$GS_TOOL" stat --json "$pid" 0.1 2
	assert_success
	assert_equal "${#lines[@]}" 2
	for line in "${lines[@]}"; do
		python3 -c 'import json, sys
s = json.loads(sys.argv[1])
assert s["threads"] == 6 and s["states"]["waiting"] == 5 and s["counters"]["creates"] == 5, s' "$line"
	done
	run "$GS_TOOL" stat "$pid" 0
	assert_failure 125
	finish
}

# churn - dump_churn in the background, its number in $pid. end_churn ends it.
churn()
{
	dir=$BATS_TEST_TMPDIR
	env LD_PRELOAD="$GS_LIB" "$(program dump_churn)" 100 600 >"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	wait_for 30 test -s "$dir/out"
}

end_churn()
{
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	pid=
}

# What is printed of a program that has done nothing yet is 0.
has_waited()
{
	"$GS_TOOL" stat "$pid" | grep -qE '^latency p50 us +[0-9.]*[1-9]'
}

@test "goshim stat, top: how long threads wait for a processor" {
	churn
	wait_for 30 has_waited
	run "$GS_TOOL" stat --json "$pid"
	assert_success
	python3 -c 'import json, sys
s = json.loads(sys.argv[1])["latency_ns"]
assert 0 < s["p50"] <= s["p99"] < 60e9, s' "$output"
	run "$GS_TOOL" stat "$pid"
	assert_line --regexp '^latency p50 us +[0-9]*[1-9][0-9.]*$|^latency p50 us +0\.[0-9]*[1-9]'
	run "$GS_TOOL" top -b -n 1 -r 3 "$pid"
	assert_line --index 3 --regexp '^Per second: [0-9]*[1-9][0-9]* switches, .* latency p50 [0-9.]+ us, p99 [0-9.]+ us$'
	end_churn
}

@test "latencies are counted by powers of two" {
	run "$GS_BUILD/tests/unit/stats"
	assert_success
	assert_output ok
}

@test "goshim stat: the library under another name, and a process without it" {
	cp "$GS_LIB" "$BATS_TEST_TMPDIR/green.so"
	start 0 GOSHIM_MAXPROCS=1 LD_PRELOAD="$BATS_TEST_TMPDIR/green.so"
	run "$GS_TOOL" stat "$pid"
	assert_success
	assert_line --regexp '^threads +5$'
	finish
	run "$GS_TOOL" stat $$
	assert_failure 125
	assert_output --partial "does not have libgoshim.so loaded"
}

@test "goshim top: the threads that compute first, what the others wait for" {
	start 1 GOSHIM_MAXPROCS=2
	run "$GS_TOOL" top --batch --count 2 --delay 0.3 "$pid"
	assert_success
	assert_equal "$(grep -c '^goshim top - ' <<<"$output")" 2
	assert_line --regexp "^goshim top - [0-9:]{8}, process $pid \(dump_wait\)$"
	assert_line --regexp '^Threads: 6, .* 1 running, 5 waiting,'
	assert_line --regexp '^Workers: [0-9]+, processors: 2 \([0-2] idle\), queued: [0-9]+, descriptors: [0-9]+$'
	# The second picture: behind the headings, the thread that computes.
	run awk '/^ +ID +TID/ { n++; next } n == 2' <<<"$output"
	assert_line --index 0 --regexp '^ +6 +[0-9]+ running +[0-9]+\.[0-9] +[0-9.]+ +[0-9.]+ nothing +worker [0-9]+$'
	assert_equal "${#lines[@]}" 6
	assert_line --regexp '^ +3 +[0-9]+ waiting +0\.0 .* input +read, descriptor [0-9]+$'
	assert_line --regexp '^ +4 +[0-9]+ waiting +0\.0 .* time +sleep$'
	assert_line --regexp '^ +5 +[0-9]+ waiting +0\.0 .* mutex +mutex, 0x[0-9a-f]+$'
	run "$GS_TOOL" top -b -n 1 -r 2 -o id "$pid"
	assert_success
	assert_equal "$(tail -n 2 <<<"$output" | awk '{ print $1 }' | tr '\n' ' ')" "1 2 "
	finish
}

@test "goshim top: on a terminal, until q, and the terminal is as it was" {
	start 0
	run python3 - "$GS_TOOL" "$pid" <<-'END'
	import fcntl, os, pty, struct, sys, termios, time
	master, slave = pty.openpty()
	fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 40, 0, 0))
	before = termios.tcgetattr(slave)
	pid = os.fork()
	if pid == 0:
	    for fd in 0, 1, 2:
	        os.dup2(slave, fd)
	    os.execv(sys.argv[1], ["goshim", "top", "-d", "0.1", sys.argv[2]])
	seen = b""
	while seen.count(b"goshim top - ") < 3:
	    seen += os.read(master, 4096)
	os.write(master, b"q")
	assert os.waitpid(pid, 0)[1] == 0
	assert termios.tcgetattr(slave) == before
	picture = seen.split(b"\x1b[H")[3]
	lines = [l for l in picture.split(b"\x1b[J")[0].replace(b"\x1b[K", b"").split(b"\r\n") if l]
	assert len(lines) <= 8 and max(len(l) for l in lines) <= 40, lines
	print("ok")
	END
	assert_output ok
	finish
}

@test "goshim top, metrics: own mistakes" {
	for args in "top" "top one" "top -d 0 1" "top -n many 1" "top -o colour 1" "top -r -1 1" \
		"metrics" "metrics one" "metrics --json 1" "stat 1 -1"; do
		refuses "$args"
	done
}

# counts FILE - the four counters of which the test below speaks, a line each.
counts()
{
	sed -nE 's/^goshim_(switches|parks|wakes|timers)_total[^ ]* //p' "$1"
}

# moved BEFORE AFTER - writes what $pid counts to AFTER; all are higher than in BEFORE.
moved()
{
	"$GS_TOOL" metrics "$pid" >"$2"
	[ "$(paste <(counts "$1") <(counts "$2") | awk '$2 > $1 { n++ } END { print n + 0 }')" = 4 ]
}

@test "goshim metrics: OpenMetrics, as its own reader takes it" {
	churn
	printf 'goshim_%s_total 0\n' switches parks wakes timers >"$dir/nothing"
	wait_for 30 moved "$dir/nothing" "$dir/first"
	"$GS_TOOL" metrics "$pid" "$pid" >"$dir/first"
	wait_for 30 moved "$dir/first" "$dir/second"
	# Debian's own, which has the package.
	run /usr/bin/python3 - "$dir/first" "$dir/second" "$pid" <<-'END'
	import sys
	from prometheus_client.openmetrics.parser import text_string_to_metric_families
	def read(path):
	    text = open(path).read()
	    assert text.endswith("# EOF\n")
	    return {f.name: f for f in text_string_to_metric_families(text)}
	first, second = read(sys.argv[1]), read(sys.argv[2])
	def total(families, name):
	    (s,) = families["goshim_" + name].samples
	    assert s.name == "goshim_" + name + "_total", s
	    assert s.labels == {"pid": sys.argv[3], "command": "dump_churn"}, s
	    return s.value
	for name in "switches", "parks", "wakes", "timers":
	    assert total(second, name) > total(first, name) > 0, name
	states = {s.labels["state"]: s.value for s in second["goshim_threads"].samples}
	assert sum(states.values()) >= 50 and states["waiting"] > 0, states
	latency = second["goshim_latency_seconds"]
	assert latency.type == "histogram" and latency.unit == "seconds"
	count = [s.value for s in latency.samples if s.name.endswith("_count")]
	assert count[0] > 0
	assert second["goshim_processors"].type == "gauge"
	print("ok")
	END
	assert_output ok
	end_churn
}

@test "the library has probes at park, ready and switch" {
	$CC -fsyntax-only -include sys/sdt.h -x c /dev/null || skip "sys/sdt.h was not there to build with"
	run readelf -n "$GS_LIB"
	assert_line --regexp 'Provider: goshim'
	for name in park ready switch; do
		assert_line --regexp "^ +Name: $name\$"
	done
}

# complete LINE - what bash offers at the end of it, a word a line.
complete()
{
	PATH=${GS_TOOL%/*}:$PATH bash -c '
		. /usr/share/bash-completion/bash_completion
		. "$1/tools/goshim.bash"
		compopt() { :; } # there is no line being edited
		COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=9 COMP_KEY=9
		read -ra COMP_WORDS <<<"${2//=/ = }"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_goshim
		printf "%s\n" "${COMPREPLY[@]}"' _ "$GS_SRC" "$1"
}

@test "bash completes commands, options, their values, processes, the command to run" {
	[ -e /usr/share/bash-completion/bash_completion ] || skip "bash-completion is not installed"
	run complete 'goshim '
	for name in $("$GS_TOOL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		assert_line "$name"
	done
	assert_line -- "--explain"
	run complete 'goshim run --s'
	assert_output -- "--stack-size="
	run complete 'goshim run -d '
	for name in $(sed -n 's/^GS_DEBUG([^"]*"\([a-z]*\)", FLAG.*/\1/p' "$GS_SRC/shim/conf.def"); do
		assert_line "$name"
	done
	run complete 'goshim run --debug=verbose,sched'
	assert_output "verbose,schedtrace="
	run complete 'goshim top --sort=a'
	assert_output "age"
	run complete 'goshim run -p 2 -s 64k -- ls --aut'
	refute_output --partial goshim
	run complete 'goshim run -p '
	assert_output ""
	start 0
	run complete 'goshim dump '
	assert_line "$pid"
	finish
}

@test "zsh completes the same" {
	need zsh
	# A shell with a terminal of its own. zpty reads whole lines, so one is asked for
	# behind each completion.
	cat >"$BATS_TEST_TMPDIR/zsh" <<-'END'
	zmodload zsh/zpty
	await() {
	    local more
	    got=
	    while [[ $got != *$1* ]]; do
	        zpty -r z more || return
	        got+=$more
	    done
	}
	try() {
	    # What comes before the editor is ready for it is not completed: again, later.
	    for i in {1..20}; do
	        (( i == 1 )) || sleep $(( i / 10.0 ))
	        zpty -n -w z "$1"$'\t\C-U'"print DO''NE"$'\n'
	        await DONE
	        [[ $got == *$~2* ]] && break
	    done
	    [[ $got == *$~2* ]] && print -r -- "$1" || print -r -- "$got"
	}
	zpty z zsh -f -i
	zpty -w z "PS1= PATH=$1:\$PATH fpath=($2 \$fpath); autoload -U compinit; compinit -u -D"
	zpty -w z "bindkey '^I' complete-word; stty rows 100 cols 150; print RE''ADY"
	await READY
	try "goshim " "metrics *-- print the counters*top *-- show"
	try "goshim run -" "--maxprocs *--stack-size"
	try "goshim run -d " "deadlock*schedtrace*verbose"
	try "goshim top -o " "age*cpu*id*time"
	try "goshim run -p 2 truncat" "truncate"
	END
	run timeout 100 zsh -f "$BATS_TEST_TMPDIR/zsh" "${GS_TOOL%/*}" "$GS_SRC/tools"
	assert_success
	assert_equal "${#lines[@]}" 5
}
