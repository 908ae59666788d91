# SPDX-License-Identifier: MIT
#
# cancel.bats - cancellation: where it happens, when it does not, what runs then.

load helper

@test "every call that is a cancellation point, and some that are none" {
	compare cancel_points
}

@test "state, type, handlers, requests at odd moments" {
	compare cancel_state
}

@test "C++: destructors, thread_local, what may be caught; how a thread ends otherwise" {
	[ -x "$(program exit_cxx)" ] || skip "no C++ compiler"
	compare exit_cxx
}
