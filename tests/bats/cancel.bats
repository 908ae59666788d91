# SPDX-License-Identifier: MIT
#
# cancel.bats - cancellation: where it happens, when it does not, what runs then.

load helper

@test "every call that is a cancellation point, and some that are none" {
	perturbed cancel_points
}

@test "state, type, handlers, requests at odd moments" {
	perturbed cancel_state
}

@test "C++: destructors, thread_local, what may be caught; how a thread ends otherwise" {
	[ -x "$(program exit_cxx)" ] || skip "no C++ compiler"
	perturbed exit_cxx
}
