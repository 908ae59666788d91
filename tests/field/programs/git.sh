# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=git
title="git gc, index-pack" threads="delta search (pack.threads 4)"
version() { git --version; }
run()
{
	local i

	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b \
		GIT_AUTHOR_DATE="1700000000 +0000" GIT_COMMITTER_DATE="1700000000 +0000" HOME="$dir"
	git init -q -b main "$dir/r"
	for i in $(seq 30); do
		seq "$((i * 500))" "$((i * 500 + 20000))" >"$dir/r/file$((i % 7))"
		cp /usr/include/c*.h "$dir/r/" 2>/dev/null
		sed -i "s/int/int$i/" "$dir/r"/*.h 2>/dev/null
		git -C "$dir/r" add -A && git -C "$dir/r" commit -qm "commit $i"
	done
	batch git -C "$dir/r" -c pack.threads=4 gc -q --aggressive --prune=now
	batch git -C "$dir/r" fsck --full
	batch git -C "$dir/r" -c pack.threads=4 repack -qadf
	batch git -C "$dir/r" -c grep.threads=8 grep -c 12345 | sort | md5sum
	git -C "$dir/r" rev-list --objects --all | sort | md5sum
	batch git -c index.threads=4 clone -q --no-local "$dir/r" "$dir/r2"
	git -C "$dir/r2" rev-list --objects --all | sort | md5sum
}
