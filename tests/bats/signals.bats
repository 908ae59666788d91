# SPDX-License-Identifier: MIT
#
# signals.bats - signals reach the right thread at the right time, as they do bare.

load helper

GS_PROCS="1 2 8"

@test "calls are broken and restarted as their handlers want" {
	compare sig_break
}

@test "masks, pending sets and nesting are each thread's own" {
	compare sig_masks
}

@test "sigwait, sigtimedwait and signalfd take everything, in order" {
	compare sig_wait
}

@test "alarms reach threads that compute, sleep and read; jumping out of a handler" {
	compare sig_alarm
}

@test "faults are handled on the stack the program wants" {
	compare sig_stack
}

@test "new processes start with the mask of the thread that made them" {
	compare sig_child
}

@test "a storm of signals from outside: none lost, none out of order" {
	compare sig_storm 2
}

@test "default actions: the same end" {
	local how failed=

	for how in raise kill outside pthread_kill blocked all_blocked thread_blocked abort \
		abort_handler segv segv_ignored segv_blocked segv_twice overflow trap int3 fpe pipe \
		pipe_blocked stop stop_other ignored kill9 xfsz handler_default; do
		GS_PROCS=2 GS_TIMEOUT=20 compare sig_die "$how" || failed="$failed $how"
		GS_PROCS=2 GS_TIMEOUT=20 compare sig_die "$how" thread || failed="$failed $how/thread"
	done
	[ -z "$failed" ] || fail "differ:$failed"
}

@test "a thread that overflows its stack ends as bare, and one line says why" {
	run --separate-stderr shim "$(program sig_die)" overflow thread
	assert_output "ended by signal 11"
	[[ $stderr == *"has overflowed its stack of"*GOSHIM_STACK_SIZE* ]]
	[ "$(wc -l <<<"$stderr")" = 1 ]
}

@test "what servers do with signals" {
	each sig_idioms
}

@test "signalfd, polls, timers, children, values, alternate stacks, stops" {
	each sig_kinds
}

@test "a server that is sent signals at random moments: nothing is lost" {
	local bare shimmed procs

	bare=$(timeout 60 "$(program signal_server)" 2)
	for procs in $GS_PROCS; do
		shimmed=$(GOSHIM_MAXPROCS=$procs timeout 60 "$(program signal_server)" 3 "$GS_LIB")
		assert_equal "$shimmed" "$bare"
	done
}

@test "signals of descriptors: to the process and to one thread" {
	compare sig_owner
}
