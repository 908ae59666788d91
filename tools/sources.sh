#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sources.sh - writes sources.am, the lists of files the Makefile builds, from
# what is in the tree: one file, one line. Run it after adding or removing a
# file; `sources.sh --check` only tells whether that was forgotten.
set -eu
export LC_ALL=C

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

# list VARIABLE FILE... - an assignment; files that do not exist (a pattern that
# matched nothing) are left out.
list()
{
	variable=$1
	shift
	printf '%s =' "$variable"
	for file; do
		[ -e "$file" ] || continue
		printf ' \\\n\t%s' "$file"
	done
	printf '\n\n'
}

# Sources of a name in $2... become programs of that name.
programs()
{
	variable=$1
	suffix=$2
	shift 2
	printf '%s =' "$variable"
	for file; do
		[ -e "$file" ] || continue
		printf ' \\\n\t%s' "${file%"$suffix"}"
	done
	printf '\n\n'
}

generate()
{
	cat <<-'END'
	## SPDX-License-Identifier: MIT
	##
	## sources.am - written by tools/sources.sh; run that instead of editing this.

	END
	list runtime_sources shim/runtime/*.c
	list runtime_headers shim/runtime/*.h
	set -- shim/*.c
	glue=
	for file; do
		case $file in
		shim/conf.c | shim/conf_value.c) ;;
		*) glue="$glue $file" ;;
		esac
	done
	# shellcheck disable=SC2086 # words
	list shim_sources $glue shim/hooks/*.c
	list shim_headers shim/*.h shim/*.def shim/hooks/*.h
	list tool_sources tools/*.c
	list tool_headers tools/*.h
	programs test_programs .c tests/*.c
	programs test_cxx_programs .cc tests/*.cc
	programs unit_programs .c tests/unit/*.c
	list test_headers tests/*.h tests/unit/*.h
	list bats_tests tests/bats/*.bats
	list dist_scripts tests/*.sh tests/*.py tests/models/* tools/*.sh tools/*.py
	list bench_files tests/bench/*
	list man_pages man/*.[0-9]
	for file in tests/*.cc; do
		[ -e "$file" ] || continue
		program=${file%.cc}
		printf '%s_SOURCES = %s\n' "$(printf %s "$program" | tr -c 'A-Za-z0-9_' _)" "$file"
	done
	for file in tests/unit/*.c; do
		[ -e "$file" ] || continue
		program=$(printf %s "${file%.c}" | tr -c 'A-Za-z0-9_' _)
		printf '%s_LDADD = $%s\n' "$program" '(unit_libs)'
	done
}

case ${1-} in
--check)
	generate | diff sources.am - >&2 || {
		echo "sources.am is out of date: run tools/sources.sh" >&2
		exit 1
	}
	;;
'')
	generate >sources.am.new
	if cmp -s sources.am.new sources.am; then
		rm -f sources.am.new
	else
		mv -f sources.am.new sources.am
	fi
	;;
*)
	echo "usage: tools/sources.sh [--check]" >&2
	exit 2
	;;
esac
