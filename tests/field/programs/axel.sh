# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="axel nginx-light"
title="axel -n 8" threads="one per connection it sets up"
version() { axel --version | head -n 1; }
run()
{
	local i

	. "$here/nginx.inc"
	for i in 1 2 3 4 5; do
		batch axel -q -n 8 -o "$dir/got$i" "http://127.0.0.1:$p/big"
		cmp "$dir/got$i" "$dir/www/big" && echo same
	done
	backend_stop
}
