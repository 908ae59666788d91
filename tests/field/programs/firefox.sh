# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# With its sandbox on: processes that filter their own system calls when they have threads.
packages="firefox-esr"
title="firefox --headless --screenshot" threads="pools, event loops, garbage collectors, in ten processes"
version() { firefox-esr --version 2>/dev/null; }
run()
{
	mkdir "$dir/profile"
	cat >"$dir/page.html" <<-'END'
	<html><body style="background:#eef"><p id="o"></p><canvas id="c" width="300" height="100"></canvas><script>
	let s = 0;
	for (let i = 0; i < 3e6; i++) s += i % 7;
	document.getElementById('o').textContent = 'sum ' + s;
	let c = document.getElementById('c').getContext('2d');
	for (let i = 0; i < 30; i++) { c.fillStyle = `rgb(${i * 8},90,${255 - i * 8})`; c.fillRect(i * 10, i * 3, 9, 9); }
	</script></body></html>
	END
	HOME=$dir batch firefox-esr --headless --no-remote --profile "$dir/profile" --window-size=400,300 \
		--screenshot "$dir/page.png" "file://$dir/page.html" >/dev/null
	python3 -c 'import hashlib, sys; d = open(sys.argv[1], "rb").read(); print(len(d) > 1000, hashlib.md5(d).hexdigest())' "$dir/page.png"
}
