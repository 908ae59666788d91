# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="siege nginx-light"
title="siege, 100 users" threads="one per user"
version() { dpkg-query -W -f 'SIEGE ${Version}\n' siege; }
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
	printf '%s\n' verbose=false quiet=false json_output=true show-logfile=false logging=false \
		limit=255 "logfile=$dir/siege.log" >"$dir/siegerc"
	HOME=$dir batch siege -R "$dir/siegerc" -b -c 100 -r 60 "http://127.0.0.1:$p/file" >"$dir/load"
	tr -d ' \t' <"$dir/load" | grep -E '"(transactions|failed_transactions|availability)"'
	rate "$(tr -d ' \t,' <"$dir/load" | sed -n 's/"transaction_rate"://p')" 6000
	kill "$q"; wait "$q" 2>/dev/null
}
