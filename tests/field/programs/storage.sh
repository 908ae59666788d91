# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="squashfs-tools qemu-utils mbuffer par2"
title="mksquashfs, qemu-img, mbuffer, par2" threads="pools, a reader and a writer; coroutines of its own (qemu-img)"
version() { echo "as in the distribution"; }
run()
{
	big_file 30 "$dir/data"
	mkdir "$dir/tree" && cp -r /usr/share/doc/a* "$dir/tree" && cp "$dir/data" "$dir/tree"
	batch mksquashfs "$dir/tree" "$dir/tree.sq" -quiet -no-progress -processors 4 -mkfs-time 1 -all-time 1 -all-root
	md5sum <"$dir/tree.sq"
	batch unsquashfs -quiet -no-progress -processors 4 -d "$dir/out" "$dir/tree.sq"
	(cd "$dir/out" && find . -type f -exec md5sum {} + | sort | md5sum)
	batch qemu-img convert -m 8 -W -f raw -O qcow2 -c "$dir/data" "$dir/data.qcow2"
	batch qemu-img compare -f raw -F qcow2 "$dir/data" "$dir/data.qcow2"
	batch qemu-img bench -c 2000 -d 32 -s 4096 -f qcow2 "$dir/data.qcow2" | grep -c completed
	batch sh -c "mbuffer -q -m 4M -i $dir/data | md5sum"
	batch par2 create -q -q -t4 -r5 "$dir/data.par2" "$dir/data"
	batch par2 verify -q -t4 "$dir/data.par2" | tail -n 1
}
