# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="trafficserver nginx-light wrk curl"
title="trafficserver, 4 event threads" threads="event loops, the cache's 8 per disk, logging; each has a kernel thread, for main has changed its affinity and back"
version() { traffic_server --version 2>&1; }
run()
{
	local q

	. "$here/nginx.inc"
	q=$(port)
	mkdir -p "$dir/ts/log" "$dir/ts/run" "$dir/ts/cache"
	cp -r /etc/trafficserver "$dir/ts/etc"
	printf '%s\n' "prefix: $dir/ts" "exec_prefix: /usr" "bindir: /usr/bin" "sbindir: /usr/sbin" \
		"sysconfdir: $dir/ts/etc" "datadir: /usr/share/trafficserver" "includedir: /usr/include" \
		"libdir: /usr/lib/trafficserver" "libexecdir: /usr/lib/trafficserver/modules" \
		"localstatedir: $dir/ts" "runtimedir: $dir/ts/run" "logdir: $dir/ts/log" \
		"cachedir: $dir/ts/cache" >"$dir/ts/runroot.yaml"
	echo "map / http://127.0.0.1:$p/" >"$dir/ts/etc/remap.config"
	echo "$dir/ts/cache 64M" >"$dir/ts/etc/storage.config"
	printf 'CONFIG proxy.config.%s\n' "http.server_ports STRING $q:ip-in=127.0.0.1" "admin.user_id STRING #-1" \
		"exec_thread.autoconfig INT 0" "exec_thread.limit INT 4" "http.cache.required_headers INT 0" \
		>>"$dir/ts/etc/records.config"
	serve traffic_server --run-root="$dir/ts/runroot.yaml"
	if up curl -sf -o /dev/null "http://127.0.0.1:$q/file"; then
		for _ in 1 2 3 4 5; do
			timeout 20 curl -s "http://127.0.0.1:$q/big" | cmp - "$dir/www/big" && echo same
		done
		http_load 40 3 "http://127.0.0.1:$q/file"
	fi
	stop
	backend_stop
}
