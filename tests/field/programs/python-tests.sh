# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="python3 libpython3.11-testsuite procps"
title="Python's own tests of signals, processes, threads, sockets" threads="as each test wants"
version() { /usr/bin/python3 --version; }
run()
{
	local module

	cd "$dir" || return
	for module in ${PYTHON_TESTS:-test_signal test_subprocess test_threading test_socket test_thread \
		test_fork1 test_threadsignals test_asyncio}; do
		echo "$module"
		# Sockets of virtual machines wait for ever where there is no host to answer.
		batch /usr/bin/python3 -m test -v -i '*VSOCK*' "$module" >"$dir/log" 2>&1
		cat "$dir/log" "$dir/err" >"$dir/all"
		sed -n 's/^\(Ran [0-9]* tests\) in .*/\1/p; /^\(FAIL\|ERROR\): /p; /^OK/p; /^FAILED/p; /^exit status/p' \
			"$dir/all"
		: >"$dir/err"
	done
	cd / || return
}
