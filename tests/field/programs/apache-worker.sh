# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="apache2 apache2-utils curl"
title="apache2 mpm_worker" threads="64 in each of up to 4 processes"
version() { apache2 -v; }
run() { . "$here/apache.inc" worker; }
