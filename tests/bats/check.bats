# SPDX-License-Identifier: MIT
#
# check.bats - goshim check: verdicts, what they rest on, exit codes.

load helper

setup()
{
	unset LD_PRELOAD GOSHIM_DEBUG
	cd "$BATS_TEST_TMPDIR"
}

# build NAME FLAG... - a program of standard input.
build()
{
	local name=$1

	shift
	$CC -w -x c - -o "$name" "$@"
}

# verdict STATUS REGEXP COMMAND - one line, nothing else.
verdict()
{
	run --separate-stderr "$GS_TOOL" check "$3"
	assert_equal "$3: $status" "$3: $1"
	assert_output --regexp "$2"
	assert_equal "${#lines[@]}" 1
	[ -z "$stderr" ]
}

threads='#include <pthread.h>
	static void *f(void *p) { return p; }
	int main(void) { pthread_t t; pthread_create(&t, 0, f, 0); return pthread_join(t, 0); }'

@test "a program that makes threads is green" {
	build threads -pthread <<<"$threads"
	verdict 0 '^\./threads: green: makes threads$' ./threads
	build c11 <<<'#include <threads.h>
		int main(void) { thrd_t t; return thrd_create(&t, (thrd_start_t)main, 0); }'
	verdict 0 '^\./c11: green: makes threads$' ./c11
}

@test "a program without threads is native" {
	build plain <<<'int main(void) { return 0; }'
	verdict 1 '^\./plain: native: makes no threads$' ./plain
	build plugins -ldl <<<'int main(int c, char **v) { return !dlopen(v[1], 2); }'
	verdict 1 '^\./plugins: native: makes no threads, unless libraries it loads' ./plugins
}

@test "std::thread counts, libstdc++ alone does not" {
	[ -n "${CXX:=$(command -v g++)}" ] || skip "no C++ compiler"
	echo 'int main() { throw 1; }' | $CXX -x c++ - -o plain
	verdict 1 'native: makes no threads' ./plain
	printf '#include <thread>\nint main() { std::thread t([]{}); t.join(); }\n' |
		$CXX -x c++ - -o threads -pthread
	verdict 0 'green: makes threads$' ./threads
}

@test "threads of a library the program is linked with are found, through RUNPATH" {
	mkdir lib
	sed 's/int main/int library/' <<<"$threads" | build lib/libthreads.so -shared -fPIC
	build user -Llib -lthreads -Wl,-rpath,'$ORIGIN/lib' <<<'int main(void) { return library(); }'
	verdict 0 'green: may make threads, in libthreads.so$' ./user
	ln -s "$PWD/user" "$BATS_TEST_TMPDIR/lib/link"
	verdict 0 'green: may make threads, in libthreads.so$' lib/link
	rm lib/libthreads.so
	verdict 2 'unknown: needs libthreads.so, which is not there$' ./user
}

@test "static programs, other loaders, other processors, damaged ones" {
	build static -static <<<'int main(void) { return 0; }'
	verdict 1 'native: is statically linked$' ./static
	build pie -static-pie -fPIE <<<'int main(void) { return 0; }'
	verdict 1 'native: is statically linked$' ./pie
	build musl -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 <<<'int main(void) { return 0; }'
	verdict 1 'native: does not use the GNU C library .*ld-musl' ./musl
	{ printf '\177ELF\1\1\1'; head -c 100 /dev/zero; } >i386
	chmod +x i386
	verdict 1 'native: is not an x86-64 program$' ./i386
	build whole -pthread <<<"$threads"
	for size in 60 100 700 1500; do
		head -c "$size" whole >damaged
		chmod +x damaged
		run "$GS_TOOL" check damaged
		assert_equal "$size: $status" "$size: 2"
	done
}

@test "a file full of nonsense does no harm" {
	build whole -pthread <<<"$threads"
	python3 - <<-'PY'
	import os, random
	for seed in range(60):
	    random.seed(seed)
	    b = bytearray(open("whole", "rb").read())
	    for _ in range(40):
	        b[random.randrange(20, random.choice((64, 900, len(b))))] = random.choice((0, 1, 255, random.randrange(256)))
	    open("nonsense.%d" % seed, "wb").write(b)
	    os.chmod("nonsense.%d" % seed, 0o755)
	PY
	for seed in $(seq 0 59); do
		run timeout 20 "$GS_TOOL" check -v "./nonsense.$seed"
		[ "$status" -le 2 ] || { echo "seed $seed: $status"; false; }
	done
}

