# SPDX-License-Identifier: MIT
"""servers.py - the benches of a server and its load: echo, HTTP, idle connections, latency beside
hogs, and whose code the CPU time is spent in."""

import subprocess
import time

from case import Case, at_most, native_threads, threads_and
from contenders import Failure, Server, proc_number
from perf import ALL, Calls, Samples

SERVERS = threads_and(threads="serve_threads.c", epoll="serve_epoll.c", go="serve.go",
                      st="serve_st.c")


def served(place, contenders, run, *arguments):
    """run(server, watch) for each, with a fresh server."""
    def one(contender, watch):
        server = Server(place, contender, SERVERS[contender], *arguments)
        try:
            return run(server, watch)
        finally:
            server.end()
    return {c: (lambda watch=None, c=c: one(c, watch)) for c in place.contenders(contenders)}


REQUEST = ("a request costs two system calls, and a share of one that asks for events, as in the "
           "loop. Kept, since they measured better: a thread parks without a read that would find "
           "nothing, one wait for many events and none while threads can run, events for output "
           "only where somebody waits to write, the next thread's stack fetched ahead. Not kept: "
           "waiting by io_uring's multishot poll, or for its receives, in place of epoll; tried in "
           "a bare server, it gained nothing, for epoll asks once for many requests. With the sends "
           "through the ring, too, it gained about a tenth from a thousand connections on, within "
           "the noise, in a server that need not switch a second time per request. What is left "
           "above the loop are a switch to a stack that is not in the cache, and the care for "
           "descriptors that others may close")


def server_targets(connections):
    return [at_most(1.20 if connections >= 1000 else 1.10, "epoll", limit=REQUEST),
            at_most(0.80, "go", limit=REQUEST),
            at_most(0.65, "native", every=True, limit=REQUEST)]


def busy(place, server, command, watches, ready=""):
    """The watches look at a server that a client keeps busy, from the moment on when the client
    says that it is ready."""
    client = place.spawn("load", list(map(str, command)), place.load_cpus,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        if ready and not client.stdout.readline().startswith(ready):
            raise Failure("the load did not begin")
        time.sleep(0.5)
        for watch in watches:
            watch.attach(server.pids)
        if client.poll() is not None:
            raise Failure("the load ended")
    finally:
        place.end(client)


def load(place, server, connections, seconds, *watches):
    arguments = ["-p", server.port, "-c", connections, "-t"]
    if any(watches):
        busy(place, server, [place.binary("load.c"), *arguments, 600], watches, "connections ")
        return {}
    who = [word for pid in server.pids for word in ("-w", pid)]
    return place.figures("load", "load.c", *arguments, seconds, *who, cpus=place.load_cpus)


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
                  lambda s, watch, w=where, n=size: load(w, s, n, 0.3 if quick else 0.4, watch)),
            each="request", looked=size <= 1000)


def microseconds(text):
    """wrk's way to write times."""
    for unit, factor in (("us", 1), ("ms", 1e3), ("s", 1e6), ("m", 6e7)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    raise Failure(f"wrk wrote {text!r}")


def wrk(place, server, connections, watch):
    threads = min(len(place.load_cpus), connections)
    command = ["wrk", "-t", str(threads), "-c", str(connections), "--timeout", "30", "--latency",
               f"http://127.0.0.1:{server.port}/", "-d"]
    if watch:
        busy(place, server, command + ["600"], [watch])
        return {}
    before = server.cpu()
    process = place.spawn("load", command + ["1"], place.load_cpus, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
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
    for size in [64] if quick else [64, 1000]:
        who = [c for c in few_enough(size) if c != "st" or not quick]
        yield Case(f"HTTP keep-alive, {size} connections", [
            ("cpu_us", "server CPU per request", "µs", server_targets(size)),
            ("rate", "requests per second", "/s", []),
            ("p50_us", "latency p50", "µs", []),
            ("p99_us", "latency p99", "µs", []),
        ], served(place, who, lambda s, watch, n=size: wrk(place, s, n, watch), "-H"),
            each="request", looked=size < 1000)


def kernel_kb():
    """What the whole machine's kernel has for threads and objects; sockets are among these."""
    return sum(proc_number("/proc/meminfo", name) for name in ("KernelStack", "Slab"))


def hold(place, server, connections, seconds, watch):
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
        if watch:
            watch.attach(server.pids)
            return {}
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


PAGES = ("three pages of stack are in use: the control block with libc's reserve for thread-local "
         "variables of objects that are loaded later (4 KB), the server's own buffer (4 KB), and "
         "what lies below it; the rest is the thread's record and the table of pages. What exceeds "
         "the process's own, in the next line, is what the whole machine's kernel has more than "
         "with the epoll loop, and varies")


def idle(place, quick):
    most = place.descriptors - 200
    for size in dict.fromkeys([2000] if quick else [min(10000, most), min(100000, most)]):
        wanted = [c for c in ("native", "shim", "base", "epoll", "go")
                  if c not in ("native", "go") or size <= min(10000, native_threads())]
        yield Case(f"{size} idle connections", [
            ("memory_kb", "memory per connection besides the socket's", "KB",
             [at_most(12, limit=PAGES)]),
            ("user_kb", "of it the process's own", "KB", []),
            ("threads", "kernel threads", "", [at_most(len(place.server_cpus) + 2)]),
            ("idle_cpu", "CPU while idle, s per s", "", [at_most(0.0005)]),
        ], served(place, wanted,
                  lambda s, watch, n=size: hold(place, s, n, 0.5, watch)),
            beside_sockets, twice=False)


def hogs(place, quick):
    sources = ("native", "shim", "base", "go")
    yield Case("8 connections beside a CPU hog per core", [
        ("p50_us", "latency p50", "µs", []),
        ("p99_us", "latency p99", "µs", [at_most(15000, "native", how="difference")]),
        ("p999_us", "latency p999", "µs", []),
        ("rate", "requests per second", "/s", []),
    ], served(place, sources, lambda s, watch: load(place, s, 8, 0.5 if quick else 1, watch),
              "-g"), each="request")


def shares(place, server):
    """Whose code the server's CPU time is spent in, and its system calls, under load."""
    samples, calls = Samples(place), Calls(place)
    load(place, server, 64, 0, samples, calls)
    samples.read()
    if not samples.total():
        raise Failure("perf has no samples")
    parts = samples.shares()
    found = {"kernel": parts.pop("kernel"), "runtime": parts.pop("libgoshim")}
    found["other"] = sum(parts.values())
    if calls.operations:
        found["calls"] = calls.counts[ALL] / calls.operations
    return found


SHARE = ("it is a share: where the kernel's part is at its cheapest, since nobody sleeps on either "
         "side, the same work of the library is a larger part")


def profile(place, quick):
    if quick:
        return
    yield Case("echo, 64 connections: where the CPU time goes", [
        ("runtime", "in the library, %", "", [at_most(10, limit=SHARE)]),
        ("kernel", "in the kernel, %", "", []),
        ("other", "elsewhere, %", "", []),
        ("calls", "system calls per request", "", []),
    ], served(place, ("shim", "base", "epoll"),
              lambda s, watch: load(place, s, 64, 0, watch) if watch else shares(place, s)),
        each="request")
