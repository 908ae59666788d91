# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="dnsdist pdns-server pdns-recursor pdns-backend-bind bind9-dnsutils"
title="dnsdist, pdns_server, pdns_recursor" threads="listeners, workers, health checks, one per TCP connection"
version() { dnsdist --version | head -n 1; }
run()
{
	local p q r i x

	p=$(port)
	q=$(port)
	r=$(port)
	{
		echo "\$TTL 60"; echo '@ SOA ns. h. 1 60 60 60 60'; echo '@ NS ns.test.'; echo 'ns A 10.0.0.1'
		for i in $(seq 300); do echo "h$i A 10.1.$((i / 250)).$((i % 250))"; done
	} >"$dir/test.zone"
	echo "zone \"test\" { type master; file \"$dir/test.zone\"; };" >"$dir/named.conf"
	mkdir "$dir/a" "$dir/r" "$dir/d"
	printf '%s\n' launch=bind "bind-config=$dir/named.conf" "local-address=127.0.0.1" "local-port=$p" "socket-dir=$dir/a" \
		"receiver-threads=3" "distributor-threads=3" "security-poll-suffix=" "guardian=no" "daemon=no" "cache-ttl=0" "query-cache-ttl=0" >"$dir/a/pdns.conf"
	printf '%s\n' "local-address=127.0.0.1" "local-port=$q" "forward-zones=test=127.0.0.1:$p" \
		"socket-dir=$dir/r" "threads=4" "distributor-threads=1" "pdns-distributes-queries=yes" "security-poll-suffix=" \
		"dont-query=" "daemon=no" "dnssec=off" "config-dir=$dir/r" >"$dir/r/recursor.conf"
	printf '%s\n' "setLocal('127.0.0.1:$r')" "newServer{address='127.0.0.1:$q', sockets=4, checkName='h1.test.'}" \
		"setMaxTCPClientThreads(10)" "setSecurityPollSuffix('')" >"$dir/d/dnsdist.conf"
	echo "#!/bin/bash
		ready() { until dig +time=1 +tries=1 @127.0.0.1 -p \$1 h1.test | grep -q 10.1.0.1; do sleep 0.1; done; }
		pdns_server --config-dir=$dir/a & a=\$!; ready $p
		pdns_recursor --config-dir=$dir/r & r=\$!; ready $q
		dnsdist --supervised --disable-syslog -C $dir/d/dnsdist.conf & d=\$!
		trap 'kill \$a \$r \$d' TERM
		for j in \$a \$r \$d; do
			wait \$j; s=\$?
			while kill -0 \$j 2>/dev/null; do wait \$j; s=\$?; done
			echo end \$s
		done" >"$dir/all"
	serve bash "$dir/all"
	up dig +time=1 +tries=1 @127.0.0.1 -p "$r" h1.test || return
	for i in $(seq 300); do echo "h$i.test A"; done >"$dir/names"
	for i in $p $q $r $p $q $r; do
		(timeout 60 dig +short +time=5 +tries=9 @127.0.0.1 -p "$i" -f "$dir/names" | grep -v '^;' | sort | md5sum) &
		x=$!
		timeout 60 dig +short +tcp +time=5 +tries=9 @127.0.0.1 -p "$i" -f "$dir/names" |
			grep -v '^;' | sort | md5sum
		wait "$x"
	done
	stop
	grep '^end' "$dir/out"
}
