# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="apache2 apache2-utils curl"
title="apache2 mpm_event" threads="64 in each of up to 4 processes; no kept-alive connections"
version() { apache2 -v; }
run() { . "$here/apache.inc" event 64; }
