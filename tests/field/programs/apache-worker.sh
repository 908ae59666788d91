# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="apache2 apache2-utils curl wrk"
title="apache2 mpm_worker, 1,000 kept-alive connections" threads="1,000 in one process"
turns=3 few=yes
version() { apache2 -v; }
run() { . "$here/apache.inc" worker 1000; }
