# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="openjdk-17-jdk-headless python3 wrk"
title="openjdk-17, 2,000 connections" threads="one per connection, and the JVM's own"
turns=3 few=yes
version() { java -version 2>&1; }
run()
{
	local p

	p=$(port)
	cp "$here/Lines.java" "$dir" && (cd "$dir" && timeout 60 javac Lines.java)
	ulimit -n 16384 2>/dev/null
	serve java -Xmx512m -cp "$dir" Lines "$p"
	up timeout 2 bash -c "echo >/dev/tcp/127.0.0.1/$p" || return
	timeout 100 python3 "$here/client.py" lines "$p" 2000 10 >"$dir/load" || echo "client failed"
	grep -v '^rate' "$dir/load"
	http_load 2000 8 "http://127.0.0.1:$p/"
	stop
}
