# SPDX-License-Identifier: MIT
#
# dump.bats - seeing inside: what waits where, by signal, from outside, in gdb.

load helper
load watched

# thread NAME TEXT - the lines about one thread of a dump.
thread()
{
	awk -v name="\"$1\"" '/^thread / { on = index($0, name) } on' <<<"$2"
}

# check_dump TEXT - every thread of dump_wait with its reason and its function.
check_dump()
{
	local text=$1

	run head -n 1 <<<"$text"
	assert_output --regexp '^goshim\[[0-9]+\]: 5 green threads: 0 running, 0 runnable, 5 waiting'
	run thread condition "$text"
	assert_line --index 0 --regexp '^thread 2 \(tid [0-9]+, "condition"\) waiting: cond wait on 0x[0-9a-f]+, for [0-9]+\.[0-9]+ s$'
	assert_line --regexp '^    #[0-9]+ +0x[0-9a-f]{16} wait_for_condition\+0x[0-9a-f]+ \(dump_wait\+0x[0-9a-f]+\)$'
	run thread input "$text"
	assert_line --index 0 --regexp 'waiting: read on descriptor [0-9]+ \(pipe:\[[0-9]+\]\), for'
	assert_line --partial ' wait_for_input+0x'
	assert_line --partial ' read+0x'
	run thread time "$text"
	assert_line --index 0 --regexp 'waiting: sleep, for [0-9]+\.'
	assert_line --partial ' wait_for_time+0x'
	run thread mutex "$text"
	assert_line --index 0 --regexp 'waiting: mutex on 0x[0-9a-f]+, for'
	assert_line --partial ' wait_for_mutex+0x'
	assert_line --partial ' run+0x'
	# Main: its stack ends where the kernel started it.
	run grep -F ' wait_for_the_end+0x' <<<"$text"
	assert_success
	run grep -F ' main+0x' <<<"$text"
	assert_success
	run grep -F ' _start+0x' <<<"$text"
	assert_success
}

# complete FILE - the dumps there have got as far as the last thread's first frame.
complete()
{
	[ "$(grep -c ' gs_life_entry+0x' "$1")" -ge "$2" ]
}

@test "GOSHIM_DUMP_SIGNAL: every thread, its reason, its stack; the program goes on" {
	start 0 GOSHIM_DUMP_SIGNAL=USR2
	kill -USR2 "$pid"
	wait_for 30 complete "$dir/err" 4
	kill -USR2 "$pid"
	wait_for 30 complete "$dir/err" 8
	check_dump "$(awk '/^goshim/ { n++ } n == 1' "$dir/err")"
	check_dump "$(awk '/^goshim/ { n++ } n == 2' "$dir/err")"
	finish
}

ended()
{
	! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$pid/status"
}

@test "GOSHIM_DUMP_SIGNAL: a reader that does not read costs a moment, not the program" {
	dir=$BATS_TEST_TMPDIR
	mkfifo "$dir/in" "$dir/stuck"
	# A pipe that is full from the start.
	exec 7<>"$dir/stuck"
	head -c 65536 /dev/zero >&7
	env GOSHIM_DUMP_SIGNAL=USR2 LD_PRELOAD="$GS_LIB" "$(program dump_wait)" 0 \
		<"$dir/in" >"$dir/out" 2>&7 3>&- &
	pid=$!
	exec 8>"$dir/in"
	wait_for 30 test -s "$dir/out"
	kill -USR2 "$pid"
	sleep 0.2 # it is at it, as a rule
	# It ends while nobody reads; had it to wait, it would do so for ever.
	exec 8>&-
	wait_for 30 ended
	finish
	exec 7>&-
}

@test "without GOSHIM_DUMP_SIGNAL the signal does what it always did" {
	start 0
	kill -USR2 "$pid"
	run wait "$pid"
	pid=
	wait_for 10 test -e "$dir/err"
	run cat "$dir/err"
	refute_output --partial "green threads"
}

@test "goshim dump: the same from outside; computing and preempted threads" {
	start 0
	run "$GS_TOOL" dump "$pid"
	assert_success
	check_dump "$output"
	finish
	rm "$dir/in" "$dir/out"
	start 2 GOSHIM_MAXPROCS=1
	run "$GS_TOOL" dump "$pid"
	assert_success
	assert_output --regexp '"nothing"\) running, for [0-9.]+ s, on worker [0-9]+ \(kernel thread [0-9]+\)'
	# Of two that compute on one processor, one is preempted most of the time; its
	# stack goes on behind the signal.
	if grep -q '"nothing") runnable' <<<"$output"; then
		assert_line --regexp '^    #[0-9]+ +0x[0-9a-f]{16} wait_for_nothing\+0x'
		assert_line --partial '<signal handler called>'
	fi
	run "$GS_TOOL" dump --no-stacks "$pid"
	assert_success
	assert_equal "$(grep -c '^thread ' <<<"$output")" 7
	refute_output --partial '#0'
	finish
}

