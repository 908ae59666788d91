# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="gcc libc6-dev"
title="signals at random moments, 60 s" threads="one per connection"
version() { echo "tests/signal_server.c"; }
run()
{
	# Only the server is to have the library, and the answers are the same for ever.
	gcc -O2 -pthread -o "$dir/server" "$here/../signal_server.c"
	timeout 150 "$dir/server" "${SIGNALS_SECONDS:-60}" ${preload:+"$preload"} 2>"$dir/counts"
	cat "$dir/counts" >&2
	awk '/ answers, /{ print "ended within a second:", ($(NF - 1) < 1 ? "yes" : "no") }' "$dir/counts"
	rate "$(awk '/ answers, /{ print int($1 / '"${SIGNALS_SECONDS:-60}"') }' "$dir/counts")"
}
