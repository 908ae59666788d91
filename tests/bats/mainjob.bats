# SPDX-License-Identifier: MIT
#
# mainjob.bats - the main job: legacy_server, bare and with the library on 1, 2
# and 4 processors, gives every byte it should to anybody who asks.

load helper

setup()
{
	ulimit -S -n "$(ulimit -H -n)"
	log=$BATS_TEST_TMPDIR/server.log
}

teardown()
{
	kill_server
}

# for_each_mode FUNCTION - with a server in each mode, its port in $port.
for_each_mode()
{
	local mode

	for mode in bare ${GS_PROCS:-1 2 4}; do
		rm -f "$log"
		start_server "$mode" "$GS_BUILD/tests/legacy_server" -p 0 -l "$log"
		port=$(listening_port)
		"$1" "$mode" || fail "with $mode: $1"
		stop_server 0 || fail "with $mode"
		grep -q '^stopped: [0-9]* connections, [0-9]* requests, [0-9]* still open$' \
			"$BATS_TEST_TMPDIR/server.out" || fail "with $mode: no counts"
	done
}

# load ARG... - runs the load client; its figures are in $BATS_TEST_TMPDIR/figures.
load_client()
{
	timeout -k 5 90 "$GS_BUILD/tests/load_client" -p "$port" -w "$server" "$@" \
		>"$BATS_TEST_TMPDIR/figures" || {
		cat "$BATS_TEST_TMPDIR/figures"
		return 1
	}
	[ "$(figure errors)" = 0 ]
}

figure()
{
	sed -n "s/^$1 //p" "$BATS_TEST_TMPDIR/figures"
}

# The library is there, and its kernel threads are few, however many connections.
few_threads()
{
	local threads

	[ "$1" != bare ] || return 0
	threads=$(figure server_threads)
	[ "$threads" -le $(($1 + 8)) ] || {
		echo "$threads kernel threads with $1 processors"
		return 1
	}
}

by_hand()
{
	local answer

	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'PING\r\nSUM 25 hello \nSUM 12 a b\n' >&5
	printf 'SU' >&5
	sleep 0.1
	printf 'M 10 z\nnonsense\nSUM 9 x\nSUM 70000 x\nSUM 20\nCOUNT\nQUIT\n' >&5
	answer=$(timeout 20 cat <&5)
	exec 5>&-
	diff - <(printf '%s\n' "$answer") <<-'END'
	PONG
	OK 25 388ed5a7
	hello hello hello hello h
	OK 12 83426129
	a ba ba ba b
	OK 10 ddf18135
	zzzzzzzzzz
	ERR unknown request
	ERR n is from 10 to 65536
	ERR n is from 10 to 65536
	ERR usage: SUM n text
	9
	BYE
	END
}

@test "a person asks" {
	for_each_mode by_hand
}

few_big()
{
	load_client -c 100 -r 100 -s 10:65536 && few_threads "$1"
}

@test "100 connections, answers from 10 bytes to 64 KiB" {
	for_each_mode few_big
}

many_small()
{
	load_client -c 1000 -t 4 -s 10:200 && few_threads "$1" && [ "$(figure requests)" -ge 1000 ]
}

@test "1000 connections, small answers" {
	for_each_mode many_small
}

mostly_idle()
{
	load_client -c 3000 -a 30 -t 3 -s 10:4096 && few_threads "$1" &&
		[ "$(figure connections)" = 3000 ]
}

@test "3000 connections, of which 30 are busy; then the others are asked" {
	for_each_mode mostly_idle
}

idle_then_asked()
{
	load_client -i -c 5000 -t 1 && few_threads "$1" && [ "$(figure requests)" = 5000 ]
}

@test "5000 idle connections, asked one after the other" {
	[ "$(ulimit -n)" -ge 5100 ] || skip "no more than $(ulimit -n) descriptors"
	for_each_mode idle_then_asked
}

full_house()
{
	load_client -c 10000 -t 5 && few_threads "$1" && [ "$(figure connections)" = 10000 ]
}

@test "10000 connections, all busy" {
	[ "$(ulimit -n)" -ge 10100 ] || skip "no more than $(ulimit -n) descriptors"
	GS_PROCS=2 for_each_mode full_house
}

come_and_go()
{
	local i

	for ((i = 0; i < 20; i++)); do
		load_client -c 100 -r 2 -s 10:1000 || return 1
	done
	few_threads "$1"
}

@test "connections come and go; the log has a line for each" {
	for_each_mode come_and_go_logged
}

come_and_go_logged()
{
	come_and_go "$1" || return 1
	wait_for 10 every_line_logged || {
		sort "$log" | uniq -c | sort -rn | head -n 5
		return 1
	}
}

every_line_logged()
{
	diff <({ seq -f 'connection %.0f: open' 2000
		seq -f 'connection %.0f: closed after 3 requests' 2000; } | sort) <(sort "$log")
}

clients_vanish()
{
	local i client

	# Clients that are killed amid their answers: the server goes on.
	for ((i = 0; i < 5; i++)); do
		"$GS_BUILD/tests/load_client" -p "$port" -c 200 -t 60 -s 10000:65536 >/dev/null 2>&1 3>&- &
		client=$!
		sleep 0.4
		kill -KILL "$client"
		wait "$client" 2>/dev/null
		load_client -c 50 -r 5 || return 1
	done
	few_threads "$1"
}

@test "clients that vanish amid an answer do not matter" {
	for_each_mode clients_vanish
}

holding()
{
	local client status=0

	rm -f "$BATS_TEST_TMPDIR/held.out" # an earlier one's
	"$GS_BUILD/tests/load_client" -p "$port" -i -c 300 -t 60 >"$BATS_TEST_TMPDIR/held.out" \
		2>&1 3>&- &
	client=$!
	wait_for 15 grep -q '^connections 300$' "$BATS_TEST_TMPDIR/held.out" || return 1
	stop_server 0 || status=1
	kill -KILL "$client"
	wait "$client" 2>/dev/null
	return $status
}

@test "SIGTERM ends it while 300 connections are open, with status 0 and the counts" {
	local mode

	for mode in bare ${GS_PROCS:-1 2 4}; do
		start_server "$mode" "$GS_BUILD/tests/legacy_server" -p 0 -l "$log"
		port=$(listening_port)
		holding || fail "with $mode"
		grep -q '^stopped: 300 connections, 300 requests, 300 still open$' \
			"$BATS_TEST_TMPDIR/server.out" || fail "with $mode: wrong counts"
		rm -f "$log"
	done
}

# refused N - the server has said more than N times that it is out of descriptors.
refused()
{
	[ "$(grep -c 'accept: Too many open files' "$log")" -gt "$1" ]
}

few_descriptors()
{
	# 100 descriptors: some connections are refused with EMFILE until others go.
	local i before

	for ((i = 0; i < 3; i++)); do
		before=$(grep -c 'accept: Too many open files' "$log")
		"$GS_BUILD/tests/load_client" -p "$port" -c 150 -r 1 >/dev/null 2>&1 3>&- &
		client=$!
		wait_for 30 refused "$before" || return 1
		kill -KILL "$client"
		wait "$client" 2>/dev/null
	done
	wait_for 30 load_client -c 50 -r 5
}

@test "out of descriptors: the server waits and goes on" {
	ulimit -S -n 100
	for_each_mode few_descriptors
}
