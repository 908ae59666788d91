# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="qemu-system-x86 qemu-utils seabios"
title="qemu-system-x86_64, 2 processors by TCG; qemu-img, qemu-io" threads="one per processor, kicked by signals; pools that read and write images"
version() { qemu-system-x86_64 --version; }
run()
{
	local i

	# Says so on the serial port, computes, says so again, and halts.
	python3 - "$dir/disk" <<-'END'
	import struct, sys
	code = bytearray(b"\xfa\x31\xc0\x8e\xd8")                  # cli; ds = 0
	write = b"\xac\x84\xc0\x74\x03\xee\xeb\xf8"                # lodsb; until 0: out
	code += b"\xba\xf8\x03\xbe\0\0" + write
	first = 9
	code += b"\x66\xb9\0\0\0\x08\x66\x49\x75\xfc\xbe"          # ecx = 2^27, counts down
	second = len(code)
	code += b"\0\0" + write + b"\xfb\xf4\xeb\xfd"              # sti; hlt
	for at, text in (first, b"BOOTED\r\n\0"), (second, b"DONE\r\n\0"):
	    code[at:at + 2] = struct.pack("<H", 0x7c00 + len(code))
	    code += text
	open(sys.argv[1], "wb").write((bytes(code).ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
	END
	serve qemu-system-x86_64 -nodefaults -display none -accel tcg,thread=multi -smp 2 -m 64 \
		-drive "file=$dir/disk,format=raw,if=ide,aio=threads" -serial "file:$dir/serial" \
		-qmp "unix:$dir/qmp,server=on,wait=off"
	up test -S "$dir/qmp"
	timeout 100 python3 - "$dir" <<-'END'
	import json, os, socket, sys, time
	dir = sys.argv[1]
	s = socket.socket(socket.AF_UNIX)
	s.connect(dir + "/qmp")
	f = s.makefile("rw")
	events = []
	def answer():
	    while True:
	        line = json.loads(f.readline())
	        if "event" not in line:
	            return line
	        events.append(line["event"])
	def command(name, **arguments):
	    f.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
	    f.flush()
	    print(name, {k: v for k, v in answer().items() if name != "query-cpus-fast"})
	def wait(times):
	    while open(dir + "/serial", "rb").read().count(b"DONE") < times:
	        time.sleep(.02)
	    print(open(dir + "/serial", "rb").read())
	print("QMP" in answer())
	command("qmp_capabilities")
	wait(1)
	for name in "stop", "query-status", "cont", "query-cpus-fast", "system_reset":
	    command(name)
	wait(2)
	command("drive-backup", device="ide0-hd0", sync="full", target=dir + "/copy", format="raw")
	while "BLOCK_JOB_COMPLETED" not in events:
	    events.append(json.loads(f.readline()).get("event"))
	command("quit")
	END
	wait "$server"
	echo "exit status $?"
	server=
	cmp "$dir/disk" "$dir/copy" && echo same

	big_file 20 "$dir/raw"
	batch qemu-img convert -f raw -O qcow2 -m 16 -W "$dir/raw" "$dir/a.qcow2"
	batch qemu-img convert -c -f qcow2 -O qcow2 -m 16 "$dir/a.qcow2" "$dir/b.qcow2"
	batch qemu-img compare "$dir/raw" "$dir/b.qcow2"
	for i in threads native; do
		batch qemu-io -t none -n -i "$i" -c 'aio_write -P 5 0 1M' -c aio_flush -c 'aio_read -P 5 0 64k' -c aio_flush \
			-c 'write -P 7 2M 3M' -c 'read -P 7 2M 3M' "$dir/a.qcow2" | grep -v 'ops;' | sort
	done
	batch qemu-img bench -c 4000 -d 32 -f qcow2 -i threads "$dir/a.qcow2" >"$dir/bench"
	rate "$(awk '/Run completed/ { print 4000 / $4 }' "$dir/bench")" 4000
}
