# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="postgresql-15 postgresql-client-15"
title="pgbench -j 8" threads="groups of clients; the server is bare and has none"
version() { /usr/lib/postgresql/15/bin/pgbench --version; }
run()
{
	local p bin=/usr/lib/postgresql/15/bin server_pid

	p=$(port)
	mkdir "$dir/pg" && chown postgres "$dir/pg" && chmod 755 "$dir"
	runuser -u postgres -- timeout 60 $bin/initdb -D "$dir/pg/data" -A trust >"$dir/install" 2>&1
	runuser -u postgres -- timeout 110 $bin/postgres -D "$dir/pg/data" -k "$dir/pg" -h 127.0.0.1 -p "$p" \
		-c fsync=off >"$dir/pg.log" 2>&1 &
	server_pid=$!
	for _ in $(seq 100); do
		psql -h 127.0.0.1 -p "$p" -U postgres -c "select 1" >/dev/null 2>&1 && break
		sleep 0.1
	done
	$bin/pgbench -h 127.0.0.1 -p "$p" -U postgres -i -s 2 -q postgres >/dev/null 2>&1
	batch $bin/pgbench -n -h 127.0.0.1 -p "$p" -U postgres -c 16 -j 8 -t 200 postgres >"$dir/load"
	grep -E 'actually processed|failed' "$dir/load"
	rate "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$dir/load")" 3200
	psql -h 127.0.0.1 -p "$p" -U postgres -tAc "select (select sum(abalance) from pgbench_accounts) =
		(select sum(delta) from pgbench_history), count(*) from pgbench_history"
	kill -INT "$(head -n 1 "$dir/pg/data/postmaster.pid")"; wait "$server_pid"
}
