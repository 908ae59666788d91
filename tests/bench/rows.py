# SPDX-License-Identifier: MIT
"""rows.py - the table of benchmarks: for each, the cases, the contenders, how one run of one of
them is made, and what the library's figure must reach."""

import os
import subprocess
import time

from contenders import Failure, Server, proc_number


class Target:
    """What shim must reach: shim / against (a contender), shim - against, or shim itself.

    noise: parity is asked for, so it is met within the range of native against native.
    """

    def __init__(self, limit, against=None, how="ratio", least=False, every=False, noise=False):
        self.limit = limit
        self.against = against
        self.how = how if against else "value"
        self.least = least
        self.every = every
        self.noise = noise


def at_most(limit, against=None, **more):
    return Target(limit, against, **more)


def at_least(limit, against=None, **more):
    return Target(limit, against, least=True, **more)


class Case:
    """Lines of the table that come from the same runs."""

    def __init__(self, name, figures, runs, derive=None, twice=True):
        self.name = name
        self.figures = figures  # (key, title, unit, [Target...])
        self.runs = runs  # contender -> function returning {key: value}
        self.derive = derive  # given a round, contender -> {key: value}, adds to it
        self.twice = twice  # native runs twice a round: its own spread is of interest


def threads_and(**others):
    """contender -> source, where native, shim and base are one program."""
    source = others.pop("threads")
    return {"native": source, "shim": source, "base": source, **others}


def programs(place, sources, *arguments, **more):
    """Runs of programs that end by themselves and print figures."""
    return {c: (lambda c=c, s=s: place.figures(c, s, *arguments, **more))
            for c, s in sources.items() if c in place.contenders(sources)}


