# SPDX-License-Identifier: MIT
"""servers.py - the benches of a server and its load: echo, HTTP, idle connections, latency beside
hogs, and whose code the CPU time is spent in."""

import os
import subprocess
import time

from case import Case, at_most, native_threads, threads_and
from contenders import Failure, Server, proc_number

SERVERS = threads_and(threads="serve_threads.c", epoll="serve_epoll.c", go="serve.go",
                      st="serve_st.c")


def served(place, contenders, run):
    """run(server, contender) for each, with a fresh server."""
    def one(contender, *arguments):
        server = Server(place, contender, SERVERS[contender], *arguments)
        try:
            return run(server, contender)
        finally:
            server.end()
    return {c: (lambda c=c: one(c)) for c in place.contenders(contenders)}


def server_targets(connections):
    return [at_most(1.20 if connections >= 1000 else 1.10, "epoll"), at_most(0.80, "go"),
            at_most(0.65, "native", every=True)]


def load(place, server, connections, seconds):
    who = [word for pid in server.pids for word in ("-w", pid)]
    return place.figures("load", "load.c", "-p", server.port, "-c", connections, "-t", seconds,
                         *who, cpus=place.load_cpus)


def few_enough(size):
    """State Threads by poll looks at every connection each time: not beyond a thousand."""
    return [c for c in SERVERS if c != "st" or size <= 1000]


def echo(place, quick):
    plan = [(place, 64, "")]
    if not quick:
        plan += [(place, 1000, ""), (place, 10000, "")]
        if place.server_cpus != place.cpus:  # several workers, who also steal from each other
            plan.append((place.together(), 1000, ", load on the same CPUs"))
    for where, size, title in plan:
        size = min(size, place.descriptors - 100)
        yield Case(f"echo, {size} connections{title}", [
            ("cpu_us", "server CPU per request", "µs", server_targets(size)),
            ("rate", "requests per second", "/s", []),
            ("busy", "server CPUs used", "", []),
            ("p50_us", "latency p50", "µs", []),
            ("p99_us", "latency p99", "µs", []),
        ], served(where, few_enough(size),
                  lambda s, c, w=where, n=size: load(w, s, n, 0.3 if quick else 1)))


