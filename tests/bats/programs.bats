# SPDX-License-Identifier: MIT
#
# programs.bats - real servers of other people's, with and without the library:
# Python's threading servers, memcached, stunnel. What they answer is checked byte
# by byte by a client that never has the library.

load helper

client=$GS_SRC/tests/programs.py

setup()
{
	[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
	ulimit -S -n "$(ulimit -H -n)"
}

teardown()
{
	kill_server
	[ -z "${backend-}" ] || kill -KILL "$backend" 2>/dev/null || true
}

# ask KIND PORT EXPECTED - a client's whole output.
ask()
{
	run timeout -k 5 60 "$client" "$1" "$2"
	assert_output "$3"
	assert_success
}

tcp_open()
{
	(exec 5<>"/dev/tcp/127.0.0.1/$1")
}

@test "python3: threads, pools, conditions, children, asyncio, signals, fork" {
	compare "$client" threads
}

@test "python3: ThreadingHTTPServer" {
	local mode

	for mode in bare ${GS_PROCS:-1 2 4}; do
		mkdir -p "$BATS_TEST_TMPDIR/www"
		start_server "$mode" "$client" http-server "$BATS_TEST_TMPDIR/www"
		ask http-client "$(listening_port)" "requests 400"
		stop_server 0
		grep -q '^stopped' "$BATS_TEST_TMPDIR/server.out"
	done
}

@test "python3: ThreadingTCPServer" {
	local mode

	for mode in bare ${GS_PROCS:-1 2 4}; do
		start_server "$mode" "$client" tcp-server
		ask tcp-client "$(listening_port)" "lines 2000"
		stop_server 0
		grep -q '^lines 2000' "$BATS_TEST_TMPDIR/server.out"
	done
}

@test "memcached with 4 threads" {
	need memcached
	local mode port user=()

	[ "$(id -u)" != 0 ] || user=(-u root)
	for mode in bare ${GS_PROCS:-1 2 4}; do
		port=$(free_port)
		start_server "$mode" memcached "${user[@]}" -l 127.0.0.1 -p "$port" -U 0 -t 4 -m 512
		wait_for 15 tcp_open "$port"
		ask memcached-client "$port" "values 2400"
		# The library was there: fewer kernel threads than memcached's nine and more.
		[ "$mode" != 1 ] || [ "$(ls "/proc/$server/task" | wc -l)" -le 6 ]
		stop_server 0
	done
}

# stunnel's configuration, in front of the port of legacy_server.
stunnel_conf()
{
	cat <<-END
	foreground = yes
	pid =
	cert = $BATS_TEST_TMPDIR/cert.pem
	key = $BATS_TEST_TMPDIR/key.pem
	debug = 4
	[legacy]
	accept = 127.0.0.1:$1
	connect = 127.0.0.1:$2
	END
}

@test "stunnel in front of legacy_server: 40 clients over TLS" {
	need stunnel4 openssl
	local mode port

	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
		-keyout "$BATS_TEST_TMPDIR/key.pem" -out "$BATS_TEST_TMPDIR/cert.pem" 2>/dev/null
	for mode in bare ${GS_PROCS:-1 2 4}; do
		# The one behind it in the same mode.
		start_server "$mode" "$GS_BUILD/tests/legacy_server" -p 0
		backend=$server
		port=$(free_port)
		stunnel_conf "$port" "$(listening_port)" >"$BATS_TEST_TMPDIR/stunnel.conf"
		start_server "$mode" stunnel4 "$BATS_TEST_TMPDIR/stunnel.conf"
		wait_for 15 tcp_open "$port"
		ask tls-client "$port" "answers 400"
		stop_server 0
		server=$backend
		backend=
		stop_server 0
	done
}

@test "xz -T4 and back" {
	need xz
	local mode

	seq 2000000 >"$BATS_TEST_TMPDIR/data"
	for mode in bare ${GS_PROCS:-1 2 4}; do
		(in_mode "$mode" timeout 60 xz -T4 --block-size=1MiB -1 -k -c "$BATS_TEST_TMPDIR/data") \
			>"$BATS_TEST_TMPDIR/data.$mode.xz"
		cmp "$BATS_TEST_TMPDIR/data.bare.xz" "$BATS_TEST_TMPDIR/data.$mode.xz"
		(in_mode "$mode" timeout 60 xz -T4 -dc "$BATS_TEST_TMPDIR/data.$mode.xz") |
			cmp - "$BATS_TEST_TMPDIR/data"
	done
}