@test "set-user-ID programs are native, for those who do not own them" {
	[ "$(id -u)" = 0 ] || skip "making a program of another user needs root"
	build program -pthread <<<"$threads"
	chown nobody program
	chmod u+s program
	if findmnt -no OPTIONS -T program | grep -qw nosuid; then
		verdict 0 'green: makes threads$' ./program
	else
		verdict 1 'native: is set-user-ID$' ./program
	fi
	run "$GS_TOOL" check -v ./program
	assert_line --regexp '^  privileges +set-user-ID$'
}

@test "Go programs and those that use Go libraries are native, and say why when asked" {
	need go
	export HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off CGO_ENABLED=1
	printf 'package main\nimport "C"\nimport "os/user"\n//export Uid\nfunc Uid() int { c := make(chan int); go func() { _, _ = user.Current(); c <- 7 }(); return <-c }\nfunc main() { println(Uid()) }\n' >g.go
	go build -o g g.go
	go build -buildmode=c-shared -o libg.so g.go
	verdict 1 'native: is a Go program' ./g
	build user -L. -lg -Wl,-rpath,'$ORIGIN' -pthread <<<"${threads/pthread_create/return Uid(); pthread_create}"
	verdict 1 'native: uses libg.so, a Go library' ./user
	for program in g user; do
		run --separate-stderr env GOSHIM_DEBUG=verbose LD_PRELOAD="$GS_LIB" ./$program
		[[ $stderr == *Go*"without green threads"* ]]
		run --separate-stderr "$GS_TOOL" check ./$program
	done
	run shim ./user
	assert_failure 7
	# A library that comes with dlopen, before there are threads.
	build plugins -pthread <<<'#include <pthread.h>
		#include <dlfcn.h>
		static int (*uid)(void);
		static void *f(void *p) { return (void *)(long)uid(); }
		int main(int c, char **v) { pthread_t t; void *r; void *l = dlopen("./libg.so", 2);
			if (!l) return 1;
			uid = dlsym(l, "Uid"); pthread_create(&t, 0, f, 0); pthread_join(t, &r);
			return (int)(long)r; }'
	run shim ./plugins
	assert_failure 7
}

# Who keeps books on a program sees each of its locks: else it finds races.
locks='#include <pthread.h>
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	static pthread_spinlock_t s;
	static pthread_once_t o = PTHREAD_ONCE_INIT;
	static int a, b, c;
	static void once(void) { c = 1; }
	static void *f(void *p) { for (int i = 0; i < 100; i++) {
		pthread_once(&o, once);
		pthread_mutex_lock(&m); a += c; pthread_mutex_unlock(&m);
		while (pthread_mutex_trylock(&m)); a++; pthread_mutex_unlock(&m);
		pthread_spin_lock(&s); b++; pthread_spin_unlock(&s); } return p; }
	int main(void) { pthread_t t[4]; pthread_spin_init(&s, 0);
		for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, f, 0);
		for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
		return a != 800 || b != 400; }'

@test "sanitizers run natively" {
	build tsan -fsanitize=thread -pthread <<<"$locks" || skip "no ThreadSanitizer"
	verdict 1 'native: is built with ThreadSanitizer' ./tsan
	run shim ./tsan
	assert_success
	assert_output ""
	build asan -fsanitize=address -pthread <<<"$threads"
	verdict 2 'unknown: is built with AddressSanitizer' ./asan
	run shim env ASAN_OPTIONS=verify_asan_link_order=0 ./asan
	assert_success
	assert_output ""
	# Linked into the program, where no other object sees their names.
	for flags in "-fsanitize=address -static-libasan" "-fsanitize=thread -static-libtsan"; do
		# shellcheck disable=SC2086 # words
		build static $flags -pthread <<<"$threads"
		verdict 1 'native: is built with a sanitizer' ./static
		run shim ./static
		assert_success
		assert_output ""
	done
}

@test "an answer that cannot be written is a failure" {
	for words in "check ls" "check --help"; do
		# shellcheck disable=SC2086 # words
		run bash -c '"$@" >/dev/full' _ "$GS_TOOL" $words
		assert_failure 2
		assert_output "goshim: cannot write to standard output"
	done
}

@test "under valgrind the library keeps out" {
	need valgrind
	build threads -pthread <<<"$threads"
	run --separate-stderr env LD_PRELOAD="$GS_LIB" GOSHIM_DEBUG=verbose valgrind -q ./threads
	assert_success
	[[ $stderr == *"valgrind"*"without green threads"* ]]
	run env LD_PRELOAD="$GS_LIB" valgrind -q ./threads
	assert_success
	assert_output ""
	build locks -pthread <<<"$locks"
	run env LD_PRELOAD="$GS_LIB" valgrind -q --tool=helgrind --error-exitcode=9 ./locks
	assert_success
	assert_output ""
}

