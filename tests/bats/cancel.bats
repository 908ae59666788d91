# SPDX-License-Identifier: MIT
#
# cancel.bats - cancellation: where it happens, when it does not, what runs then.

load helper

@test "every call that is a cancellation point, and some that are none" {
	compare cancel_points
}
