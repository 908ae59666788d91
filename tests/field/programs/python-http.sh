# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="python3 apache2-utils curl"
title="python3 http.server" threads="one per request"
version() { python3 -V; }
run()
{
	local p

	p=$(port)
	mkdir "$dir/www" && head -c 100000 "$library" >"$dir/www/file"
	serve python3 -m http.server --bind 127.0.0.1 -d "$dir/www" "$p"
	up curl -sf -o /dev/null "http://127.0.0.1:$p/" || return
	timeout 20 curl -s "http://127.0.0.1:$p/file" | cmp - "$dir/www/file" && echo same
	timeout 60 ab -q -n 2000 -c 40 "http://127.0.0.1:$p/file" >"$dir/load" 2>&1
	grep -E '^(Complete|Failed) requests' "$dir/load"
	rate "$(awk '/^Requests per second/ {print $4}' "$dir/load")" 2000
	stop
}