@test "scripts are followed to what runs them, through env and other scripts" {
	build threads -pthread <<<"$threads"
	printf '#!%s/threads -x\n' "$PWD" >one
	printf '#!/usr/bin/env -S A=b threads -y\n' >two
	printf '#!%s/one\n' "$PWD" >three
	printf '#!/bin/sh\n' >shell
	printf '#! /nonexistent/interpreter\n' >lost
	printf '#!%s/loop\n' "$PWD" >loop
	printf 'echo no interpreter\n' >text
	chmod +x one two three shell lost loop text
	verdict 0 '^\./one: green' ./one
	PATH=$PWD:$PATH verdict 0 '^two: green' two
	verdict 0 '^\./three: green' ./three
	verdict 1 'native: makes no threads.*; what the script starts is another matter$' ./shell
	verdict 2 'unknown: is a script for /nonexistent/interpreter, which is not there$' ./lost
	verdict 2 'unknown: is a script for a script' ./loop
	verdict 2 'unknown: is neither a program nor a script with #!$' ./text
	run "$GS_TOOL" check -v ./one
	assert_line --regexp "^  run by +$PWD/threads$"
}

@test "what costs kernel threads is told, -v names it all" {
	build costs -pthread <<<'#define _GNU_SOURCE
		#include <pthread.h>
		#include <unistd.h>
		int main(int c, char **v) { pthread_create((void *)v, 0, (void *)main, 0); fsync(c);
			pthread_setaffinity_np(pthread_self(), 0, 0); return read(0, v, 1); }'
	verdict 0 'green: makes threads; of what it calls 1 can wire a thread, 1 can occupy a kernel thread$' ./costs
	run "$GS_TOOL" check -v ./costs
	assert_line --regexp '^  linked +dynamic, by /lib64/ld-linux-x86-64.so.2$'
	assert_line --regexp '^  C library +glibc, at least 2\.[0-9]+; 2\.[0-9]+ is here$'
	assert_line --regexp '^  threads by +the program itself$'
	# The list goes on in the next line where it does not fit; nothing follows the last name.
	[[ $(printf '%s ' "${lines[@]}" | tr -s ' ') == \
		*' hooked '*' fsync pthread_create pthread_setaffinity_np read wire '* ]]
	assert_line --regexp '^  wire +pthread_setaffinity_np$'
	assert_line --regexp '^  occupy +fsync$'
}

@test "every name with a cost that is said to be hooked is in hooks.def, none is there twice" {
	run bash -c 'sed -n "s/^GS_COST_[A-Z]*(\(.*\))/\1/p" "$1" | sort | uniq -d' _ "$GS_SRC/shim/costs.def"
	assert_output ""
	run bash -c 'sed -n "s/^GS_COST_WIRED(\(.*\))/\1/p" "$1" | grep -v attr_ |
		grep -vxFf <(sed -n "s/^GS_HOOK[A-Z_]*([A-Z], \(.*\))/\1/p" "$2")' _ \
		"$GS_SRC/shim/costs.def" "$GS_SRC/shim/hooks.def"
	assert_output ""
}

@test "--json: the same, for machines" {
	build threads -pthread <<<"$threads"
	printf '#!%s/threads\n' "$PWD" >'with "quotes"'
	chmod +x 'with "quotes"'
	run --separate-stderr "$GS_TOOL" check --json './with "quotes"' no-such-command
	assert_failure 2
	printf '%s\n' "${lines[@]}" | python3 -c '
import json, sys
a, b = map(json.loads, sys.stdin)
assert a["command"] == "./with \"quotes\"" and a["verdict"] == "green", a
assert a["program"].endswith("/threads") and a["linking"] == "dynamic" and a["libc"] == "glibc"
assert "pthread_create" in a["hooked"] and a["threads"] == ["the program itself"]
assert a["privileges"] is None and a["scheduler"] is None and a["missing"] == []
assert b["verdict"] == "unknown" and b["file"] == "no-such-command" and b["linking"] is None'
}

@test "exit status: the worst of all; 2 for own mistakes" {
	build threads -pthread <<<"$threads"
	build plain <<<'int main(void) { return 0; }'
	run "$GS_TOOL" check ./threads ./threads
	assert_success
	run "$GS_TOOL" check ./plain ./threads
	assert_failure 1
	assert_equal "${#lines[@]}" 2
	run "$GS_TOOL" check ./nothing ./plain ./threads
	assert_failure 2
	for args in "" "--nonsense ls"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$GS_TOOL" check $args
		assert_failure 2
		assert_output ""
		assert_equal "${#stderr_lines[@]}" 1
	done
	run --separate-stderr "$GS_TOOL" check --help
	assert_success
	[ -z "$stderr" ]
}