@test "goshim dump: a computing thread's stack, unless told to leave it alone" {
	start 1
	run "$GS_TOOL" dump "$pid"
	assert_success
	assert_equal "$(grep -c ' wait_for_nothing+0x' <<<"$output")" 1
	run "$GS_TOOL" dump --no-stop "$pid"
	assert_success
	assert_line --partial '"nothing") running'
	refute_output --partial 'wait_for_nothing'
	# Nobody holds it any more.
	run awk '/^State:/ && $2 ~ /[tT]/ || /^TracerPid:/ && $2 != 0' /proc/"$pid"/task/*/status
	assert_output ""
	finish
}

@test "goshim dump: the program does not notice that a thread was stopped" {
	local end=$((SECONDS + 6)) seen=0

	dir=$BATS_TEST_TMPDIR
	mkfifo "$dir/in"
	env LD_PRELOAD="$GS_LIB" "$(program dump_restart)" <"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	exec 8>"$dir/in"
	wait_for 30 test -s "$dir/out"
	# Longer, should it be slow in getting a look at one.
	while ((SECONDS < end || (seen == 0 && SECONDS < end + 60))); do
		"$GS_TOOL" dump "$pid" >"$dir/dump"
		grep -q ' run+0x' "$dir/dump" && seen=$((seen + 1))
	done
	finish
	assert_equal "$(sed -n 2p "$dir/out")" "many calls, 0 interrupted, 0 failed"
	[ "$seen" -gt 0 ]
}

@test "goshim dump: a stripped program has its file and offsets, and the names it exports" {
	cp "$(program dump_wait)" "$BATS_TEST_TMPDIR/dump_wait"
	strip "$BATS_TEST_TMPDIR/dump_wait"
	start_program "$BATS_TEST_TMPDIR/dump_wait" 0
	run "$GS_TOOL" dump "$pid"
	assert_success
	refute_output --partial wait_for
	run thread time "$output"
	assert_line --index 0 --regexp 'waiting: sleep, for [0-9]+\.'
	assert_line --partial ' sleep+0x'
	assert_line --regexp '^    #[0-9]+ +0x[0-9a-f]{16} dump_wait\+0x[0-9a-f]+$'
	# The way down to the thread's first frame is found all the same.
	assert_line --regexp '^    #[0-9]+ .*libgoshim\.so\+0x[0-9a-f]+\)?$'
	assert_line --partial ' gs_life_entry+0x'
	finish
}

not_turned_on()
{
	"$GS_TOOL" dump "$pid" >"$BATS_TEST_TMPDIR/dump" &&
		grep -q "not turned on" "$BATS_TEST_TMPDIR/dump"
}

@test "goshim dump: says why when there is nothing to see" {
	run "$GS_TOOL" dump
	assert_failure 125
	run "$GS_TOOL" dump one
	assert_failure 125
	assert_output --partial "not a process number"
	run "$GS_TOOL" dump 2147483646
	assert_failure 125
	assert_output --partial "No such process"
	sleep 100 3>&- &
	pid=$!
	wait_for 30 grep -q sleep "/proc/$pid/comm"
	run "$GS_TOOL" dump "$pid"
	assert_failure 125
	assert_output --partial "does not have libgoshim.so loaded"
	kill "$pid"
	env LD_PRELOAD="$GS_LIB" sleep 100 3>&- &
	pid=$!
	# As soon as the library is loaded, and has looked at its options.
	wait_for 30 not_turned_on
	kill "$pid"
	pid=
}

# dumped N - the program has printed that many dumps.
dumped()
{
	[ "$(grep -c '^goshim.* green threads:' "$dir/err")" -ge "$1" ]
}

@test "goshim dump beside a program in full motion" {
	local i

	program dump_churn >/dev/null
	dir=$BATS_TEST_TMPDIR
	env GOSHIM_DUMP_SIGNAL=USR2 LD_PRELOAD="$GS_LIB" "$(program dump_churn)" 200 60 \
		>"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	wait_for 30 test -s "$dir/out"
	for i in 1 2 3 4 5 6 7 8; do
		kill -USR2 "$pid"
		run "$GS_TOOL" dump "$pid"
		assert_success
		# One signal that is sent twice before it is taken is one.
		wait_for 30 dumped "$i"
	done
	kill -KILL "$pid"
	wait "$pid" || true
	pid=
	assert_equal "$(grep -c '^goshim.* green threads:' "$dir/err")" 8
	# The stacks are the program's, not nonsense: nearly all end at the library's
	# first frame or are the process's own.
	grep -c ' gs_life_entry+0x' "$dir/err" >"$dir/whole"
	[ "$(cat "$dir/whole")" -gt "$(grep -c '^thread .*waiting' "$dir/err" | awk '{ print int($1 * 0.9) }')" ]
}

five_lines()
{
	[ "$(wc -l <"$1")" -ge 5 ]
}

@test "GOSHIM_DEBUG=schedtrace: a line in Go's form, again and again" {
	start 1 GOSHIM_DEBUG=schedtrace=100 GOSHIM_MAXPROCS=2
	wait_for 60 five_lines "$dir/err"
	finish
	run cat "$dir/err"
	assert_line --regexp '^SCHED [0-9]+ms: maxprocs=2 idleprocs=[0-2] threads=[0-9]+ spinning=[0-9]+ idle=[0-9]+ runqueue=[0-9]+ \[[0-9]+ [0-9]+\]$'
	[ "${#lines[@]}" -ge 5 ]
	# Go's own tools split it at spaces and '='. No oftener than every 100 ms.
	local before=-1000 now
	for line in "${lines[@]}"; do
		[[ $line == "SCHED "*"ms: "* ]]
		now=${line#SCHED }
		now=${now%%ms: *}
		[ "$((now - before))" -ge 99 ] || fail "at $before ms and at $now ms"
		before=$now
	done
}

# gdb_on ARG... - what gdb says about $pid.
gdb_on()
{
	timeout 60 gdb -nx -q -batch -p "$pid" -ex "source $GS_SRC/tools/goshim-gdb.py" "$@" 2>&1 3>&- </dev/null
}

@test "gdb: goshim threads, bt, apply, on a live process" {
	need gdb
	start 1 GOSHIM_MAXPROCS=2
	run gdb_on -ex 'goshim threads' -ex 'goshim bt 3' -ex 'goshim apply all bt' -ex 'bt 1' \
		-ex 'goshim bt 99' -ex 'goshim select 5' -ex 'bt'
	case $output in *"ptrace: "* | *"Could not attach"*) skip "gdb may not attach here" ;; esac
	assert_line --regexp '^ +2 +[0-9]+ waiting +[0-9.]+ condition +cond wait on 0x[0-9a-f]+; wait_for_condition \(\)'
	assert_line --regexp '^ +3 +[0-9]+ waiting +[0-9.]+ input +read on descriptor [0-9]+; wait_for_input \(\)'
	assert_line --regexp '^ +6 +[0-9]+ running +[0-9.]+ nothing +wait_for_nothing \(\)'
	assert_line --regexp '^Green thread 3 \(tid [0-9]+, "input"\) waiting: read on descriptor'
	assert_line --regexp '^#[0-9]+ +0x[0-9a-f]+ in wait_for_time '
	assert_line --regexp '^#[0-9]+ +0x[0-9a-f]+ in wait_for_mutex '
	assert_line --regexp '^#[0-9]+ .* in main '
	assert_output --partial "there is no green thread 99"
	refute_output --partial "Python Exception"
	refute_output --partial "Traceback"
	finish
}

@test "gdb: the same from a core" {
	need gdb
	case $(cat /proc/sys/kernel/core_pattern) in core | core.%p) ;; *) skip "cores go elsewhere" ;; esac
	cd "$BATS_TEST_TMPDIR"
	ulimit -c unlimited || skip "no cores here"
	start 0
	kill -ABRT "$pid"
	wait "$pid" || true
	set -- core*
	[ -e "$1" ] || skip "no core was written"
	run timeout 60 gdb -nx -q -batch "$(program dump_wait)" "$1" \
		-ex "source $GS_SRC/tools/goshim-gdb.py" -ex 'goshim threads' -ex 'goshim bt 2'
	pid=
	assert_line --regexp '^ +4 +[0-9]+ waiting +[0-9.]+ time +sleep; wait_for_time \(\)'
	assert_line --regexp '^#[0-9]+ +0x[0-9a-f]+ in wait_for_condition '
	refute_output --partial "Python Exception"
}

@test "the exported descriptor agrees with the library; unwind tables are not trusted" {
	run "$GS_BUILD/tests/unit/layout"
	assert_success
	assert_output ok
	run "$GS_BUILD/tests/unit/cfi"
	assert_success
	assert_output ok
}
