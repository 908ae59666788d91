# SPDX-License-Identifier: MIT
#
# compare.bats - the programs that go through one family of calls each: what they
# print and their exit status are the same with and without the library.

load helper

@test "every test program is run by some .bats file" {
	local file name missing=

	for file in "$GS_SRC"/tests/*.c "$GS_SRC"/tests/*.cc; do
		name=${file##*/}
		name=${name%.*}
		grep -qw -- "$name" "$GS_SRC"/tests/bats/*.bats || missing="$missing $name"
	done
	[ -z "$missing" ] || fail "not run by any:$missing"
}

@test "bad_pointers" {
	compare bad_pointers
}

@test "io_churn" {
	compare io_churn
}

@test "io_close" {
	compare io_close
}

@test "io_dgram" {
	compare io_dgram
}

@test "io_kinds" {
	compare io_kinds
}

@test "io_nonblock" {
	compare io_nonblock
}

@test "io_peer" {
	compare io_peer
}

@test "io_resolver" {
	compare io_resolver
}

@test "io_short" {
	compare io_short
}

@test "io_signal" {
	compare io_signal
}

@test "io_stream" {
	compare io_stream
}

@test "io_timeout" {
	compare io_timeout
}

@test "mux_cancel" {
	compare mux_cancel
}

@test "mux_doze" {
	compare mux_doze
}

# Of 1,440 events 160 come while somebody waits, and of the others a few are for trial.
@test "events that nobody waits for do not wake the library either" {
	run --separate-stderr timeout 60 env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=2 GOSHIM_STATS=1 \
		"$(program mux_doze)" count
	assert_success
	[[ $stderr =~ events\ +([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -ge 1 ]
	[ "${BASH_REMATCH[1]}" -le 260 ] || fail "${BASH_REMATCH[1]} events"
}

@test "mux_epoll" {
	compare mux_epoll
}

@test "event loops: turns, crowds, signals, masks, cancellation, time-outs" {
	local seed

	each mux_loop
	for seed in 1 2; do
		GS_PROCS="1 2 8" GOSHIM_DEBUG=perturb=$seed each mux_loop
	done
}

# Its first waits park, and each is an event.
@test "an event loop whose events come from outside sleeps in its own epoll_wait" {
	compare mux_loop serve 2000
	run --separate-stderr timeout 60 env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=2 GOSHIM_STATS=1 \
		"$(program mux_loop)" serve 2000
	assert_success
	[[ $stderr =~ events\ +([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -ge 1 ]
	[ "${BASH_REMATCH[1]}" -le 400 ] || fail "${BASH_REMATCH[1]} events"
}

@test "mux_poll" {
	compare mux_poll
}

@test "mux_select" {
	compare mux_select
}

@test "mux_signal" {
	compare mux_signal
}

@test "mux_sloppy" {
	compare mux_sloppy
}

@test "mux_storm" {
	compare mux_storm
}

@test "sleep_basic" {
	compare sleep_basic
}

@test "sleep_signal" {
	compare sleep_signal
}
