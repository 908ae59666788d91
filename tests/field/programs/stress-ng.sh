# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=stress-ng
title="stress-ng --verify" threads="creation, locks, waiting; the pthread stressor gives each a robust list of its own, so each has a kernel thread"
version() { stress-ng --version | cut -d ' ' -f 1-3; }
run()
{
	local s

	for s in pthread mutex futex sem pipe sock poll timerfd signal fifo eventfd hrtimers; do
		echo "$s"
		batch stress-ng --temp-path "$dir" --"$s" 2 --"$s"-ops 2000 --verify --timeout 20 \
			2>"$dir/messages" | head -n 3
		grep -ciE 'fail|error' "$dir/messages"
	done
}
