# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="varnish nginx-light wrk curl"
title=varnish threads="pools of 100, and the cacher's own"
version() { varnishd -V 2>&1 | sed -n 's/.*(\(varnish-[0-9.]*\).*/\1/p'; }
run()
{
	local q

	. "$here/nginx.inc"
	q=$(port)
	serve varnishd -F -n "$dir/varnish" -j none -a "127.0.0.1:$q" -b "127.0.0.1:$p" -s malloc,64m
	if up curl -sf -o /dev/null "http://127.0.0.1:$q/file"; then
		for _ in 1 2 3 4 5; do
			timeout 20 curl -s "http://127.0.0.1:$q/big" | cmp - "$dir/www/big" && echo same
		done
		http_load 50 3 "http://127.0.0.1:$q/file"
	fi
	stop
	backend_stop
}
