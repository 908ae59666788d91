# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="nodejs wrk curl"
title="node, worker_threads" threads="compilers, file I/O, four workers"
version() { echo "node $(node --version)"; }
run()
{
	local p

	p=$(port)
	cat >"$dir/batch.js" <<-'JS'
	const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
	const crypto = require("crypto"), fs = require("fs"), zlib = require("zlib");
	if (isMainThread) {
	  const done = [];
	  for (let i = 0; i < 4; i++) done.push(new Promise((ok) => new Worker(__filename, { workerData: i }).on("message", ok)));
	  for (let i = 0; i < 20; i++) done.push(new Promise((ok) => crypto.pbkdf2("x" + i, "s", 3000, 32, "sha256", (e, k) => ok(k.toString("hex")))));
	  for (let i = 0; i < 20; i++) done.push(fs.promises.readFile(__filename, "utf8").then((s) => s.length > 0));
	  for (let i = 0; i < 20; i++) done.push(new Promise((ok) => zlib.gzip("y".repeat(100000 + i), (e, b) => ok(b.length))));
	  require("dns").lookup("localhost", (e, a) => console.log(e ? "none" : "found"));
	  Promise.all(done).then((all) => console.log(crypto.createHash("md5").update(JSON.stringify(all)).digest("hex")));
	} else {
	  let s = 0; for (let k = 0; k < 3e6; k++) s = (s * 31 + k + workerData) % 1000003;
	  parentPort.postMessage(s);
	}
	JS
	batch node "$dir/batch.js"
	serve node -e "require('http').createServer((q, r) => r.end(q.url.repeat(50))).listen($p, '127.0.0.1')"
	up curl -sf -o /dev/null "http://127.0.0.1:$p/" || return
	timeout 20 curl -s "http://127.0.0.1:$p/abc" | md5sum
	http_load 30 3 "http://127.0.0.1:$p/abc"
	stop
}