def microseconds(text):
    """wrk's way to write times."""
    for unit, factor in (("us", 1), ("ms", 1e3), ("s", 1e6), ("m", 6e7)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    raise Failure(f"wrk wrote {text!r}")


def wrk(place, server, connections):
    threads = min(len(place.load_cpus), connections)
    before = server.cpu()
    process = place.spawn("load", ["wrk", "-t", str(threads), "-c", str(connections), "-d", "1",
                                   "--timeout", "30", "--latency",
                                   f"http://127.0.0.1:{server.port}/"],
                          place.load_cpus, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    try:
        out, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        raise Failure("wrk did not end") from None
    finally:
        place.end(process)
    cpu = server.cpu() - before
    found = {}
    for line in out.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "Requests/sec:":
            found["rate"] = float(words[1])
        if len(words) == 2 and words[0] in ("50%", "99%"):
            found[f"p{words[0][:2]}_us"] = microseconds(words[1])
        if line.strip().startswith("Socket errors") or "Non-2xx" in line:
            raise Failure(line.strip())
        if "requests in" in line:
            found["cpu_us"] = cpu * 1e6 / max(1, int(words[0]))
    if process.returncode or "rate" not in found:
        raise Failure(f"wrk: {out.strip()[-200:]}")
    return found


def http(place, quick):
    def answer(contender, size):
        server = Server(place, contender, SERVERS[contender], "-H")
        try:
            return wrk(place, server, size)
        finally:
            server.end()

    for size in [64] if quick else [64, 1000]:
        who = [c for c in few_enough(size) if c != "st" or not quick]
        runs = {c: (lambda c=c, n=size: answer(c, n)) for c in place.contenders(who)}
        yield Case(f"HTTP keep-alive, {size} connections", [
            ("cpu_us", "server CPU per request", "µs", server_targets(size)),
            ("rate", "requests per second", "/s", []),
            ("p50_us", "latency p50", "µs", []),
            ("p99_us", "latency p99", "µs", []),
        ], runs)


def kernel_kb():
    """What the whole machine's kernel has for threads and objects; sockets are among these."""
    return sum(proc_number("/proc/meminfo", name) for name in ("KernelStack", "Slab"))


def hold(place, server, connections, seconds):
    """Memory and CPU of a server whose connections are open and silent."""
    user, kernel = server.resident(), kernel_kb()
    client = place.spawn("load", [place.binary("load.c"), "-i", "-p", str(server.port),
                                  "-c", str(connections)], place.load_cpus,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        line = client.stdout.readline().split()
        if len(line) != 2 or float(line[1]) != connections:
            raise Failure("not all connections came to be")
        server.settle()
        used, usage = server.idle(seconds), server.resident() - user
        return {"user_kb": usage / connections,
                "kernel_kb": (kernel_kb() - kernel) / connections,
                "threads": server.status("Threads"), "idle_cpu": used}
    finally:
        place.end(client)


def beside_sockets(results):
    """The epoll loop's kernel memory is the sockets'; what is beyond it is the contender's."""
    sockets = (results.get("epoll") or {}).get("kernel_kb")
    for values in results.values():
        if values and sockets is not None:
            values["memory_kb"] = values["user_kb"] + max(0, values["kernel_kb"] - sockets)


def idle(place, quick):
    most = place.descriptors - 200
    for size in dict.fromkeys([2000] if quick else [min(10000, most), min(100000, most)]):
        wanted = [c for c in ("native", "shim", "base", "epoll", "go")
                  if c != "native" or size <= min(10000, native_threads())]
        yield Case(f"{size} idle connections", [
            ("memory_kb", "memory per connection besides the socket's", "KB", [at_most(12)]),
            ("user_kb", "of it the process's own", "KB", []),
            ("threads", "kernel threads", "", [at_most(len(place.server_cpus) + 2)]),
            ("idle_cpu", "CPU while idle, s per s", "", [at_most(0.0005)]),
        ], served(place, wanted, lambda s, c, n=size: hold(place, s, n, 0.5 if quick else 1)),
            beside_sockets, twice=False)


def hogs(place, quick):
    def beside(contender):
        server = Server(place, contender, SERVERS[contender], "-g")
        try:
            return load(place, server, 8, 0.5 if quick else 2)
        finally:
            server.end()

    sources = ("native", "shim", "base", "go")
    yield Case("8 connections beside a CPU hog per core", [
        ("p50_us", "latency p50", "µs", []),
        ("p99_us", "latency p99", "µs", [at_most(15000, "native", how="difference")]),
        ("p999_us", "latency p999", "µs", []),
        ("rate", "requests per second", "/s", []),
    ], {c: (lambda c=c: beside(c)) for c in place.contenders(sources)})


def perf(place, *arguments):
    """What perf says, on whichever stream."""
    process = place.spawn("load", ["perf", *map(str, arguments)], place.load_cpus,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    try:
        out, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        raise Failure("perf did not end") from None
    finally:
        place.end(process)
    if process.returncode:
        raise Failure(f"perf: {out.strip()[-200:]}")
    return out


# An answer is one of these.
SENDING = ("write", "writev", "pwritev2", "sendto", "sendmsg")


def shares(place, server):
    """Whose code the server's CPU time is spent in, and its system calls, under load."""
    data = os.path.join(place.build, "perf.data")
    pids = ",".join(map(str, server.pids))
    client = place.spawn("load", [place.binary("load.c"), "-p", str(server.port), "-c", "64",
                                  "-t", "60"], place.load_cpus, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE)
    try:
        time.sleep(0.5)
        perf(place, "record", "-q", "-e", "cpu-clock", "-F", 2000, "-o", data, "-p", pids,
             "--", "sleep", 1)
        counted = perf(place, "stat", "-x", ";", "-e", "raw_syscalls:sys_enter," + ",".join(
            "syscalls:sys_enter_" + name for name in SENDING), "-p", pids, "--", "sleep", 0.5)
        if client.poll() is not None:
            raise Failure("the load ended")
        objects = perf(place, "report", "-i", data, "--sort", "dso", "--stdio")
    finally:
        place.end(client)
        if os.path.exists(data):
            os.unlink(data)
    found = {"kernel": 0.0, "runtime": 0.0, "other": 0.0}
    for line in objects.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].endswith("%"):
            which = ("kernel" if words[1].startswith("[kernel")
                     else "runtime" if "goshim" in words[1] else "other")
            found[which] += float(words[0][:-1])
    if not any(found.values()):
        raise Failure("perf has no samples")
    every, sent = 0, 0
    for line in counted.splitlines():
        words = line.split(";")
        if len(words) > 2 and words[0].isdigit():
            if words[2].startswith("raw_syscalls"):
                every = int(words[0])
            else:
                sent += int(words[0])
    if sent:
        found["calls"] = every / sent
    return found


def profile(place, quick):
    if quick:
        return
    yield Case("echo, 64 connections: where the CPU time goes", [
        ("runtime", "in the library, %", "", [at_most(10)]),
        ("kernel", "in the kernel, %", "", []),
        ("other", "elsewhere, %", "", []),
        ("calls", "system calls per request", "", []),
    ], served(place, ("shim", "base", "epoll", "go"),
              lambda server, contender: shares(place, server)))
