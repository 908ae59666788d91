# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=fio
title="fio --thread" threads="one per job"
version() { fio --version; }
run()
{
	batch fio --thread --name=j --directory="$dir" --rw=randwrite --bs=4k --size=8m --numjobs=8 \
		--ioengine=psync --verify=crc32c --do_verify=1 --group_reporting --fallocate=none \
		--output-format=json --output="$dir/load"
	python3 - "$dir/load" <<-'PY'
	import json, sys
	t = open(sys.argv[1]).read()
	for j in json.loads(t[t.index("{"):])["jobs"]:
	    print(j["jobname"], "error", j["error"], j["write"]["total_ios"], j["read"]["total_ios"])
	PY
}
