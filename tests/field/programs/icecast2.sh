# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="icecast2 curl"
title=icecast2 threads="sources, clients, statistics"
version() { icecast2 -v; }
run()
{
	local p i listeners

	p=$(port)
	mkdir "$dir/logs"
	echo "<icecast><limits><clients>100</clients><sources>2</sources><threadpool>5</threadpool><burst-size>65535</burst-size></limits>
	<authentication><source-password>s</source-password><admin-user>a</admin-user><admin-password>b</admin-password></authentication>
	<hostname>localhost</hostname><listen-socket><port>$p</port><bind-address>127.0.0.1</bind-address></listen-socket>
	<paths><basedir>/usr/share/icecast2</basedir><logdir>$dir/logs</logdir><webroot>/usr/share/icecast2/web</webroot>
	<adminroot>/usr/share/icecast2/admin</adminroot></paths>
	<security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group></changeowner></security></icecast>" >"$dir/conf"
	chmod 777 "$dir/logs"
	serve icecast2 -c "$dir/conf"
	up curl -s -o /dev/null "http://127.0.0.1:$p/status-json.xsl" || return
	big_file 1 "$dir/stream"
	timeout 60 curl -s -u source:s --limit-rate 400k -T "$dir/stream" -H "Content-Type: audio/mpeg" "http://127.0.0.1:$p/x" >/dev/null &
	i=$!
	sleep 1
	listeners=
	for _ in $(seq 20); do timeout 30 curl -s "http://127.0.0.1:$p/x" >"$dir/heard.$_" & listeners="$listeners $!"; done
	wait "$i"
	# shellcheck disable=SC2086
	wait $listeners
	for _ in $(seq 20); do [ -s "$dir/heard.$_" ] && tail -c 1000 "$dir/heard.$_" | md5sum; done
	stop
}
