# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="gcc libc6-dev"
title="signals at random moments, 60 s" threads="one per connection"
version() { echo "tests/signal_server.c"; }
run()
{
	local library=$preload

	# Only the server is to have the library, and the answers are the same for ever.
	gcc -O2 -pthread -o "$dir/server" "$here/../signal_server.c"
	preload=
	batch "$dir/server" "${SIGNALS_SECONDS:-60}" ${library:+"$library"}
	preload=$library
	awk '/ answers, /{ print "ended within a second:", ($(NF - 1) < 1 ? "yes" : "no") }' "$dir/err"
	rate "$(awk '/ answers, /{ print int($1 / '"${SIGNALS_SECONDS:-60}"') }' "$dir/err")"
}
