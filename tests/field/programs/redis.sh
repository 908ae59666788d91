# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="redis-server redis-tools"
title="redis-server, io-threads 2" threads="input and output, which spin"
io_threads=2 requests=40000
version() { redis-server --version | cut -d ' ' -f 1-3; }
run()
{
	local p

	p=$(port)
	serve redis-server --port "$p" --bind 127.0.0.1 --dir "$dir" --save '' --io-threads "$io_threads" \
		--io-threads-do-reads yes
	up redis-cli -p "$p" ping || return
	seq 5000 | sed 's/.*/SET key& value&/' | timeout 30 redis-cli -p "$p" | sort | uniq -c
	redis-cli -p "$p" dbsize
	seq 5000 | sed 's/.*/GET key&/' | timeout 30 redis-cli -p "$p" | md5sum
	timeout 60 redis-benchmark -p "$p" -n "$requests" -c 60 -t get,set --csv >"$dir/load" || echo "client failed"
	rate "$(sed -n 's/^"GET","\([0-9.]*\)".*/\1/p' "$dir/load")" "$requests"
	redis-cli -p "$p" bgsave
	up sh -c "redis-cli -p $p info persistence | grep -q rdb_bgsave_in_progress:0"
	redis-cli -p "$p" info persistence | grep rdb_last_bgsave_status
	stop
}
