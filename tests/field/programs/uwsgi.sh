# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="uwsgi-core uwsgi-plugin-python3 apache2-utils curl"
title="uwsgi, 8 threads" threads="a pool that answers requests"
version() { echo "uwsgi $(uwsgi_python3 --version 2>/dev/null)"; }
run()
{
	local p

	p=$(port)
	cat >"$dir/app.py" <<-'PY'
	def application(env, start):
	    start("200 OK", [("Content-Type", "text/plain")])
	    return [(env["PATH_INFO"] * 100).encode()]
	PY
	serve uwsgi_python3 --http-socket "127.0.0.1:$p" --enable-threads --threads 8 --master --die-on-term \
		--chdir "$dir" --wsgi-file "$dir/app.py" --disable-logging
	up curl -sf -o /dev/null "http://127.0.0.1:$p/" || return
	for i in $(seq 20); do timeout 20 curl -s "http://127.0.0.1:$p/x$i" | md5sum; done
	timeout 60 ab -q -n 3000 -c 8 "http://127.0.0.1:$p/abc" >"$dir/load" 2>&1
	grep -E '^(Complete|Failed) requests' "$dir/load"
	rate "$(awk '/^Requests per second/ {print $4}' "$dir/load")" 3000
	stop
}
