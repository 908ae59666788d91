# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="nginx-light wrk curl"
title="nginx, aio threads" threads="a pool of 8 that reads files"
version() { nginx -v 2>&1; }
run()
{
	local p

	p=$(port)
	mkdir "$dir/www" "$dir/logs" && head -c 200000 "$library" >"$dir/www/file"
	echo "worker_processes 1; daemon off; pid $dir/pid; error_log $dir/log; user root;
		thread_pool default threads=8; events {}
		http { access_log off; sendfile off; output_buffers 2 64k;
			server { listen 127.0.0.1:$p; root $dir/www; aio threads; directio 1; } }" >"$dir/conf"
	serve nginx -p "$dir" -c "$dir/conf" -e "$dir/log"
	up curl -sf -o /dev/null "http://127.0.0.1:$p/file" || return
	for _ in 1 2 3 4 5; do
		timeout 20 curl -s "http://127.0.0.1:$p/file" | cmp - "$dir/www/file" && echo same
	done
	http_load 30 4 "http://127.0.0.1:$p/file"
	stop
	grep -E 'alert|crit|emerg' "$dir/log" | head -n 3
}
