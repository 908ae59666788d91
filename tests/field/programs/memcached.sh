# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="memcached python3"
title=memcached threads="four event loops"
version() { memcached -V; }
run()
{
	local p

	p=$(port)
	serve memcached -u root -l 127.0.0.1 -p "$p" -t 4 -c 1000
	up timeout 2 bash -c "echo >/dev/tcp/127.0.0.1/$p" || return
	timeout 60 python3 "$here/client.py" memcached "$p" 20 1500 >"$dir/load" || echo "client failed"
	grep -v '^rate' "$dir/load"
	rate $(sed -n 's/^rate //p' "$dir/load")
	stop
}
