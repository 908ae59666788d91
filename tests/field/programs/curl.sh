# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="curl nginx-light"
title="curl --parallel" threads="one per name looked up"
version() { curl --version | cut -d ' ' -f 1-2; }
run()
{
	local p q i

	p=$(port)
	mkdir "$dir/www" && head -c 400000 "$library" >"$dir/www/file"
	timeout 100 python3 -m http.server --bind 127.0.0.1 -d "$dir/www" "$p" >"$dir/backend.log" 2>&1 &
	q=$!
	for _ in $(seq 50); do
		timeout 1 bash -c "echo >/dev/tcp/127.0.0.1/$p" 2>/dev/null && break
		sleep 0.1
	done
	for i in $(seq 60); do
		printf 'url=http://localhost:%s/file\noutput=%s/got%s\n' "$p" "$dir" "$i"
	done >"$dir/list"
	batch curl -s --parallel --parallel-max 20 -K "$dir/list"
	for i in $(seq 60); do cmp "$dir/got$i" "$dir/www/file"; done
	batch curl -sS --max-time 10 http://no-such-name.invalid/ 
	kill "$q"; wait "$q" 2>/dev/null
}
