#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh - what the build and the tests need, from Debian's packages, and the
# build itself.
#
# Run, it installs the packages that are missing. Sourced (by demo.sh, test.sh
# and those of tests/bench, tests/field and tests/nptl) it only defines
#	setup_packages NAME...	install those that are missing
#	setup_build DIR		configure (once) and make the tree into DIR
# and the lists setup_build_packages, setup_test_packages and setup_bench_packages.

setup_build_packages="autoconf automake libtool make gcc g++ libc6-dev libboost-context-dev \
	libunwind-dev systemtap-sdt-dev"
setup_test_packages="bats bats-support bats-assert procps binutils file \
	mandoc shellcheck valgrind golang-go xz-utils python3 python3-prometheus-client \
	openssl netcat-openbsd memcached stunnel4 git gdb zsh bash-completion pkgconf linux-perf"
# shellcheck disable=SC2034 # for who sources this
setup_bench_packages="python3 gcc g++ libc6-dev golang-go libst-dev libboost-fiber-dev \
	wrk gnuplot-nox linux-perf"

setup_say()
{
	printf '%s\n' "$*" >&2
}

# Names that are not installed; the architecture's own package counts, not a
# configuration left behind.
setup_missing()
{
	for name; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
		installed*) ;;
		*) printf '%s\n' "$name" ;;
		esac
	done
}

setup_packages()
{
	if ! command -v dpkg-query >/dev/null 2>&1; then
		setup_say "setup: not a Debian system; taking it that these are installed: $*"
		return 0
	fi
	missing=$(setup_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root=sudo
		if ! sudo -n true 2>/dev/null; then
			setup_say "setup: missing packages; install them with: apt-get install $missing"
			return 1
		fi
	fi
	setup_say "setup: installing $missing"
	result=0
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends \
		$missing >&2 </dev/null ||
		{ $as_root apt-get update -qq >&2 &&
			DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y \
				--no-install-recommends $missing >&2 </dev/null; } || result=1
	[ "$result" = 0 ] || setup_say "setup: could not install $missing"
	return "$result"
}

# Everything that decides how configure comes out is older than it?
setup_current()
{
	[ -e "$1" ] && [ -z "$(find "$setup_top/configure.ac" "$setup_top/Makefile.am" \
		"$setup_top/sources.am" "$setup_top/m4/goshim.m4" -newer "$1")" ]
}

setup_build()
{
	setup_top=$(cd "$(dirname "$0")/.." && pwd) || return 1
	dir=$1
	if ! setup_current "$setup_top/Makefile.in" || [ ! -e "$setup_top/configure" ]; then
		setup_say "setup: autoreconf"
		(cd "$setup_top" && autoreconf -fi) >&2 || return 1
	fi
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || return 1
	if [ ! -e "$dir/config.status" ]; then
		setup_say "setup: configure in $dir"
		(cd "$dir" && "$setup_top/configure" -q) >&2 || return 1
	fi
	setup_say "setup: make in $dir"
	make -C "$dir" -j2 >&2
}

case ${0##*/} in
setup.sh)
	# shellcheck disable=SC2086 # lists of words
	setup_packages $setup_build_packages $setup_test_packages
	;;
esac
