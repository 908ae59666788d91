# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="python3 libpython3.11-testsuite procps"
title="Python's own tests of signals, processes, threads, sockets" threads="as each test wants"
version() { /usr/bin/python3 --version; }
run()
{
	local module file

	cd "$dir" || return
	for module in test_signal test_subprocess test_threading test_socket test_thread test_fork1 \
		test_threadsignals; do
		# Sockets of virtual machines wait for ever where there is no host to answer.
		python_tests "$module" -m test -v -i '*VSOCK*' "$module"
	done
	# In one piece it takes longer than a command may.
	for file in /usr/lib/python3.11/test/test_asyncio/test_*.py; do
		module=test.test_asyncio.$(basename "$file" .py)
		python_tests "$module" -m unittest -v "$module"
	done
	cd / || return
}
# python_tests NAME ARG... - how many tests there were, which failed, and the status.
python_tests()
{
	echo "$1"
	shift
	batch /usr/bin/python3 "$@" >"$dir/log" 2>&1
	cat "$dir/log" "$dir/err" >"$dir/all"
	sed -n 's/^\(Ran [0-9]* tests\).*/\1/p; /^\(FAIL\|ERROR\): /p; /^OK/p; /^FAILED/p; /^exit status/p' \
		"$dir/all"
	: >"$dir/err"
}
