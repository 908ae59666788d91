# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=pigz
title="pigz -p 8" threads="compressors, a writer"
version() { pigz --version 2>&1; }
run()
{
	big_file 80 "$dir/data"
	batch pigz -n -p 8 -c "$dir/data" >"$dir/data.gz"
	md5sum <"$dir/data.gz"
	batch pigz -dc "$dir/data.gz" | cmp - "$dir/data" && echo same
}
