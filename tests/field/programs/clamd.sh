# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="clamav-daemon clamdscan"
title=clamd threads="up to 10 that scan, others that walk directories"
version() { clamd --version; }
run()
{
	local p i how scans

	p=$(port)
	mkdir "$dir/db" "$dir/files"
	# What is looked for is known by its checksum or by a part of it.
	printf 'a sample to find' >"$dir/sample"
	echo "$(md5sum <"$dir/sample" | cut -d ' ' -f 1):16:Test.Sum" >"$dir/db/own.hdb"
	echo "Test.Body:0:*:$(printf 'body to find' | od -An -tx1 -v | tr -d ' \n')" >"$dir/db/own.ndb"
	big_file 4 "$dir/files/big"
	for i in $(seq 300); do head -c "$((i * 500))" "$dir/files/big" >"$dir/files/f$i"; done
	for i in $(seq 7 7 300); do echo 'body to find' >>"$dir/files/f$i"; done
	for i in $(seq 11 11 300); do cp "$dir/sample" "$dir/files/f$i"; done
	printf '%s\n' "Foreground yes" "DatabaseDirectory $dir/db" "TCPSocket $p" "TCPAddr 127.0.0.1" "MaxThreads 10" \
		"User root" "LogFile $dir/log" "ReadTimeout 60" "ConcurrentDatabaseReload yes" "MaxQueue 100" \
		"SelfCheck 0" >"$dir/conf"
	serve clamd -c "$dir/conf"
	up clamdscan -c "$dir/conf" --ping 1:1 || return
	scans=
	for how in --multiscan --stream --stream --infected --multiscan --stream --stream --multiscan; do
		i=$(echo "$scans" | wc -w)
		timeout 100 clamdscan -c "$dir/conf" "$how" --no-summary "$dir/files" >"$dir/found.$i" 2>&1 &
		scans="$scans $!"
	done
	timeout 60 clamdscan -c "$dir/conf" --reload
	# shellcheck disable=SC2086 # words
	wait $scans
	for i in 0 1 2 3 4 5 6 7; do grep -v OK "$dir/found.$i" | sed "s:$dir::" | sort | md5sum; done
	grep -c FOUND "$dir/found.0"
	stop
}
