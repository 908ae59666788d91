#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - the thread tests of glibc itself, bare and under the library.
#
#	run.sh [-j N] [-p PROCS] [-n TIMES] [-w DIR] LIBRARY [TEST...]
#
# The tests are nptl/tst-* and sysdeps/pthread/tst-* of Debian's package
# glibc-source, unpacked and built in DIR (default: goshim-nptl in TMPDIR); the
# support library they are linked with is glibc's own, built there too. Nothing of
# glibc's source is in this repository: recipes and internal.h here say how to
# build what is not built the usual way, and exceptions lists, with the reason,
# the tests that are not run or that may differ.
#
# -j  tests at a time (2)          -p  GOSHIM_MAXPROCS of the shimmed runs (2)
# -n  shimmed runs of each (1): passes only if all do
#
# Writes DIR/table (test, bare, shimmed) and exits 1 when a test that passes bare
# fails under the library and is not in exceptions.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
say()
{
	printf '%s\n' "$*" >&2
}

# ---- the work directory ----

# Unpacks the source; sets nothing.
fetch()
{
	tarball=$(find /usr/src/glibc -name 'glibc-*.tar.xz' 2>/dev/null | head -n 1)
	if [ -z "$tarball" ]; then
		# shellcheck source=../../tools/setup.sh
		. "$here/../../tools/setup.sh"
		setup_packages glibc-source g++ xz-utils || return 1
		tarball=$(find /usr/src/glibc -name 'glibc-*.tar.xz' | head -n 1)
	fi
	say "nptl: unpacking $tarball"
	tar -xf "$tarball" -C "$work" --exclude='*/po/*' --exclude='*/localedata/*' \
		--exclude='*/manual/*' --exclude='*/benchtests/*' || return 1
	mv "$work"/glibc-2.* "$work/source"
}

# Headers the tests and the support library include by these names.
headers()
{
	mkdir -p "$work/include" && cd "$work/include" || return 1
	ln -sfn "$work/source/support" support
	ln -sfn "$work/source/posix" posix
	mkdir -p malloc sysdeps elf
	ln -sfn "$work/source/sysdeps/pthread" sysdeps/pthread
	ln -sfn "$work/source/test-skeleton.c" test-skeleton.c
	for name in array_length intprops libc-diag libc-pointer-arith scratch_buffer; do
		ln -sf "$work/source/include/$name.h" "$name.h"
	done
	mkdir -p generic
	ln -sf "$work/source/sysdeps/x86/tst-stack-align.h" tst-stack-align.h
	ln -sf "$work/source/sysdeps/generic/tst-stack-align.h" generic/
	ln -sf "$work/source/sysdeps/unix/sysv/linux/tst-skeleton-thread-affinity.c" .
	ln -sf "$work/source/sysdeps/unix/sysv/linux/tst-skeleton-affinity.c" .
	for name in allocate_once atomic descr dso_handle elf/dl-tunables internal-signals internaltypes pthreadP pthreaddef \
		pthread_rwlock shlib-compat stackguard-macros stackinfo sysdep tls; do
		echo "#include \"$here/internal.h\"" >"$name.h"
	done
	: >config.h
	cp "$work/source/malloc/dynarray.h" "$work/source/malloc/dynarray-skeleton.c" malloc/
}

