# SPDX-License-Identifier: MIT
#
# build.bats - what the library file promises to the dynamic linker, and that an
# installation is complete.

load helper

# The names of hooks.def, one a line.
hooks()
{
	sed -n 's/^GS_HOOK\(_REAL\)\{0,1\}([A-Z], *\([A-Za-z0-9_]*\)).*/\2/p' "$GS_SRC/shim/hooks.def"
}

@test "hooks.def: every line that names a hook is understood, none twice" {
	run bash -c 'grep "^GS_HOOK" "$1" | grep -vE "^GS_HOOK(_REAL)?\([A-P], [A-Za-z0-9_]+\)( |	|$|/)"' \
		_ "$GS_SRC/shim/hooks.def"
	assert_output ""
	run bash -c 'sort | uniq -d' < <(hooks)
	assert_output ""
}

@test "the library exports the hooks and goshim_layout, nothing else, without versions" {
	diff -u --label "hooks.def" --label "exported" \
		<({ hooks; echo goshim_layout; } | LC_ALL=C sort) \
		<(nm -D --defined-only "$GS_LIB" | awk '{ print $3 }' | LC_ALL=C sort)
}

@test "the library needs libc.so.6 and nothing else" {
	run bash -c 'readelf -d "$1" | sed -n "s/.*(NEEDED).*\[\(.*\)\]/\1/p"' _ "$GS_LIB"
	assert_output "libc.so.6"
}

@test "the library is bound at once, first to start, never unloaded, without text relocations" {
	run readelf -dW "$GS_LIB"
	assert_line --regexp 'FLAGS_1.*NOW'
	assert_line --regexp 'FLAGS_1.*NODELETE'
	assert_line --regexp 'FLAGS_1.*INITFIRST'
	refute_output --partial TEXTREL
	run readelf -lW "$GS_LIB"
	assert_line --regexp 'GNU_STACK.*RW '
}

@test "the library, run as a program, prints its version" {
	run "$GS_LIB"
	assert_success
	assert_line --index 0 --regexp "^libgoshim $("$GS_TOOL" --version | cut -d' ' -f2): "
	run bash -c '"$1" >/dev/full' _ "$GS_LIB"
	assert_failure 1
	# And it is still a library: preloaded, it says nothing.
	run shim true
	assert_output ""
}

@test "the library has no stack protector and no fortified calls" {
	run bash -c 'nm -D --undefined-only "$1" | grep -E "__stack_chk_fail|_chk(@|$)"' _ "$GS_LIB"
	assert_output ""
}

@test "sources.am lists the files that are there" {
	[ -w "$GS_SRC" ] || skip "not in the checkout"
	"$GS_SRC/tools/sources.sh" --check
}

@test "make install: complete, and the installed command finds the installed library" {
	local root=$BATS_TEST_TMPDIR/root prefix

	make -C "$GS_BUILD" -s install DESTDIR="$root" >"$BATS_TEST_TMPDIR/log" 2>&1
	prefix=$root$(sed -n 's/^prefix=//p' "$GS_BUILD/goshim.pc")
	[ -x "$prefix/bin/goshim" ]
	[ -f "$prefix/lib/libgoshim.so" ]
	[ -f "$prefix/lib/pkgconfig/goshim.pc" ]
	[ -f "$prefix/share/man/man1/goshim.1" ]
	[ -f "$prefix/share/man/man7/libgoshim.7" ]
	[ -f "$prefix/share/bash-completion/completions/goshim" ]
	[ -f "$prefix/share/zsh/site-functions/_goshim" ]
	[ -f "$prefix/share/gdb/auto-load${prefix#"$root"}/lib/libgoshim.so-gdb.py" ]
	[ ! -e "$prefix/lib/libgoshim.la" ]
	run "$prefix/bin/goshim" run sh -c 'echo "$LD_PRELOAD"'
	assert_success
	assert_output "$(realpath "$prefix/lib/libgoshim.so")"
	make -C "$GS_BUILD" -s uninstall DESTDIR="$root" >>"$BATS_TEST_TMPDIR/log" 2>&1
	run find "$root" ! -type d
	assert_output ""
}

@test "goshim.pc says what to preload" {
	need pkg-config
	run env PKG_CONFIG_PATH="$GS_BUILD" pkg-config --variable=preload goshim
	assert_success
	assert_output --regexp '/libgoshim\.so$'
}

@test "the manual pages have no mandoc warnings" {
	need mandoc
	run mandoc -Tlint -W warning "$GS_SRC"/man/*.[0-9]
	assert_output ""
	assert_success
}

@test "the scripts pass shellcheck" {
	need shellcheck
	cd "$GS_SRC"
	shellcheck -x .ci/run tools/*.sh tools/goshim.bash tests/bats/run.sh tests/bench/run
}

@test "README, libgoshim.7 and conf.def name the same options" {
	local name

	for name in $(sed -n 's/^GS_\(OPTION\|FOREIGN\)([^"]*"\(GOSHIM[A-Z_]*\)".*/\2/p' \
		"$GS_SRC/shim/conf.def"); do
		grep -q "\`$name\`" "$GS_SRC/README.md" || fail "README.md lacks $name"
		grep -q "^\.It Ev $name\$" "$GS_SRC/man/libgoshim.7" || fail "libgoshim.7 lacks $name"
	done
	for name in $(grep -ohE '\bGOSHIM(_[A-Z_]+)?\b' "$GS_SRC/README.md" "$GS_SRC/man/libgoshim.7" \
		"$GS_SRC/man/goshim.1" | sort -u); do
		grep -q "\"$name\"" "$GS_SRC/shim/conf.def" || fail "$name is documented and not in conf.def"
	done
	for name in $(sed -n 's/^GS_DEBUG([^"]*"\([a-z]*\)".*/\1/p' "$GS_SRC/shim/conf.def"); do
		grep -q "\`$name" "$GS_SRC/README.md" || fail "README.md lacks the debug word $name"
		grep -qE "^\.It (Cm|Li) $name" "$GS_SRC/man/libgoshim.7" || fail "libgoshim.7 lacks $name"
	done
}

@test "goshim.1, README and --help name the same commands and options" {
	local name option

	for name in $("$GS_TOOL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		grep -q "^\.Cm $name\$" "$GS_SRC/man/goshim.1" || fail "goshim.1 lacks $name"
		grep -q "goshim $name" "$GS_SRC/README.md" || fail "README.md lacks $name"
		for option in $("$GS_TOOL" "$name" --help | sed -n 's/^ \{2,6\}\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p'); do
			grep -qE "^\.It .*Fl -$option( |\$)|^\.Fl -$option\$" "$GS_SRC/man/goshim.1" ||
				fail "goshim.1 lacks --$option of $name"
		done
	done
}
