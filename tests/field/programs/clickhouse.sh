# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="clickhouse-server clickhouse-client curl"
title=clickhouse-server threads="pools for connections, queries and merges; one per part of a query"
version() { dpkg-query -W -f '${Version}\n' clickhouse-server; }
ask() { timeout 60 curl -s "http://127.0.0.1:$q/" --data-binary "$*"; }
run()
{
	local p q i clients

	p=$(port)
	q=$(port)
	mkdir "$dir/ch" "$dir/ch/data" "$dir/ch/tmp"
	cp /etc/clickhouse-server/users.xml "$dir/ch"
	echo "<yandex><logger><level>warning</level><log>$dir/ch/log</log><errorlog>$dir/ch/err</errorlog></logger>
	<http_port>$q</http_port><tcp_port>$p</tcp_port><listen_host>127.0.0.1</listen_host><path>$dir/ch/data/</path><tmp_path>$dir/ch/tmp/</tmp_path>
	<users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
	<mark_cache_size>100000000</mark_cache_size><max_concurrent_queries>100</max_concurrent_queries></yandex>" >"$dir/ch/config.xml"
	serve clickhouse-server --config-file="$dir/ch/config.xml"
	up curl -sf "http://127.0.0.1:$q/" || return
	ask "create table t (d Date, k UInt32, v UInt64, s String) engine = MergeTree(d, (k), 8192)"
	ask "insert into t select toDate('2020-01-01') + number % 60, number % 1000, number, toString(number) from system.numbers limit 1000000"
	clients=
	for i in $(seq 8); do
		ask "select k % 10 as g, sum(v), uniqExact(s), quantileExact(0.5)(v) from t group by g order by g format CSV" >"$dir/got.$i" &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086 # words
	wait $clients
	for i in $(seq 8); do md5sum <"$dir/got.$i"; done
	ask "select count(), sum(v) from t"
	ask "select sum(a.v) from t as a any inner join (select k, v from t where v < 1000) using k settings max_threads = 8"
	stop
}
