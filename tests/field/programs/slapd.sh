# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="slapd ldap-utils"
title=slapd threads="a pool of 16, and listeners"
version() { slapd -V 2>&1 | sed -n 's/.*slapd \([0-9.+a-z]*\).*/slapd \1/p'; }
run()
{
	local p i s searches

	p=$(port)
	mkdir "$dir/db"
	printf '%s\n' "include /etc/ldap/schema/core.schema" "modulepath /usr/lib/ldap" "moduleload back_mdb" \
		"database mdb" "suffix dc=test" "rootdn cn=root,dc=test" "rootpw secret" "directory $dir/db" >"$dir/conf"
	{
		printf 'dn: dc=test\nobjectClass: dcObject\nobjectClass: organization\no: test\ndc: test\n\n'
		for i in $(seq 300); do printf 'dn: cn=u%s,dc=test\nobjectClass: person\ncn: u%s\nsn: s%s\n\n' "$i" "$i" "$((i % 7))"; done
	} >"$dir/ldif"
	serve slapd -d 0 -f "$dir/conf" -h "ldap://127.0.0.1:$p"
	up ldapsearch -x -H "ldap://127.0.0.1:$p" -s base || return
	timeout 60 ldapadd -x -H "ldap://127.0.0.1:$p" -D cn=root,dc=test -w secret -f "$dir/ldif" | grep -c "^adding"
	searches=
	for s in $(seq 20); do
		timeout 60 ldapsearch -x -LLL -H "ldap://127.0.0.1:$p" -b dc=test "(sn=s$((s % 7)))" >"$dir/found$s" &
		searches="$searches $!"
	done
	# shellcheck disable=SC2086
	wait $searches
	for s in $(seq 20); do sort "$dir/found$s" | md5sum; done
	stop
}
