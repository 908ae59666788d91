# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="knot bind9-dnsutils"
title="knotd" threads="UDP, TCP and background workers; user-space RCU"
version() { knotd -V | head -n 1; }
run()
{
	local p i

	p=$(port)
	{
		echo '$TTL 60'; echo '@ SOA ns. h. 1 60 60 60 60'; echo '@ NS ns.test.'; echo 'ns A 10.0.0.1'
		for i in $(seq 300); do echo "h$i A 10.1.$((i / 250)).$((i % 250))"; done
	} >"$dir/test.zone"
	mkdir "$dir/db" "$dir/rundir"
	printf '%s\n' server: "  rundir: $dir/rundir" "  listen: 127.0.0.1@$p" "  udp-workers: 4" "  tcp-workers: 4" \
		"  background-workers: 4" database: "  storage: $dir/db" zone: "  - domain: test" \
		"    storage: $dir" "    file: test.zone" >"$dir/conf"
	serve knotd -c "$dir/conf"
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
