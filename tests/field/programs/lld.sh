# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="lld mold gcc libc6-dev"
title="lld, mold" threads="parallel loops"
version() { mold --version | cut -d '(' -f 1; }
run()
{
	local i

	for i in $(seq 60); do printf 'int f%d(int x) { return x + %d; }\n' "$i" "$i" >"$dir/f$i.c"; done
	{ for i in $(seq 60); do echo "int f$i(int);"; done; echo 'int printf(const char *, ...); int main(void) { int s = 0;'
		for i in $(seq 60); do echo "s = f$i(s);"; done; echo 'printf("%d\n", s); return 0; }'; } >"$dir/main.c"
	(cd "$dir" && gcc -c ./*.c)
	for i in lld mold; do
		batch gcc -fuse-ld=$i -o "$dir/$i.out" "$dir"/*.o && "$dir/$i.out"
		md5sum <"$dir/$i.out"
	done
}
