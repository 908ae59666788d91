# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="nbdkit libnbd-bin wget2 nginx-light"
title="nbdkit, nbdcopy, wget2" threads="pools of 16, copiers, downloaders"
version() { nbdkit --version; }
run()
{
	local p q i

	q=$(port)
	big_file 40 "$dir/data"
	serve nbdkit -f -i 127.0.0.1 -p "$q" -t 16 file "$dir/data"
	up timeout 2 bash -c "echo >/dev/tcp/127.0.0.1/$q" || return
	for i in 1 2 3; do
		batch nbdcopy --connections=4 --threads=4 --requests=32 "nbd://127.0.0.1:$q" "$dir/copy$i"
		cmp "$dir/copy$i" "$dir/data" && echo same
	done
	stop
	. "$here/nginx.inc"
	for i in $(seq 20); do echo "http://127.0.0.1:$p/big?$i"; done >"$dir/list"
	mkdir "$dir/got"
	HOME=$dir batch wget2 -q --max-threads=8 -P "$dir/got" -i "$dir/list"
	md5sum "$dir"/got/* | cut -d ' ' -f 1 | sort | uniq -c
	backend_stop
}