def native_threads():
    """How many threads a native process can have, as far as the kernel says beforehand."""
    limits = []
    for path, per_thread in (("/proc/sys/kernel/threads-max", 1), ("/proc/sys/kernel/pid_max", 1),
                             ("/proc/sys/vm/max_map_count", 2)):
        with open(path, encoding="ascii") as value:
            limits.append(int(value.read()) // per_thread)
    return min(limits) - 1500


# ---- echo, HTTP, idle connections, latency beside hogs: a server and its load ----

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


# ---- threads ----

def create(place, quick):
    sources = threads_and(threads="create.c", go="create.go", st="create_st.c",
                          fiber="create_fiber.cc")
    one = [at_most(0.008, "native"), at_most(0.4, "go")]
    for cpus, targets in ((1, one), (2, [at_most(0.6, "go")])):
        if cpus <= len(place.cpus):
            yield Case(f"create + join, {cpus} CPU{'s'[:cpus - 1]}", [
                ("create_cpu_ns", "CPU per thread", "ns", targets),
                ("create_ns", "time per thread", "ns", []),
            ], programs(place, sources, 50 if quick else 200, cpus=place.cpus[:cpus]))


def turns(place, quick):
    everyone = threads_and(threads="turns.c", go="turns.go", st="turns_st.c",
                           fiber="turns_fiber.cc")
    plan = (
        ("cond", "ping-pong by mutex and condition variable", everyone,
         [at_most(0.7, "go"), at_most(0.03, "native")]),
        ("sem", "ping-pong by semaphore", ("native", "shim", "base", "go"), [at_most(0.7, "go")]),
        ("yield", "sched_yield", ("native", "shim", "base", "go", "fiber"), [at_most(0.7, "go")]),
        ("pipe", "ping-pong by pipe", ("native", "shim", "base", "go", "st"), []),
        ("ring", "ring of 1,000 threads", everyone, [at_most(0.7, "go")]),
    )
    for kind, title, who, targets in plan:
        sources = {c: everyone[c] for c in who}
        milliseconds = 50 if quick and kind != "ring" else 200
        yield Case(f"{title}, 1 CPU", [
            ("hop_cpu_ns", "CPU per hop", "ns", targets),
            ("hop_ns", "time per hop", "ns", []),
        ], programs(place, sources, kind, milliseconds, cpus=place.cpus[:1]))
    # On two CPUs, where native threads are woken across and green ones need not be.
    for kind, title, targets in (("cond", "ping-pong by mutex and condition variable", []),
                                 ("pipe", "ping-pong by pipe", [at_most(0.60, "native")])):
        if len(place.cpus) < 2 or quick and kind == "cond":
            continue
        sources = {c: everyone[c] for c in ("native", "shim", "base", "go")}
        yield Case(f"{title}, 2 CPUs", [
            ("hop_ns", "time per hop", "ns", targets),
            ("hop_cpu_ns", "CPU per hop", "ns", []),
        ], programs(place, sources, kind, 50 if quick else 200, cpus=place.cpus[:2]))


def blocked(place, quick):
    sources = threads_and(threads="blocked.c", go="blocked.go")
    plan = [("cond", 10000, 0)]
    if not quick:
        plan += [("read", 10000, 0), ("sleep", 10000, 2), ("cond", 100000, 0),
                 ("read", 100000, 0), ("sleep", 100000, 4), ("cond", 1000000, 0)]
    memory = proc_number("/proc/meminfo", "MemAvailable")
    for kind, count, seconds in plan:
        count = min(count, memory // 12)  # 12 KB each, to be safe
        who = {c: s for c, s in sources.items() if c != "native" or count <= native_threads()}
        yield Case(f"{count} threads blocked in {kind}, woken, joined", [
            ("cpu_us", "CPU per thread", "µs", [at_most(0.04, "native"), at_most(1, "go")]
             if "native" in who else [at_most(1, "go")]),
            ("wall_us", "time per thread", "µs", []),
            ("memory_kb", "memory per thread", "KB", [at_most(8.5)]),
        ], programs(place, who, kind, count, seconds, bound=300))


def contend(place, quick):
    for kind, title in (("mutex", "mutex"), ("rwlock", "read-write lock, 1 write in 10"),
                        ("queue", "bounded queue")):
        for threads in (4, 64) if quick else (4, 64, 1000):
            yield Case(f"{title}, {threads} threads", [
                ("rate", "operations per second", "/s",
                 [at_least(2 if threads >= 64 else 1, "native")]),
                ("median_us", "wait, median", "µs", []),
                ("longest_us", "wait, longest", "µs", []),
                ("fewest", "operations of the last thread, of the mean", "", []),
            ], programs(place, threads_and(threads="contend.c"), kind, threads,
                        60 if quick else 300))


# ---- calls ----

def calls(place, quick):
    names = {"lock": "mutex lock + unlock", "rdlock": "rdlock + unlock", "sem": "sem post + wait",
             "spin": "spin lock + unlock", "once": "pthread_once", "getspecific": "getspecific",
             "errno": "errno", "tls": "thread-local variable", "malloc": "malloc + free"}
    level = ("errno", "tls", "malloc")
    yield Case("uncontended calls", [
        (f"{key}_cpu_ns", title, "ns",
         [at_most(1.0, "native", noise=True) if key in level else at_most(1.3, "native")])
        for key, title in names.items()
    ], programs(place, threads_and(threads="calls.c"), 5 if quick else 20, cpus=place.cpus[:1]))


def ready(place, quick):
    names = {"file": "file: read", "null": "/dev/null: write", "pipe": "pipe: write + read",
             "socket": "socket: write + read"}
    runs = programs(place, threads_and(threads="ready.c"), 5 if quick else 20, cpus=place.cpus[:1])
    yield Case("reads and writes that are ready", [
        (f"{key}_{when}_cpu_ns", f"{title}, {when} the first thread", "ns",
         [at_most(limit, "native")])
        for when, limit in (("before", 1.10), ("after", 1.15)) for key, title in names.items()
    ], runs)


# ---- time, network clients, plain work ----

def sleepers(place, quick):
    sources = threads_and(threads="sleepers.c", go="sleepers.go")
    for count, period in ((10000, 200),) if quick else ((10000, 200), (100000, 1000)):
        who = {c: s for c, s in sources.items() if c != "native" or count <= native_threads()}
        native = "native" in who
        yield Case(f"{count} sleepers, every {period} ms", [
            ("cpu_us", "CPU per timer", "µs", [at_most(0.5, "native")] if native else []),
            ("late99_us", "lateness p99", "µs",
             [at_most(1.0, "native", noise=True)] if native else []),
            ("late50_us", "lateness p50", "µs", []),
            ("rate", "timers per second", "/s", []),
        ], programs(place, who, count, period, 500 if quick else 1000))


def download(place, quick):
    sources = threads_and(threads="download.c", epoll="download_epoll.c", go="download.go")

    def fetch(contender, urls):
        server = Server(place, "load", "slow.c", cpus=place.load_cpus)
        try:
            return place.figures(contender, sources[contender], server.port, urls,
                                 cpus=place.server_cpus)
        finally:
            server.end()

    for urls in (1000,) if quick else (1000, 10000):
        urls = min(urls, place.descriptors - 100)
        yield Case(f"{urls} slow downloads", [
            ("cpu_us", "CPU per download", "µs", [at_most(0.5, "native")]),
            ("wall_ms", "time of all", "ms", [at_most(1.2, "epoll")]),
        ], {c: (lambda c=c, n=urls: fetch(c, n)) for c in place.contenders(sources)})


def work(place, quick):
    threads = 2 * len(place.cpus)
    for kind, title, count in (("compute", "pure compute", 300000),
                               ("malloc", "malloc-heavy", 3000000)):
        yield Case(f"{title}, {threads} threads", [
            ("cpu_ms", "CPU", "ms", [at_most(1.01, "native", noise=True)]),
            ("wall_ms", "time", "ms", []),
        ], programs(place, threads_and(threads="work.c"), kind, threads,
                    count // 5 if quick else count))


def startup(place, quick):
    yield Case("start of true", [
        ("wall_ms", "time", "ms", [at_most(1, "native", how="difference")]),
        ("cpu_ms", "CPU", "ms", []),
    ], programs(place, threads_and(threads="spawn.c"), 30 if quick else 200))


def scale(place, quick):
    def speedup(contender, kind, threads, count):
        rates = [place.figures(contender, "work.c", kind, threads, count,
                               cpus=place.cpus[:n])["rate"] for n in (1, 2)]
        return {"one": rates[0], "two": rates[1], "speedup": rates[1] / rates[0]}

    if len(place.cpus) < 2:
        return
    for kind, title, threads, count in (("compute", "compute", 8, 240000),
                                        ("handover", "64 pairs of threads", 64, 4000)):
        count = count // 4 if quick else count
        yield Case(f"1 to 2 CPUs: {title}", [
            ("speedup", "throughput, 2 CPUs to 1", "", [at_least(1.8)]),
            ("one", "turns per second, 1 CPU", "/s", []),
            ("two", "turns per second, 2 CPUs", "/s", []),
        ], {c: (lambda c=c, k=kind, t=threads, n=count: speedup(c, k, t, n))
            for c in place.contenders(("native", "shim", "base"))})


BENCHES = {
    "echo": (echo, "echo server, a thread per connection"),
    "http": (http, "HTTP keep-alive, with wrk"),
    "idle": (idle, "memory, threads and CPU for connections that are silent"),
    "profile": (profile, "where the echo server's CPU time goes, with perf (not with -q)"),
    "hogs": (hogs, "latency of a server beside threads that compute on every core"),
    "create": (create, "pthread_create + pthread_join"),
    "turns": (turns, "two threads, or a ring of them, that take turns"),
    "blocked": (blocked, "very many blocked threads: made, woken, joined"),
    "contend": (contend, "locks and a queue that many threads want"),
    "calls": (calls, "locks and thread-locals that nobody else wants"),
    "ready": (ready, "read and write that need not wait"),
    "sleepers": (sleepers, "very many threads that sleep, again and again"),
    "download": (download, "very many slow downloads at the same time"),
    "work": (work, "threads that only compute or allocate"),
    "start": (startup, "start of a program that makes no thread"),
    "scale": (scale, "throughput with two CPUs against one"),
}
