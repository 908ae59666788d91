# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="pbzip2 plzip lbzip2 p7zip-full"
title="pbzip2, lbzip2, plzip, 7z" threads="compressors, readers, writers"
version() { echo "as in the distribution"; }
run()
{
	big_file 24 "$dir/data"
	batch pbzip2 -q -p4 -k -c "$dir/data" >"$dir/pb"; md5sum <"$dir/pb"
	batch pbzip2 -q -p4 -d -c "$dir/pb" | cmp - "$dir/data" && echo same
	batch lbzip2 -n 4 -k -c "$dir/data" >"$dir/lb"
	batch lbzip2 -n 4 -d -c "$dir/lb" | cmp - "$dir/data" && echo same
	batch plzip -n 4 -1 -k -c "$dir/data" >"$dir/lz"; md5sum <"$dir/lz"
	batch plzip -n 4 -d -c "$dir/lz" | cmp - "$dir/data" && echo same
	batch 7z a -bd -mmt4 -mx1 "$dir/a.7z" "$dir/data" | grep -c Everything
	batch 7z x -bd -mmt4 -so "$dir/a.7z" | cmp - "$dir/data" && echo same
}
