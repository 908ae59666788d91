# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=xz-utils
title="xz -T4" threads="one per block"
version() { xz --version; }
run()
{
	big_file 40 "$dir/data"
	batch xz -T4 -1 --block-size=2MiB -c "$dir/data" >"$dir/data.xz"
	md5sum <"$dir/data.xz"
	batch xz -T4 -dc "$dir/data.xz" | cmp - "$dir/data" && echo same
}
