# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages=tarantool
title=tarantool threads="transactions, network, write-ahead log, a pool of files' and names' calls"
version() { tarantool --version; }
run()
{
	local p

	p=$(port)
	mkdir "$dir/t"
	cat >"$dir/server.lua" <<-END
	box.cfg{work_dir = '$dir/t', log_level = 3, memtx_memory = 64 * 1024 * 1024,
	  wal_mode = 'write', checkpoint_interval = 1}
	box.schema.user.grant('guest', 'read,write,execute,create', 'universe', nil, {if_not_exists = true})
	local s = box.schema.space.create('s', {if_not_exists = true})
	s:create_index('i', {parts = {1, 'unsigned'}, if_not_exists = true})
	local v = box.schema.space.create('v', {engine = 'vinyl', if_not_exists = true})
	v:create_index('i', {parts = {1, 'unsigned'}, if_not_exists = true})
	box.cfg{listen = '127.0.0.1:$p'} -- last: then it is up
	END
	cat >"$dir/client.lua" <<-END
	local net, fiber, n, wrong = require('net.box'), require('fiber'), 0, 0
	local start, done = fiber.time(), fiber.channel(20)
	for c = 1, 20 do
	  fiber.create(function()
	    local k = net.connect('127.0.0.1:$p')
	    for i = 1, 500 do
	      local id = c * 10000 + i
	      k.space.s:replace{id, ('x'):rep(i % 50), i}
	      if i % 10 == 0 then k.space.v:replace{id, ('y'):rep(i % 50)} end
	      local t = k.space.s:get(id)
	      if t == nil or t[3] ~= i or #t[2] ~= i % 50 then wrong = wrong + 1 end
	      n = n + 2
	    end
	    k:close() done:put(true)
	  end)
	end
	for c = 1, 20 do done:get() end
	local k = net.connect('127.0.0.1:$p')
	print('wrong', wrong, k:eval('return box.space.s:count(), box.space.v:count()'))
	print('rate ' .. n / (fiber.time() - start) .. ' ' .. n)
	os.exit(0)
	END
	for _ in 1 2; do
		serve tarantool "$dir/server.lua"
		up timeout 2 bash -c "echo >/dev/tcp/127.0.0.1/$p" || return
		timeout 60 tarantool "$dir/client.lua" >"$dir/load"
		grep -v '^rate' "$dir/load"
		stop
	done
	# shellcheck disable=SC2046 # words
	rate $(sed -n 's/^rate //p' "$dir/load")
}
