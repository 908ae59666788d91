# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="stunnel4 openssl nginx-light apache2-utils curl"
title=stunnel4 threads="one per connection"
version() { stunnel4 -version 2>&1 | grep -m 1 '^stunnel\|stunnel [0-9]' | sed 's/.*\(stunnel [0-9.]*\).*/\1/'; }
run()
{
	local p q

	p=$(port)
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout "$dir/key" \
		-out "$dir/cert" 2>/dev/null
	mkdir "$dir/www" && head -c 300000 "$library" >"$dir/www/file"
	q=$(port)
	timeout 100 python3 -m http.server --bind 127.0.0.1 -d "$dir/www" "$q" >"$dir/backend.log" 2>&1 &
	backend=$!
	printf '%s\n' foreground=yes pid= "output=$dir/log" "[t]" "accept=127.0.0.1:$p" \
		"connect=127.0.0.1:$q" "cert=$dir/cert" "key=$dir/key" >"$dir/conf"
	serve stunnel4 "$dir/conf"
	if up curl -sfk -o /dev/null "https://127.0.0.1:$p/file"; then
		for _ in 1 2 3 4; do
			timeout 20 curl -sk "https://127.0.0.1:$p/file" | cmp - "$dir/www/file" && echo same
		done
		timeout 60 ab -q -n 600 -c 30 "https://127.0.0.1:$p/file" >"$dir/load" 2>&1
		grep -E '^(Complete|Failed) requests|Total transferred' "$dir/load" | grep -v Total
		rate "$(awk '/^Requests per second/ {print $4}' "$dir/load")" 600
	fi
	stop
	kill "$backend"; wait "$backend" 2>/dev/null
}
