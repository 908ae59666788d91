# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="puma ruby wrk curl"
title="puma, 16 threads" threads="a pool that answers requests, under one lock"
version() { puma --version | head -n 1; }
run()
{
	local p

	p=$(port)
	cat >"$dir/config.ru" <<-'RU'
	run lambda { |env| [200, { "content-type" => "text/plain" }, [env["PATH_INFO"] * 100]] }
	RU
	serve puma -q -e production --dir "$dir" -t 16:16 -b "tcp://127.0.0.1:$p" "$dir/config.ru"
	up curl -sf -o /dev/null "http://127.0.0.1:$p/" || return
	for i in $(seq 20); do timeout 20 curl -s "http://127.0.0.1:$p/x$i" | md5sum; done
	http_load 30 3 "http://127.0.0.1:$p/abc"
	stop
}
