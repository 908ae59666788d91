# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="ripgrep fd-find"
title="ripgrep, fd" threads="Rust's, one per CPU and more"
version() { rg --version | head -n 1; }
run()
{
	batch rg -j 8 --no-config -c define /usr/include -g '*.h' | sort | md5sum
	batch rg -j 8 --no-config --files /usr/share/doc | sort | md5sum
	batch fdfind -j 8 . /usr/share/doc | sort | md5sum
	batch fdfind -j 8 -e h . /usr/include -x wc -l | sort | md5sum
}
