# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="freeradius freeradius-utils"
title=freeradius threads="a pool of up to 32"
version() { freeradius -v | head -n 1; }
run()
{
	local p i

	p=$(port)
	cp -r /etc/freeradius/3.0 "$dir/raddb"
	rm -rf "$dir/raddb/sites-enabled" "$dir"/raddb/mods-enabled/{eap,ntlm_auth}
	mkdir "$dir/raddb/sites-enabled" "$dir/run"
	sed -i "s:^user = .*::; s:^group = .*::; s:^\tuser = .*::; s:^\tgroup = .*::; s:^run_dir = .*:run_dir = $dir/run:;
		s:^logdir = .*:logdir = $dir/run:; s:^radacctdir = .*:radacctdir = $dir/run:; s:^db_dir = .*:db_dir = $dir/run:;
		s:^raddbdir = .*:raddbdir = $dir/raddb:;
		s:reject_delay = .*:reject_delay = 0:; s:cleanup_delay = .*:cleanup_delay = 0:; s:max_requests = .*:max_requests = 60000:" \
		"$dir/raddb/radiusd.conf"
	printf '%s\n' "client all { ipaddr = 127.0.0.1" "secret = s3" "}" >"$dir/raddb/clients.conf"
	for i in $(seq 500); do
		printf 'u%d Cleartext-Password := "p%d"\n\tReply-Message = "hello u%d"\n' "$i" "$i" "$i"
	done >"$dir/raddb/mods-config/files/authorize"
	cat >"$dir/raddb/sites-enabled/t" <<-END
	server t {
	  listen {
	    type = auth
	    ipaddr = 127.0.0.1
	    port = $p
	  }
	  authorize {
	    files
	    pap
	  }
	  authenticate {
	    Auth-Type PAP {
	      pap
	    }
	  }
	  post-auth {
	    detail
	  }
	}
	END
	serve freeradius -f -l "$dir/log" -d "$dir/raddb"
	echo "User-Name=u1,User-Password=p1" >"$dir/one"
	up radclient -q -r 1 -t 1 -f "$dir/one" "127.0.0.1:$p" auth s3 || return
	for i in $(seq 500); do
		printf 'User-Name = u%d, User-Password = %s%d\n\n' "$i" "$([ $((i % 5)) = 0 ] && echo wrong || echo p)" "$i" >&3
		if [ $((i % 5)) = 0 ]; then
			printf 'Packet-Type == Access-Reject\n\n' >&4
		else
			printf 'Packet-Type == Access-Accept, Reply-Message == "hello u%d"\n\n' "$i" >&4
		fi
	done 3>"$dir/all" 4>"$dir/answers"
	for i in 1 2 3; do
		timeout 100 radclient -s -c 4 -p 60 -r 10 -t 5 -f "$dir/all:$dir/answers" "127.0.0.1:$p" auth s3 >"$dir/load.$i" 2>&1
		grep -E '(Accepted|Rejected|Lost|filter) *:' "$dir/load.$i"
	done
	stop
}
