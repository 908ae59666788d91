# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="rsyslog netcat-openbsd"
title=rsyslogd threads="inputs, queues' workers"
version() { rsyslogd -v | head -n 1 | cut -d , -f 1; }
run()
{
	local p i n senders

	p=$(port)
	printf '%s\n' "module(load=\"imtcp\" MaxSessions=\"500\")" "input(type=\"imtcp\" port=\"$p\" address=\"127.0.0.1\")" \
		'main_queue(queue.workerThreads="4" queue.type="LinkedList" queue.workerThreadMinimumMessages="100")' \
		'template(name="t" type="string" string="%msg%\n")' \
		"*.* action(type=\"omfile\" file=\"$dir/messages\" template=\"t\" queue.type=\"LinkedList\" queue.workerThreads=\"2\")" >"$dir/conf"
	serve rsyslogd -n -i "$dir/pid" -f "$dir/conf"
	up timeout 2 bash -c "echo >/dev/tcp/127.0.0.1/$p" || return
	senders=
	for i in $(seq 20); do
		seq 1000 | sed "s/^/<13>Nov 23 10:00:00 h tag: c$i n/" | timeout 30 nc -N 127.0.0.1 "$p" &
		senders="$senders $!"
	done
	# shellcheck disable=SC2086
	wait $senders
	for _ in $(seq 100); do
		n=$(grep -c ' c[0-9]* n' "$dir/messages")
		[ "$n" -lt 20000 ] || break
		sleep 0.1
	done
	stop
	grep -o 'c[0-9]* n[0-9]*' "$dir/messages" | sort | md5sum
}
