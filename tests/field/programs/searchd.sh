# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="sphinxsearch mariadb-client"
title="searchd (Sphinx)" threads="one per connection"
version() { searchd --help | head -n 1; }
run()
{
	local p i j clients

	p=$(port)
	printf '%s\n' "index rt {" "type = rt" "path = $dir/rt" "rt_field = b" "rt_attr_uint = g" "rt_mem_limit = 4M" "}" "searchd {" \
		"listen = 127.0.0.1:$p:mysql41" "log = $dir/log" "pid_file = $dir/pid" "workers = threads" "dist_threads = 4" \
		"binlog_path = $dir" "max_children = 100" "}" >"$dir/conf"
	serve searchd --nodetach -c "$dir/conf"
	up mariadb --no-defaults -h 127.0.0.1 -P "$p" -e "show tables" || return
	clients=
	for i in $(seq 20); do
		{
			for j in $(seq 100); do echo "insert into rt (id, b, g) values ($((i * 1000 + j)), 'word$((j % 7)) of client$i text', $j);"; done
			for j in $(seq 100); do echo "select id from rt where match('client$i word$((j % 7))') order by id asc limit 50;"; done
		} | timeout 100 mariadb --no-defaults -N -h 127.0.0.1 -P "$p" >"$dir/got.$i" 2>&1 &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086
	wait $clients
	for i in $(seq 20); do md5sum <"$dir/got.$i"; done
	echo "select count(*) from rt;" | mariadb --no-defaults -N -h 127.0.0.1 -P "$p"
	stop
}
