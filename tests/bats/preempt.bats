# SPDX-License-Identifier: MIT
#
# preempt.bats - threads that compute are interrupted so that others run, and nothing they
# have in registers, on alternate stacks or in jump buffers is lost.

load helper

setup()
{
	unset LD_PRELOAD GOSHIM_MAXPROCS GOSHIM_DEBUG
}

@test "registers, rounding, jumps, handlers, spinning: interrupted anywhere" {
	compare preempt_state
}

@test "they are interrupted: with one processor nothing else could get them on" {
	run --separate-stderr timeout 60 env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=1 GOSHIM_STATS=1 \
		"$(program preempt_state)" registers rounding jumps handlers
	assert_success
	refute_output --regexp '[1-9][0-9]* wrong'
	[ "$(sed -n 's/.*preempts *//p' <<<"$stderr")" -ge 8 ]
}

@test "the next interruption pends already: no frame on top of a frame" {
	local procs

	for procs in 1 2; do
		run timeout 60 env LD_PRELOAD="$GS_LIB" GOSHIM_MAXPROCS=$procs \
			"$(program preempt_pending)"
		assert_success
		assert_output "they took turns"
	done
}

@test "interrupted anywhere, with random yields" {
	local seed

	for seed in 1 2; do
		GOSHIM_DEBUG=perturb=$seed GS_PROCS="1 2" compare preempt_state
	done
}
