# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="mariadb-server mariadb-client sysbench"
title=mariadb-server threads="one per connection, and InnoDB's own"
turns=3 few=yes
version() { mariadbd --version; }
start_mariadb()
{
	serve mariadbd --no-defaults --datadir="$dir/data" --user=root --port="$p" \
		--bind-address=127.0.0.1 --socket="$dir/sock" --pid-file="$dir/pid" \
		--log-error="$dir/log.err" --max-connections=600 --max-prepared-stmt-count=200000 --innodb-buffer-pool-size=64M
	up mariadb --no-defaults -S "$dir/sock" -u root -e "select 1"
}
sql() { timeout 60 mariadb --no-defaults -S "$dir/sock" -u root -N "$@"; }
run()
{
	local p clients bench i how

	p=$(port)
	timeout 60 mariadb-install-db --no-defaults --datadir="$dir/data" --user=root \
		--auth-root-authentication-method=normal >"$dir/install" 2>&1
	start_mariadb || return
	sql -e "create database sb; create database bank; use bank;
		create table account (id int primary key, amount int) engine=innodb;
		insert into account select seq, 1000 from seq_1_to_100;"
	sql bank <<-'SQL'
	delimiter //
	create procedure pay(times int) begin
	  declare a int; declare b int; declare continue handler for 1213, 1205 rollback;
	  while times > 0 do
	    set a = 1 + floor(rand() * 100), b = 1 + floor(rand() * 100);
	    start transaction;
	    update account set amount = amount - 7 where id = a;
	    update account set amount = amount + 7 where id = b;
	    commit;
	    set times = times - 1;
	  end while; end //
	SQL
	bench="sysbench oltp_read_write --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port=$p
		--mysql-user=root --mysql-db=sb --tables=4 --table-size=3000"
	# shellcheck disable=SC2086 # words
	timeout 60 $bench prepare >/dev/null 2>&1 || echo "prepare failed"
	# shellcheck disable=SC2086
	timeout 60 $bench --threads=500 --time=10 run >"$dir/load" 2>&1 || echo "sysbench failed"
	grep -E 'FATAL|reconnects' "$dir/load" | sed 's/(.*//'
	rate "$(sed -n 's/.*transactions: .*(\([0-9.]*\) per.*/\1/p' "$dir/load")" \
		"$(sed -n 's/.*transactions: *\([0-9]*\).*/\1/p' "$dir/load")"
	# Money moves between accounts while the server is told to stop, and while it is killed.
	for how in TERM KILL; do
		clients=
		for i in 1 2 3 4 5 6 7 8 9 10; do
			sql bank -e "call pay(1000000)" >/dev/null 2>&1 &
			clients="$clients $!"
		done
		sleep 2
		if [ "$how" = TERM ]; then
			stop
		else
			crash
		fi
		# shellcheck disable=SC2086
		wait $clients
		start_mariadb || return
		sql bank -e "select sum(amount), count(*) from account; check table account"
	done
	stop
	grep -c 'ready for connections' "$dir/log.err"
	grep -iE 'got signal|assert|corrupt' "$dir/log.err" | head -n 3
}
