# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="openssh-server openssh-client"
title="sshd, ssh, scp" threads=none
version() { ssh -V 2>&1 | cut -d , -f 1; }
run()
{
	local p i

	p=$(port)
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	cp "$dir/key.pub" "$dir/authorized"
	printf '%s\n' "ListenAddress 127.0.0.1" "Port $p" "HostKey $dir/host" "PidFile none" "StrictModes no" \
		"AuthorizedKeysFile $dir/authorized" "UsePAM no" "PermitRootLogin yes" \
		"Subsystem sftp internal-sftp" >"$dir/conf"
	printf '%s\n' "Host *" "Port $p" "IdentityFile $dir/key" "StrictHostKeyChecking no" \
		"UserKnownHostsFile /dev/null" "LogLevel ERROR" "BatchMode yes" >"$dir/client"
	serve /usr/sbin/sshd -D -e -f "$dir/conf"
	up ssh -F "$dir/client" 127.0.0.1 true
	batch ssh -F "$dir/client" 127.0.0.1 'echo hello; exit 5'
	seq 100000 >"$dir/data"
	batch sh -c "ssh -F $dir/client 127.0.0.1 md5sum <$dir/data"
	batch scp -q -F "$dir/client" "$dir/data" "127.0.0.1:$dir/copy"
	cmp "$dir/data" "$dir/copy" && echo same
	for i in 1 2 3 4 5; do
		batch ssh -F "$dir/client" 127.0.0.1 "seq $i 3 300" | md5sum
	done
	stop
}
