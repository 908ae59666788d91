# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="aria2 nginx-light"
title="aria2 -x 8" threads="one per name looked up"
version() { aria2c --version | head -n 1; }
run()
{
	local i

	. "$here/nginx.inc"
	for i in $(seq 20); do printf 'http://localhost:%s/big\n  out=got%s\n' "$p" "$i"; done >"$dir/list"
	batch aria2c -q --no-conf -x 8 -s 8 -k 1M -j 10 -d "$dir" -i "$dir/list"
	for i in $(seq 20); do cmp "$dir/got$i" "$dir/www/big" && echo same; done
	backend_stop
}
