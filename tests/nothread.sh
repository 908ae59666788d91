#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nothread.sh - programs without threads (or with few, and for their own ends) do
# what they always do. Run with and without the library, every case prints the
# same.
#
# usage: nothread.sh CASE	(without CASE: the list of cases)
set -u
export LC_ALL=C HOME=/nonexistent
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# What a process looks like from inside: its kernel threads and descriptors.
case_self()
{
	echo "tasks: $(ls /proc/self/task | wc -l)"
	ls /proc/self/fd | sort -n
	# Not in a pipeline: the shell would have its ends open for a moment.
	sh -c 'ls /proc/$$/task >tasks; ls /proc/$$/fd >descriptors; wc -l <tasks; sort -n descriptors'
	/usr/bin/python3 -c '
import os
print(len(os.listdir("/proc/self/task")), sorted(os.listdir("/proc/self/fd"), key=int))
status = dict(l.split(":", 1) for l in open("/proc/self/status"))
for key in "Threads", "SigBlk", "SigIgn", "SigCgt", "Seccomp":
	print(key, status[key].strip())'
}

case_ls()
{
	ls -la /usr/share/doc/bash
	ls -R /etc/default /usr/share/doc/bash
	ls /nonexistent 2>&1
	echo "status $?"
}

case_bash()
{
	bash -c '
	sum=0
	for i in $(seq 100); do sum=$((sum + i)); done
	echo $sum
	(exit 7); echo "subshell $?"
	seq 1000 | sort -rn | head -3
	cat <(echo one) <(echo two)
	read -r line <<<"here string"; echo "$line"
	trap "echo trapped" USR1; kill -USR1 $BASHPID
	sleep 0.05 & wait $!; echo "waited $?"
	sleep 10 & kill $!; wait $!; echo "killed $?"
	set -o pipefail; yes | head -1 >/dev/null; echo "pipe $?"
	coproc cat; echo through a coprocess >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
	exec 9>file; echo nine >&9; exec 9>&-; cat file
	mapfile -t lines < <(seq 3); echo "${lines[@]}"
	ulimit -c 0; sh -c "kill -SEGV \$\$"; echo "segv $?"
	' 2>&1 | sed 's/line [0-9]*: *[0-9]* //'
}

case_git()
{
	export GIT_AUTHOR_DATE='2005-04-07T22:13:13 +0000' GIT_COMMITTER_DATE='2005-04-07T22:13:13 +0000'
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
	git init -q -b main repo && cd repo || return
	# Enough files that git uses its threads: index preload, grep, pack-objects.
	for i in $(seq 600); do echo "file $i $((i * i))" >"f$i"; done
	git add . && git commit -q -m first
	echo change >>f7 && git add f7 && git commit -q -m second
	git log --format='%H %s'
	git status --short
	git grep -c 'file 1[0-9]0 ' | sort | cksum
	git gc -q 2>&1
	git fsck 2>&1
	git clone -q . ../clone 2>&1
	git -C ../clone rev-parse HEAD
}

case_gcc()
{
	cat >hello.c <<-'END'
	#include <stdio.h>
	int main(int argc, char **argv) { printf("hello %d\n", argc); return 41 + argc; }
	END
	gcc -O2 -pipe -o hello hello.c && ./hello a b
	echo "status $?"
	printf 'all: a b c d\na b c d:\n\t@sleep 0.0$(words $@); echo done >$@\n' >Makefile
	make -j4 >/dev/null; echo "make $?"; cat a b c d
}

case_python()
{
	/usr/bin/python3 -c '
import subprocess, json, hashlib, socket, select, os, signal, time
print(hashlib.sha256(b"x" * 1000000).hexdigest())
print(subprocess.run(["sh", "-c", "cat; exit 3"], input=b"through", capture_output=True))
a, b = socket.socketpair()
a.sendall(b"hello"); print(select.select([b], [], [], 1)[0] == [b], b.recv(9))
r, w = os.pipe()
if os.fork() == 0:
	os.write(w, b"child"); os._exit(4)
print(os.read(r, 10), os.wait()[1] >> 8)
# Again and again: the first may come before the pause.
signal.signal(signal.SIGALRM, lambda s, f: None)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02); signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0); print("alarm")
t = time.monotonic(); time.sleep(0.03); print(time.monotonic() - t >= 0.03)
b.settimeout(0.02)
try:
	b.recv(1)
except TimeoutError as e:
	print("timed out")
print(json.dumps({"a": [1, 2, {"b": None}]}))
raise SystemExit(17)
'
	echo "status $?"
}

case_tools()
{
	seq 20000 >numbers
	tar cf - --mtime=@0 --owner=0 --group=0 numbers | gzip -n9 | cksum
	sort -R --random-source=numbers numbers | sort -n --parallel=4 -S 1M | cksum
	find /usr/share/doc/bash -type f -print0 | xargs -0 -P 4 -n 1 cksum | sort
	awk '{ s += $1 } END { print s }' numbers
	sed -n '5p;$p' numbers
	dd if=numbers bs=1000 skip=3 count=2 status=none | cksum
	perl -e 'my $p = fork; if (!$p) { exit 5 } waitpid $p, 0; print $? >> 8, "\n"; print scalar(localtime(0)) ne "", "\n"'
	mkfifo fifo; (cat fifo & echo through a fifo >fifo; wait)
	timeout 0.05 sleep 10; echo "timeout $?"
	env -i LD_PRELOAD="${LD_PRELOAD-}" /usr/bin/printf 'env %d\n' 3
	date -u -d @0
	tty
	nproc --all | cksum >/dev/null && stty -a 2>&1 </dev/null
	su root -c 'id -u' </dev/null 2>&1 | tail -1
}

cases="self ls bash git gcc python tools"
case " $cases " in
*" ${1-} "*) "case_$1" ;;
*) printf '%s\n' $cases ;;
esac
