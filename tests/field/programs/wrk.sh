# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="wrk nginx-light"
title="wrk -t 4" threads="four event loops"
version() { wrk -v 2>&1 | cut -d ' ' -f 1-2; }
run()
{
	local p q

	p=$(port)
	mkdir "$dir/www" && head -c 20000 "$library" >"$dir/www/file"
	echo "daemon off; master_process off; pid $dir/pid; error_log $dir/log; events {}
		http { access_log off; server { listen 127.0.0.1:$p; root $dir/www; } }" >"$dir/conf"
	timeout 100 nginx -p "$dir" -c "$dir/conf" -e "$dir/log" &
	q=$!
	for _ in $(seq 50); do
		timeout 1 bash -c "echo >/dev/tcp/127.0.0.1/$p" 2>/dev/null && break
		sleep 0.1
	done
	batch wrk -t 4 -c 40 -d 4 "http://127.0.0.1:$p/file" >"$dir/load"
	grep -E 'threads and|Non-2xx|Socket errors' "$dir/load"
	rate "$(awk '/^Requests.sec/ {print $2}' "$dir/load")" "$(awk '/requests in/ {print $1}' "$dir/load")"
	kill "$q"; wait "$q" 2>/dev/null
}
