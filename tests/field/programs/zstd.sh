# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=zstd
title="zstd -T4" threads="one per job"
version() { zstd --version | tr -d '*,'; }
run()
{
	big_file 200 "$dir/data"
	batch zstd -q -T4 -5 -B2M -c "$dir/data" >"$dir/data.zst"
	md5sum <"$dir/data.zst"
	batch zstd -q -dc "$dir/data.zst" | cmp - "$dir/data" && echo same
}
