# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="samba smbclient"
title=smbd threads="a pool per client's process that reads and writes files"
version() { smbd --version; }
run()
{
	local p i clients

	p=$(port)
	mkdir "$dir/share" "$dir/s" && chmod 777 "$dir/share"
	printf '%s\n' "[global]" "smb ports = $p" "interfaces = 127.0.0.1" "bind interfaces only = yes" "lock directory = $dir/s" \
		"state directory = $dir/s" "cache directory = $dir/s" "pid directory = $dir/s" "private dir = $dir/s" \
		"ncalrpc dir = $dir/s/n" "map to guest = Bad User" "guest account = nobody" "log file = $dir/log" \
		"load printers = no" "disable spoolss = yes" "server role = standalone" "aio read size = 1" "aio write size = 1" \
		"[share]" "path = $dir/share" "guest ok = yes" "read only = no" "force user = root" >"$dir/conf"
	big_file 16 "$dir/share/big"
	serve smbd -F --no-process-group -s "$dir/conf" --debug-stdout -d 0
	up smbclient -s "$dir/conf" -p "$p" -N //127.0.0.1/share -c ls || return
	clients=
	for i in $(seq 8); do
		(
			cd "$dir" || exit
			timeout 60 smbclient -s "$dir/conf" -p "$p" -N //127.0.0.1/share -c "get big got.$i; put got.$i back.$i; get back.$i again.$i" >"$dir/c.$i" 2>&1
			cmp "$dir/share/big" "got.$i" && cmp "$dir/share/big" "again.$i" && echo same
		) &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086
	wait $clients
	stop
}
