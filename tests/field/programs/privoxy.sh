# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="privoxy nginx-light apache2-utils curl"
title=privoxy threads="one per connection"
version() { privoxy --help | head -n 1; }
run()
{
	local q

	. "$here/nginx.inc"
	q=$(port)
	printf '%s\n' "confdir /etc/privoxy" "logdir $dir" "listen-address 127.0.0.1:$q" "filterfile default.filter" \
		"actionsfile match-all.action" "actionsfile default.action" "max-client-connections 300" \
		"keep-alive-timeout 20" "socket-timeout 60" >"$dir/cfg"
	serve privoxy --no-daemon "$dir/cfg"
	if up curl -sf -x "127.0.0.1:$q" -o /dev/null "http://127.0.0.1:$p/file"; then
		for _ in 1 2 3 4 5; do
			timeout 20 curl -s -x "127.0.0.1:$q" "http://127.0.0.1:$p/big" | cmp - "$dir/www/big" && echo same
		done
		timeout 60 ab -q -k -n 6000 -c 100 -X "127.0.0.1:$q" "http://127.0.0.1:$p/file" >"$dir/load" 2>&1
		grep -E '^(Complete|Failed) requests' "$dir/load"
		rate "$(awk '/^Requests per second/ {print $4; exit}' "$dir/load")" 6000
	fi
	stop
	backend_stop
}
