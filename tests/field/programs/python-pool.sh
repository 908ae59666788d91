# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=python3
title="python3 queue, concurrent.futures" threads="thread pools, 200 threads"
version() { python3 -V; }
run()
{
	batch python3 "$here/pools.py"
}
