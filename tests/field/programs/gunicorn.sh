# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="gunicorn wrk curl"
title="gunicorn, 8 threads" threads="a pool that answers requests"
version() { /usr/bin/gunicorn --version; }
run()
{
	local p

	p=$(port)
	cat >"$dir/app.py" <<-'PY'
	def app(env, start):
	    body = (env["PATH_INFO"] * 100).encode()
	    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
	    return [body]
	PY
	serve /usr/bin/gunicorn --chdir "$dir" --threads 8 -w 1 -b "127.0.0.1:$p" app:app
	up curl -sf -o /dev/null "http://127.0.0.1:$p/" || return
	for i in $(seq 20); do timeout 20 curl -s "http://127.0.0.1:$p/x$i" | md5sum; done
	http_load 30 3 "http://127.0.0.1:$p/abc"
	stop
}
