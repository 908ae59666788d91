# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="chromium-headless-shell"
title="chromium --dump-dom" threads="pools, event loops, an allocator of its own; protection keys"
turns=5
version() { chromium-headless-shell --version 2>/dev/null; }
run()
{
	cat >"$dir/page.html" <<-'END'
	<html><body><p id="o"></p><script>
	let s = 0;
	for (let i = 0; i < 3e6; i++) s += i % 7;
	let big = [];
	for (let i = 0; i < 3e5; i++) big.push({ a: i, b: [i] });
	document.getElementById('o').textContent = 'sum ' + s + ' of ' + big.length;
	</script></body></html>
	END
	HOME=$dir batch chromium-headless-shell --no-sandbox --disable-gpu --virtual-time-budget=20000 \
		--dump-dom "file://$dir/page.html"
}
