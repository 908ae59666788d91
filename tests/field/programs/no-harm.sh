# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="bash coreutils gcc make gdb strace golang-go libc6-dev"
title="bash, coreutils, gcc, make, gdb, strace; static, Go and setuid programs" threads="none, or their own"
version() { echo "as in the distribution"; }
run()
{
	cd "$dir" || return
	printf '%s\n' '#include <pthread.h>' '#include <stdio.h>' '#include <unistd.h>' \
		'static void *f(void *p) { return p; }' \
		'int main(void) { pthread_t t; void *r; pthread_create(&t, 0, f, "joined"); pthread_join(t, &r);' \
		'puts(r); printf("%d\n", geteuid() == getuid()); return 7; }' >t.c
	printf 'all: a b c d\na b c d:\n\t@sleep 0.1; echo $@ >$@\n' >Makefile
	printf 'package main\nimport ("fmt"; "sync")\nfunc main() { var w sync.WaitGroup; n := make([]int, 100)
		for i := range n { w.Add(1); go func(i int) { n[i] = i; w.Done() }(i) }
		w.Wait(); fmt.Println(n[99], len(n)) }\n' >g.go
	batch bash -c 'for i in 1 2 3; do (echo $i) & done; wait; exit 3' | sort
	batch bash -c 'seq 100000 | tac | sort -n | head -n 3; ls / | wc -l; yes | head -n 2; cat <(echo x)'
	batch gcc -pthread -O2 t.c -o dynamic
	batch gcc -pthread -O2 -static t.c -o static
	batch make -s -j4 all
	cat a b c d
	batch ./dynamic
	batch ./static
	cp dynamic setuid && chown nobody setuid && chmod 4755 setuid
	batch ./setuid
	batch gdb -nx -batch -ex 'run >gdb.out' -ex 'info threads' ./static 2>&1 |
		sed -n 's/(process [0-9]*)//; /exited with/p'
	cat gdb.out
	batch strace -f -e trace=none ./static 2>&1 | sed -n '/joined\|exited with/p'
	batch strace -o /dev/null ./dynamic
	HOME=$dir GOCACHE=$dir/cache GO111MODULE=off batch go build -o go g.go
	batch ./go
	cd / || return
}
