# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="bind9 bind9-dnsutils"
title="named -n 4" threads="event loops and workers of libuv"
version() { named -v; }
run()
{
	local p i

	p=$(port)
	{
		echo '$TTL 60'; echo '@ SOA ns. h. 1 60 60 60 60'; echo '@ NS ns.test.'; echo 'ns A 10.0.0.1'
		for i in $(seq 300); do echo "h$i A 10.1.$((i / 250)).$((i % 250))"; done
	} >"$dir/zone"
	echo "options { directory \"$dir\"; listen-on port $p { 127.0.0.1; }; listen-on-v6 { none; };
		pid-file none; session-keyfile none; recursion no; dnssec-validation no; };
		controls { };
		zone test { type primary; file \"$dir/zone\"; };" >"$dir/conf"
	serve named -g -n 4 -c "$dir/conf"
	up dig +time=1 +tries=1 @127.0.0.1 -p "$p" h1.test || return
	for i in $(seq 300); do echo "h$i.test A"; done >"$dir/names"
	for i in 1 2 3 4 5; do
		timeout 60 dig +short +time=5 +tries=9 @127.0.0.1 -p "$p" -f "$dir/names" |
			grep -v '^;' | sort | md5sum
		timeout 60 dig +short +tcp +time=5 +tries=9 @127.0.0.1 -p "$p" -f "$dir/names" |
			grep -v '^;' | sort | md5sum
	done
	stop
}
