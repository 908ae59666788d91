# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="unbound bind9-dnsutils"
title="unbound, num-threads 4" threads="four event loops"
version() { unbound -V | head -n 1; }
run()
{
	local p i

	p=$(port)
	{
		printf '%s\n' server: " interface: 127.0.0.1" " port: $p" " num-threads: 4" " do-daemonize: no" \
			" username: \"\"" " chroot: \"\"" " pidfile: \"\"" " directory: \"$dir\"" " use-syslog: no" \
			" logfile: \"\"" " do-not-query-localhost: no" " module-config: \"iterator\"" \
			" local-zone: \"test.\" static"
		for i in $(seq 300); do echo " local-data: \"h$i.test. A 10.1.$((i / 250)).$((i % 250))\""; done
	} >"$dir/conf"
	serve unbound -d -c "$dir/conf"
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
