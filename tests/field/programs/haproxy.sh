# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="haproxy nginx-light wrk curl"
title="haproxy, nbthread 4" threads="four event loops"
version() { haproxy -v | head -n 1; }
run()
{
	local q

	. "$here/nginx.inc"
	q=$(port)
	printf '%s\n' global " nbthread 4" defaults " mode http" " timeout connect 5s" " timeout client 10s" \
		" timeout server 10s" "frontend f" " bind 127.0.0.1:$q" " default_backend b" "backend b" \
		" server s 127.0.0.1:$p" >"$dir/cfg"
	serve haproxy -db -f "$dir/cfg"
	if up curl -sf -o /dev/null "http://127.0.0.1:$q/file"; then
		for _ in 1 2 3 4 5; do
			timeout 20 curl -s "http://127.0.0.1:$q/big" | cmp - "$dir/www/big" && echo same
		done
		http_load 40 3 "http://127.0.0.1:$q/file"
	fi
	stop
	backend_stop
}
