# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="mariadb-server mariadb-client sysbench"
title="mariadb-server, pool of threads" threads="groups that wait for events, InnoDB's own"
few=yes
version() { mariadbd --version; }
run()
{
	local p bench

	p=$(port)
	timeout 60 mariadb-install-db --no-defaults --datadir="$dir/data" --user=root \
		--auth-root-authentication-method=normal >"$dir/install" 2>&1
	serve mariadbd --no-defaults --datadir="$dir/data" --user=root --port="$p" --thread-handling=pool-of-threads --thread-pool-size=4 \
		--bind-address=127.0.0.1 --socket="$dir/sock" --pid-file="$dir/pid" \
		--log-error="$dir/log.err" --max-connections=600 --max-prepared-stmt-count=200000 --innodb-buffer-pool-size=64M
	up mariadb --no-defaults -S "$dir/sock" -u root -e "create database sb" || return
	bench="sysbench oltp_read_write --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port=$p
		--mysql-user=root --mysql-db=sb --tables=4 --table-size=3000"
	# shellcheck disable=SC2086 # words
	timeout 60 $bench prepare >/dev/null 2>&1 || echo "prepare failed"
	# shellcheck disable=SC2086 # words
	timeout 60 $bench --threads=200 --time=8 run >"$dir/load" 2>&1 || echo "sysbench failed"
	grep -E 'FATAL|reconnects' "$dir/load" | sed 's/(.*//'
	rate "$(sed -n 's/.*transactions: .*(\([0-9.]*\) per.*/\1/p' "$dir/load")" \
		"$(sed -n 's/.*transactions: *\([0-9]*\).*/\1/p' "$dir/load")"
	timeout 60 mysqlslap --no-defaults -h 127.0.0.1 -P "$p" -u root -a -c 50 \
		--number-of-queries=2000 --auto-generate-sql-load-type=mixed >"$dir/slap" 2>&1 || echo "mysqlslap failed"
	timeout 20 mariadb --no-defaults -S "$dir/sock" -u root -N -e "select count(*) from sb.sbtest1; check table sb.sbtest1"
	stop
	grep -c 'ready for connections' "$dir/log.err"
}