# Every file of glibc's support library that compiles on its own.
support()
{
	mkdir -p "$work/support" && cd "$work/support" || return 1
	# shellcheck disable=SC2016 # the inner shell expands
	for file in "$work"/source/support/*.c; do
		name=${file##*/}
		case $name in
		*-time64.c | *_time64.c | test-container.c | tst-* | *_main.c | test-driver.c | links-dso-program*)
			[ "$name" = support_test_main.c ] || continue ;;
		support_wait_for_thread_exit.c) file=$here/support.c ;;
		echo-container.c | false-container.c | shell-container.c | true-container.c) continue ;;
		esac
		echo "$file"
	done | xargs -P "$jobs" -I '{}' sh -c 'cc -std=gnu11 -O2 -w -D_GNU_SOURCE -DTIMEOUTFACTOR=1 \
		-DSRCDIR_PATH="\"$0/source\"" -DOBJDIR_PATH="\"$0\"" -DOBJDIR_ELF_LDSO_PATH="\"/lib64/ld-linux-x86-64.so.2\"" -DINSTDIR_PATH="\"/usr\"" \
		-DLIBDIR_PATH="\"/usr/lib\"" -DSLIBDIR_PATH="\"/lib\"" -DROOTSBINDIR_PATH="\"/sbin\"" -DBINDIR_PATH="\"/usr/bin\"" -DSBINDIR_PATH="\"/usr/sbin\"" \
		-DCOMPLOCALEDIR_PATH="\"/usr/lib/locale\"" -DSYSCONFDIR_PATH="\"/etc\"" \
		-include "$0/include/tls.h" -I"$0/include" -I"$0/source/support" -c "$1" 2>"${1##*/}.err" ||
		echo "nptl: left out: $1" >&2' "$work" '{}'
	ar rc "$work/libsupport.a" ./*.o
}

# ---- one test ----

# The recipe of test $1: lines "test key value" of the file recipes.
recipe()
{
	sed -n "s/^$1[ 	][ 	]*$2[ 	][ 	]*//p" "$here/recipes" | sed "s|@B@|$built|g;s|@H@|$here|g" | tr '\n' ' '
}

compile() # TEST
{
	source=$(find "$work/source/nptl" "$work/source/sysdeps/pthread" -maxdepth 1 \
		\( -name "$1.c" -o -name "$1.cc" \) | head -n 1)
	cc='cc -std=gnu11' more=
	case $source in
	*.cc) cc='c++ -std=gnu++11' more='-Wl,--no-as-needed -lstdc++' ;;
	esac
	case $1 in
	*-static) more="$more -static" ;;
	tst-cancelx1) ;;
	tst-*x[0-9] | tst-*x[0-9][0-9] | tst-minstack-*) more="$more -fexceptions -fasynchronous-unwind-tables" ;;
	tst-vfork[12]x) more="$more -fexceptions" ;;
	esac
	flags="-O2 -g -w -pthread -D_GNU_SOURCE -DPTHREAD_IN_LIBC=1 -DSTACK_CHK=1 \
		-I$work/include -I$work/include/generic -I${source%/*} -I$work/source/nptl -I$work/source/sysdeps/pthread"
	for module in $(recipe "$1" module); do
		file=$(find "$work/source/nptl" "$work/source/sysdeps/pthread" -maxdepth 1 -name "$module.c")
		# shellcheck disable=SC2086,SC2046 # lists of words
		cc -std=gnu11 $flags -fPIC -shared -Wl,-soname,"$module.so" -o "$built/$module.so" "$file" \
			$(recipe "$module" flags) || return 1
	done
	objects=
	for file in $(recipe "$1" object); do
		objects="$objects $work/source/nptl/$file.c"
	done
	# shellcheck disable=SC2086,SC2046 # lists of words
	$cc $flags -o "$built/$1" "$source" $objects $more $(recipe "$1" flags) \
		"$work/libsupport.a" -lpthread -lrt -ldl -lm -lresolv
}

# Runs test $1 as $2 (bare or shimmed) with the rest of the arguments as environment.
run() # TEST NAME [VARIABLE=VALUE...]
{
	test=$1 name=$2
	shift 2
	dir=$work/run/$test.$name
	rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" || return 1
	: >Makefile # some tests open it
	for module in $(recipe "$test" module); do
		ln -sf "$built/$module.so" .
	done
	eval "$(recipe "$test" prepare)"
	# shellcheck disable=SC2046 # lists of words
	eval "set -- \"\$@\" $(recipe "$test" env) timeout -k 5 330 \"$built/$test\" $(recipe "$test" args)"
	env TMPDIR="$dir" "$@" >"$work/log/$test.$name" 2>&1 </dev/null
	status=$?
	expect=$(find "$work/source/sysdeps/pthread" -name "$test.expect")
	if [ "$status" = 0 ] && [ -n "$expect" ] && ! cmp -s "$expect" "$work/log/$test.$name"; then
		status=output
	fi
	cd "$work" && rm -rf "$dir"
	case $status in
	0) echo pass ;;
	77) echo unsupported ;;
	*) echo "fail($status)" ;;
	esac
}

