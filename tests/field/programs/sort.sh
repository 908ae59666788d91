# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=coreutils
title="sort --parallel=8" threads="merge sort"
version() { sort --version; }
run()
{
	seq 1500000 | awk '{ print ($1 * 7919) % 1000003, $1 }' >"$dir/data"
	batch sort --parallel=8 -S 60M -T "$dir" "$dir/data" | md5sum
	batch sort --parallel=8 -n -S 400M "$dir/data" | md5sum
}
