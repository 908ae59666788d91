# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=iperf3
title="iperf3 -P 4" threads="none before version 3.16"
version() { iperf3 --version; }
run()
{
	local p

	p=$(port)
	serve iperf3 -s -1 -B 127.0.0.1 -p "$p"
	sleep 1
	timeout 60 iperf3 -c 127.0.0.1 -p "$p" -P 4 -t 3 -J >"$dir/load" || echo "client failed"
	rate "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bits_per_second"])' "$dir/load")" \
		"$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bytes"])' "$dir/load")"
	local status=0
	wait "$server" || status=$?
	server=
	echo "exit status $status"
}
