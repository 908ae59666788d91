# SPDX-License-Identifier: MIT
#
# symbols.bats - every function of the families that matter is accounted for in
# tests/symbols.txt: hooked, waiting in functions that are, or libc's own for a
# reason given there.

load helper

LIST=$GS_SRC/tests/symbols.txt

# hooked - the names of hooks.def; reached - and of what redirect.c replaces in libc.
hooked()
{
	sed -n 's/^GS_HOOK\(_REAL\)\{0,1\}([A-Z], *\([A-Za-z0-9_]*\)).*/\2/p' "$GS_SRC/shim/hooks.def"
}

reached()
{
	hooked
	sed -n 's/^	GS_REDIRECT(\([A-Za-z0-9_]*\)),$/\1/p; s/^	{ "\([A-Za-z0-9_]*\)", .*/\1/p' \
		"$GS_SRC/shim/redirect.c"
}

# listed - "NAME GROUP VERDICT REASON" of every name in the list.
listed()
{
	awk -F '\t' '!/^#/ && NF { n = split($3, name, " ");
		for (i = 1; i <= n; i++) print name[i] "\t" $1 "\t" $2 "\t" $4 }' "$LIST"
}

@test "symbols.txt: every line is understood, no name twice, a reason where one is due" {
	run awk -F '\t' '!/^#/ && NF &&
		!($1 ~ /^[A-P]$/ && (($2 == "hook" && NF == 3) ||
		  ($2 ~ /^(own|monitor|through [a-z0-9_,]+)$/ && NF == 4 && $4 != "") ||
		  ($2 == "differs" && NF == 4 && $4 != "" && $1 !~ /[A-D]/)))' "$LIST"
	assert_output ""
	run bash -c 'cut -f 1 | sort | uniq -d' < <(listed)
	assert_output ""
}

@test "what symbols.txt says is hooked or reached is" {
	local name group verdict reason bad=0

	hooked | sort >"$BATS_TEST_TMPDIR/hooked"
	reached | sort -u >"$BATS_TEST_TMPDIR/reached"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/reached")" -gt "$(wc -l <"$BATS_TEST_TMPDIR/hooked")" ]
	while IFS=$'\t' read -r name group verdict reason; do
		case $verdict in
		hook)
			grep -qx "$name" "$BATS_TEST_TMPDIR/hooked" && continue
			echo "$name: not in hooks.def"
			bad=1
			;;
		through*)
			for name in $(tr , ' ' <<<"${verdict#through }"); do
				grep -qx "$name" "$BATS_TEST_TMPDIR/reached" && continue
				echo "through $name: neither in hooks.def nor in redirect.c"
				bad=1
			done
			;;
		*)
			# A hook that came later is as good; the threads' own families are kept exact.
			case $group in [A-D]) ;; *) continue ;; esac
			grep -qx "$name" "$BATS_TEST_TMPDIR/hooked" || continue
			echo "$name: hooked, though libc's own is said to do"
			bad=1
			;;
		esac
	done < <(listed)
	[ "$bad" = 0 ]
}

@test "every hook is in symbols.txt" {
	run comm -23 <(hooked | sort) <(listed | cut -f 1 | sort)
	assert_output ""
}

# Also says what to do when a newer libc has a new function of these families.
@test "libc has no function about threads that symbols.txt lacks" {
	local libc

	libc=$(ldd "$GS_LIB" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')
	[ -e "$libc" ]
	nm -D --defined-only "$libc" | sed 's/.* //; s/@.*//' |
		grep -E '^_*(pthread|sem|thrd|mtx|cnd|tss|call_once)(_|$)' | sort -u \
		>"$BATS_TEST_TMPDIR/libc"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/libc")" -gt 150 ]
	run comm -23 "$BATS_TEST_TMPDIR/libc" <(listed | cut -f 1 | sort)
	assert_output ""
}
