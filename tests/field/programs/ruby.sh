# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="ruby python3"
title="ruby TCPServer" threads="one per connection, under one lock"
version() { ruby -v | cut -d ' ' -f 1-2; }
run()
{
	local p

	p=$(port)
	serve ruby -rsocket -e "s = TCPServer.new('127.0.0.1', $p)
		loop { c = s.accept; Thread.new { while l = c.gets; c.puts l.chomp + '!'; end; c.close } }"
	up timeout 2 bash -c "echo >/dev/tcp/127.0.0.1/$p" || return
	timeout 60 python3 "$here/client.py" lines "$p" 100 100 >"$dir/load" || echo "client failed"
	grep -v '^rate' "$dir/load"
	rate $(sed -n 's/^rate //p' "$dir/load")
	stop
}
