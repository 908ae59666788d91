#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""client.py PROTOCOL PORT CONNECTIONS TIMES - load for servers that have no client of their own.

Checks every answer. Prints "wrong N" and "rate OPERATIONS_PER_SECOND OPERATIONS".
"""
import asyncio, resource, sys, time

protocol, port, connections, times = sys.argv[1], *map(int, sys.argv[2:5])
wrong = 0


async def lines(r, w, i, k):
    w.write(b"m%d-%d\n" % (i, k))
    return await r.readline() == b"m%d-%d!\n" % (i, k)


async def memcached(r, w, i, k):
    value = (b"%d-%d " % (i, k)) * (k % 50 + 1)
    w.write(b"set k%d-%d 0 0 %d\r\n%b\r\n" % (i, k, len(value), value))
    if await r.readline() != b"STORED\r\n":
        return False
    w.write(b"get k%d-%d\r\n" % (i, k))
    head = b"VALUE k%d-%d 0 %d\r\n" % (i, k, len(value))
    expected = head + value + b"\r\nEND\r\n"
    return await r.readexactly(len(expected)) == expected


async def connection(i):
    global wrong
    try:
        r, w = await asyncio.open_connection("127.0.0.1", port)
        for k in range(times):
            if not await globals()[protocol](r, w, i, k):
                wrong += 1
        w.close()
    except (OSError, asyncio.IncompleteReadError):
        wrong += times


async def main():
    start = time.monotonic()
    await asyncio.gather(*map(connection, range(connections)))
    print("wrong", wrong)
    print("rate %.1f %d" % (connections * times / (time.monotonic() - start), connections * times))

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384) if hard > 0 else 16384, hard))
asyncio.run(main())
sys.exit(1 if wrong else 0)
