# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="squid nginx-light apache2-utils curl"
title="squid, aufs" threads="16 that open, read and write the files of the cache"
version() { squid -v | head -n 1; }
run()
{
	local q i

	. "$here/nginx.inc"
	for i in $(seq 200); do head -c "$((i * 800))" "$dir/www/big" | tail -c 40000 >"$dir/www/f$i"; done
	q=$(port)
	mkdir "$dir/cache" && chown proxy "$dir" "$dir/cache"
	printf '%s\n' "http_port 127.0.0.1:$q" "http_access allow all" "cache_effective_user proxy" "pid_filename $dir/squid.pid" \
		"cache_dir aufs $dir/cache 100 16 16" "cache_log $dir/cache.log" "access_log none" "cache_store_log none" \
		"cache_mem 0" "memory_cache_mode disk" "maximum_object_size 32 MB" "refresh_pattern . 60 100% 60" \
		"shutdown_lifetime 1 seconds" "netdb_filename none" "coredump_dir none" "pinger_enable off" \
		"visible_hostname localhost" >"$dir/cfg"
	timeout 60 squid -z -N -f "$dir/cfg" >"$dir/install" 2>&1
	serve squid -N -f "$dir/cfg"
	if up curl -sf -x "127.0.0.1:$q" -o /dev/null "http://127.0.0.1:$p/file"; then
		for _ in 1 2 3 4 5; do
			timeout 20 curl -s -x "127.0.0.1:$q" "http://127.0.0.1:$p/big" | cmp - "$dir/www/big" && echo same
		done
		for _ in 1 2; do
			seq 200 | timeout 60 xargs -P 8 -I N curl -s -x "127.0.0.1:$q" -o "$dir/got.N" "http://127.0.0.1:$p/fN"
			for i in $(seq 200); do cmp "$dir/got.$i" "$dir/www/f$i"; done
		done
		timeout 60 ab -q -k -n 6000 -c 50 -X "127.0.0.1:$q" "http://127.0.0.1:$p/file" >"$dir/load" 2>&1
		grep -E '^(Complete|Failed) requests' "$dir/load"
		rate "$(awk '/^Requests per second/ {print $4; exit}' "$dir/load")" 6000
	fi
	stop
	backend_stop
}
