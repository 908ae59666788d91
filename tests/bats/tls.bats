# SPDX-License-Identifier: MIT
#
# tls.bats - what belongs to a thread stays with it, whoever runs it: errno,
# thread-local variables, locale, C++ exceptions, malloc's and stdio's own state.

load helper

# Random yields and steals, by seed: threads change workers at odd places.
perturbed()
{
	local seed

	compare "$@"
	for seed in 1 2 3; do
		GS_PROCS="2 4" GOSHIM_DEBUG=perturb=$seed compare "$@" || fail "perturb=$seed"
	done
}

@test "errno, __thread, getspecific, locale, h_errno, strerror" {
	perturbed tls_migrate
}

@test "the same on 500 threads" {
	compare tls_migrate 500 60
}

@test "C++: thread_local, exceptions, call_once, futures, atomics" {
	[ -x "$GS_BUILD/tests/tls_cxx" ] || skip "built without a C++ compiler"
	perturbed tls_cxx
}

@test "malloc and free across threads" {
	perturbed malloc_stress
}

@test "stdio: whole lines, flockfile, blocked in fgets and fwrite, popen, system" {
	perturbed stdio_locks
}

@test "getaddrinfo and relatives on many threads" {
	perturbed getaddrinfo_many
}
