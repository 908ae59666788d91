# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2016
packages="bash make git perl util-linux coreutils"
title="bash with job control, make -j, git, perl" threads="none"
version() { bash --version | head -n 1; }
run()
{
	cd "$dir" || return
	# On a terminal of its own, so that there is a foreground.
	cat >jobs.bash <<-'EOF'
		set -m
		trap 'echo trapped USR1' USR1
		trap 'echo trapped EXIT' EXIT
		sleep 0.3 & one=$!
		(exit 7) & two=$!
		wait $two; echo "second: $?"
		wait $one; echo "first: $?"
		bash -c 'kill -STOP $$; exit 5' & three=$!
		until jobs -s %% 2>/dev/null | grep -q Stopped; do sleep 0.05; done
		echo "stopped"
		fg %% >/dev/null; echo "foreground: $?"
		bash -c 'kill -STOP $$; exit 6' & four=$!
		until jobs -s %% 2>/dev/null | grep -q Stopped; do sleep 0.05; done
		bg %% >/dev/null; wait $four; echo "background: $?"
		kill -USR1 $$
		sleep 100 & five=$!
		until [ "$(cat /proc/$five/comm)" = sleep ]; do :; done
		kill -TERM $five; wait $five; echo "terminated: $?"
		sleep 100 & six=$!
		until [ "$(cat /proc/$six/comm)" = sleep ]; do :; done
		kill -INT -- -$six; wait $six; echo "group: $?"
		(trap '' INT; kill -INT $BASHPID; echo ignored)
		(trap 'echo child' CHLD; sleep 0.05 & wait)
		set +m
		coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
		exec {COPROC[1]}>&-
		echo "$(for i in 1 2 3; do (echo $i) & done; wait)" | sort | tr '\n' ' '
		timeout 0.2 sleep 100; echo "timeout: $?"
		exit 9
	EOF
	batch script -qec 'bash jobs.bash' /dev/null | tr -d '\r' | grep -v '^\[[0-9]\]'
	printf 'all: %s\n%s:\n\t@sleep 0.0$$(($@ %% 9)); echo $@ >$@\nfail:\n\t@exit 3\nslow:\n\t@sleep 1\n' \
		"$(seq -s ' ' 40)" "$(seq -s ' ' 40)" >Makefile
	batch make -s -j8 all
	cat $(seq 40) | sort -n | tail -n 1
	batch make -s -k -j4 fail slow 2>/dev/null
	git init -q repository && cd repository || return
	git config user.email test@example.org && git config user.name test
	seq 20000 >file && git add file && git commit -qm one
	seq 20000 | rev >file && git commit -qam two
	batch git log --oneline --format=%s
	batch git gc -q
	batch git fsck --no-progress
	batch git clone -q . ../copy
	git -C ../copy grep -c 99 file
	cd ..
	batch perl -e '$SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select(undef, undef, undef, 10); };
		print $@; $SIG{CHLD} = sub { $n++ while waitpid(-1, 1) > 0 };
		for (1 .. 20) { exit 0 unless fork } select(undef, undef, undef, 0.01) while $n < 20; print "$n\n";
		$SIG{CHLD} = "DEFAULT"; $SIG{INT} = "IGNORE"; kill INT => $$; print `echo backticks`, system("exit 3;") >> 8, "\n";
		pipe R, W; unless (fork) { close R; print W "from the child\n"; exit } close W; print <R>;
		$SIG{TERM} = sub { print "TERM\n"; exit 4 }; kill TERM => $$; sleep 10'
	cd / || return
}