one()
{
	result=$work/result/$1
	rm -f "$result"
	needs=$(recipe "$1" needs)
	for program in $needs; do
		[ -x "$built/$program" ] || compile "$program" >"$work/log/$program.build" 2>&1
	done
	if ! compile "$1" >"$work/log/$1.build" 2>&1; then
		echo "$1 unbuilt -" >"$result"
		return
	fi
	# Some look at the clock, and fail on a busy machine now and then.
	for try in 1 2 3; do
		bare=$(run "$1" bare)
		case $bare in
		pass | unsupported) break ;;
		esac
		say "$1 does not pass bare ($try)"
	done
	shimmed=- times=$repeat
	case $bare in
	pass)
		while [ "$times" -gt 0 ]; do
			shimmed=$(run "$1" shimmed "GOSHIM_MAXPROCS=$procs" LD_PRELOAD="$library")
			[ "$shimmed" = pass ] || break
			times=$((times - 1))
		done
		;;
	esac
	echo "$1 $bare $shimmed" >"$result"
	printf '%-40s %-14s %s\n' "$1" "$bare" "$shimmed" >&2
}

# ---- all of them ----

excepted() # TEST KIND...
{
	name=$1
	shift
	for kind; do
		grep -q "^${name}[ 	][ 	]*${kind}[ 	]" "$here/exceptions" && return 0
	done
	return 1
}

summary()
{
	cat "$work"/result/* >"$work/table"
	bad=0 listed=0 passed=0 bare_only=0 unbuilt=0
	while read -r name bare shimmed; do
		case $bare/$shimmed in
		pass/pass) passed=$((passed + 1)) ;;
		pass/*)
			if excepted "$name" differs; then
				listed=$((listed + 1))
			else
				bad=$((bad + 1))
				say "FAIL: $name: passes bare, under the library $shimmed (see $work/log/$name.shimmed)"
			fi
			;;
		unbuilt/*) unbuilt=$((unbuilt + 1)); say "not built: $name" ;;
		*) bare_only=$((bare_only + 1)); say "does not pass bare: $name: $bare" ;;
		esac
	done <"$work/table"
	skipped=$(grep -c '[ 	]skipped[ 	]' "$here/exceptions")
	say "$passed pass both ways, $bad fail under the library, $listed differ as listed;" \
		"$bare_only do not pass bare, $unbuilt not built, $skipped not run (see exceptions)"
	[ "$bad" = 0 ]
}

jobs=2 procs=2 repeat=1 work=${TMPDIR:-/tmp}/goshim-nptl
while getopts j:p:n:w: option; do
	case $option in
	j) jobs=$OPTARG ;;
	p) procs=$OPTARG ;;
	n) repeat=$OPTARG ;;
	w) work=$OPTARG ;;
	*) sed -n 's/^#	run/usage: run/p' "$0" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
library=${1:?usage: run.sh [-j N] [-p PROCS] [-n TIMES] [-w DIR] LIBRARY [TEST...]}
library=$(realpath "$library") || exit 2
shift
work=$(mkdir -p "$work" && cd "$work" && pwd) || exit 2
built=$work/built

if [ -n "${GS_NPTL_ONE-}" ]; then
	for test; do
		one "$test"
	done
	exit 0
fi

mkdir -p "$built" "$work/log" "$work/run"
[ -d "$work/source" ] || fetch || exit 2
headers || exit 2
[ -e "$work/libsupport.a" ] || support || exit 2
if [ $# = 0 ]; then
	for file in "$work"/source/nptl/tst-*.c "$work"/source/nptl/tst-*.cc \
		"$work"/source/sysdeps/pthread/tst-*.c; do
		file=${file##*/}
		set -- "$@" "${file%.c*}"
	done
fi
rm -rf "$work/result" && mkdir -p "$work/result"
for test; do
	excepted "$test" skipped helper || echo "$test"
done | GS_NPTL_ONE=1 xargs -P "$jobs" -n 1 "$here/run.sh" -p "$procs" -n "$repeat" -w "$work" "$library"
summary
