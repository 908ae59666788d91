# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="mariadb-server mariadb-client sysbench"
title="sysbench, 200 threads" threads="one per client; the server is bare; then its own tests of locks and memory"
version() { sysbench --version; }
run()
{
	local p bench server_pid kind

	p=$(port)
	timeout 60 mariadb-install-db --no-defaults --datadir="$dir/data" --user=root \
		--auth-root-authentication-method=normal >"$dir/install" 2>&1
	timeout 110 mariadbd --no-defaults --datadir="$dir/data" --user=root --port="$p" \
		--bind-address=127.0.0.1 --socket="$dir/sock" --pid-file="$dir/pid" \
		--log-error="$dir/log.err" --max-connections=300 --max-prepared-stmt-count=200000 &
	server_pid=$!
	for _ in $(seq 100); do
		timeout 5 mariadb --no-defaults -S "$dir/sock" -u root -e "create database sb" 2>/dev/null && break
		sleep 0.1
	done
	bench="sysbench oltp_read_write --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port=$p
		--mysql-user=root --mysql-db=sb --tables=4 --table-size=3000"
	# shellcheck disable=SC2086 # words
	timeout 60 $bench prepare >/dev/null 2>&1 || echo "prepare failed"
	# shellcheck disable=SC2086
	batch $bench --threads=200 --events=3000 --time=0 run >"$dir/load"
	grep -E 'FATAL|transactions:|reconnects' "$dir/load" | sed 's/ *(.*//'
	rate "$(sed -n 's/.*transactions: .*(\([0-9.]*\) per.*/\1/p' "$dir/load")" 3000
	for kind in threads mutex "memory --memory-total-size=200M" "cpu --cpu-max-prime=1000"; do
		# shellcheck disable=SC2086
		batch sysbench $kind --threads=64 --events=5000 --time=0 run >"$dir/load"
		grep -E 'total number of events|FATAL' "$dir/load"
	done
	kill "$server_pid"; wait "$server_pid"
	echo "the server ended with status $?"
}
