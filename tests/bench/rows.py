# SPDX-License-Identifier: MIT
"""rows.py - the table of benchmarks: those of threads, calls and clients here, those of servers in
servers.py; each yields its cases."""

from case import Case, at_least, at_most, native_threads, programs, threads_and
from contenders import Server, proc_number
from servers import echo, hogs, http, idle, profile

# ---- threads ----

# What a thread of libc's own kind costs, and others' do not.
BLOCK = ("a thread that libc takes for its own needs libc's control block, some 2.3 KB to fill in "
         "and to look through afterwards; State Threads and Boost.Fiber have none, nor errno or "
         "thread-local variables per thread. No function has a tenth of the time")
PAGES = ("two pages per thread, with the control block and with the frames, that the kernel "
         "provides and clears; a goroutine begins with 2 KB of memory that Go has already. "
         "Having the kernel provide them in advance (MADV_POPULATE_WRITE) gained nothing")
WATCHED = ("two pages of stack, a share of the page table, and libc's table of thread-local blocks; "
           "with the 4,000 pipes of those that read also our records of descriptors, 64 bytes each, "
           "and what the kernel keeps for each that is watched")
CPUS = ("as many CPUs as the machine really has at the moment, of which native's compute in the same "
        "rounds tells")
ALONE = ("a lock has one owner at a time: one thread alone, whom nobody disturbs, is the ceiling, see "
         "its own line. Twice as much as native is above it unless native loses half to contention, "
         "which depends on how many CPUs the host really gives. Tried, and within the noise: waiting "
         "longer and longer between looks at the lock before parking")
OVERLAP = ("two readers may be inside at once, but take turns with the cache line that counts them: what "
           "one thread alone does, see its own line, is nearly what native has with a thousand, and "
           "twice as much is above it. Kept, since it measured better: readers let in together at most "
           "every 20 us, in between one is woken who wakes the next")
PLAINLY = ("beside the program's own work there is the monitor, which looks round some hundred times "
           "a second; the same work varies more from run to run")
HOP = ("a hop finds its waiter by an address, under a lock that other kernel threads may want, and "
       "puts it where they may steal it: atomic instructions are most of what is left. Kept, since "
       "they measured better: who is woken runs next without passing through the queue, its stack "
       "and control block are fetched ahead, locks are let go of by a plain store. State Threads "
       "and Boost.Fiber have one kernel thread, and need none of these")
NOWAIT = ("only preadv2 and pwritev2 can be told not to wait (RWF_NOWAIT), and the kernel has more to "
          "do for them than for read and write: what they cost bare is native's figure in the line "
          "of their own. A plain call in a region costs less where it need not wait, and a kernel "
          "thread's turn where it must")
REGION = ("the call is announced before and taken back after, so that others get the processor when "
          "it waits for a disk; to ask for no wait (RWF_NOWAIT) costs more than that")
PLAIN = ("recvfrom and sendto, told not to wait, in place of read and write, and a look at what is "
         "remembered of the descriptor; before the first thread exists there is none of it")
HOOK = ("each call goes through the library, which asks whether it is on, to the same instructions "
        "as libc's: two or three nanoseconds a call")
INSTANT = ("whoever is to be no later than native must be woken at its own instant, by a wait in the "
           "kernel that ends then; Go lets timers gather, and is a millisecond late. The deadlines "
           "stand in the heap itself, four to a cache line, which measured better")
FETCH = ("a download is a thread, a socket, a connection and its close, of which all but the thread "
         "cost the epoll loop the same")

def create(place, quick):
    sources = threads_and(threads="create.c", go="create.go", st="create_st.c",
                          fiber="create_fiber.cc")
    one = [at_most(0.008, "native", limit=BLOCK), at_most(0.4, "go", limit=BLOCK)]
    for cpus, targets in ((1, one), (2, [at_most(0.6, "go", limit=BLOCK)])):
        if cpus <= len(place.cpus):
            yield Case(f"create + join, {cpus} CPU{'s'[:cpus - 1]}", [
                ("create_cpu_ns", "CPU per thread", "ns", targets),
                ("create_ns", "time per thread", "ns", []),
            ], programs(place, sources, 50 if quick else 100, cpus=place.cpus[:cpus]),
                each="thread")


def turns(place, quick):
    everyone = threads_and(threads="turns.c", go="turns.go", st="turns_st.c",
                           fiber="turns_fiber.cc")
    plan = (
        ("cond", "ping-pong by mutex and condition variable", everyone,
         [at_most(0.7, "go", limit=HOP), at_most(0.03, "native", limit=HOP)]),
        ("sem", "ping-pong by semaphore", ("native", "shim", "base", "go"),
         [at_most(0.7, "go", limit=HOP)]),
        ("yield", "sched_yield", ("native", "shim", "base", "go", "fiber"), [at_most(0.7, "go")]),
        ("pipe", "ping-pong by pipe", ("native", "shim", "base", "go", "st"), []),
        ("ring", "ring of 1,000 threads", everyone, [at_most(0.7, "go", limit=HOP)]),
    )
    for kind, title, who, targets in plan:
        sources = {c: everyone[c] for c in who}
        milliseconds = 50 if quick and kind != "ring" else 100
        yield Case(f"{title}, 1 CPU", [
            ("hop_cpu_ns", "CPU per hop", "ns", targets),
            ("hop_ns", "time per hop", "ns", []),
        ], programs(place, sources, kind, milliseconds, cpus=place.cpus[:1]), each="hop")
    # On two CPUs, where native threads are woken across and green ones need not be.
    for kind, title, targets in (("cond", "ping-pong by mutex and condition variable", []),
                                 ("pipe", "ping-pong by pipe", [at_most(0.60, "native")])):
        if len(place.cpus) < 2 or quick and kind == "cond":
            continue
        sources = {c: everyone[c] for c in ("native", "shim", "base", "go")}
        yield Case(f"{title}, 2 CPUs", [
            ("hop_ns", "time per hop", "ns", targets),
            ("hop_cpu_ns", "CPU per hop", "ns", []),
        ], programs(place, sources, kind, 50 if quick else 100, cpus=place.cpus[:2]), each="hop")


def blocked(place, quick):
    sources = threads_and(threads="blocked.c", go="blocked.go")
    plan = [("cond", 10000, 0)]
    if not quick:
        plan += [("read", 10000, 0), ("sleep", 10000, 1), ("cond", 100000, 0),
                 ("read", 100000, 0), ("sleep", 100000, 3), ("cond", 1000000, 0)]
    memory = proc_number("/proc/meminfo", "MemAvailable")
    for kind, count, seconds in plan:
        count = min(count, memory // 12)  # 12 KB each, to be safe
        who = {c: s for c, s in sources.items() if c != "native" or count <= native_threads()}
        yield Case(f"{count} threads blocked in {kind}, woken, joined", [
            ("cpu_us", "CPU per thread", "µs", [at_most(0.04, "native", limit=PAGES),
                                              at_most(1, "go", limit=PAGES)]
             if "native" in who else [at_most(1, "go", limit=PAGES)]),
            ("wall_us", "time per thread", "µs", []),
            ("memory_kb", "memory per thread", "KB", [at_most(8.5, limit=WATCHED)]),
        ], programs(place, who, kind, count, seconds, bound=300), each="thread",
            looked=count <= 10000)


def contend(place, quick):
    limits = {"mutex": ALONE, "rwlock": OVERLAP}
    for kind, title in (("none", "the same work without a lock"), ("mutex", "mutex"),
                        ("rwlock", "read-write lock, 1 write in 10"), ("queue", "bounded queue")):
        for threads in (4, 64) if quick else (1, 4, 64, 1000):
            if threads == 1 and kind not in limits:
                continue
            yield Case(f"{title}, {threads} thread{'s'[:threads - 1]}", [
                ("rate", "operations per second", "/s",
                 [at_least(2 if threads >= 64 else 1, "native", limit=limits.get(kind, ""))]
                 if kind != "none" and threads > 1 else []),
                ("median_us", "wait, median", "µs", []),
                ("longest_us", "wait, longest", "µs", []),
                ("fewest", "operations of the last thread, of the mean", "", []),
            ], programs(place, threads_and(threads="contend.c"), kind, threads,
                        60 if quick else 200), looked=threads < 1000)


# ---- calls ----

def calls(place, quick):
    names = {"lock": "mutex lock + unlock", "rdlock": "rdlock + unlock", "sem": "sem post + wait",
             "spin": "spin lock + unlock", "once": "pthread_once", "getspecific": "getspecific",
             "errno": "errno", "tls": "thread-local variable", "malloc": "malloc + free"}
    level = ("errno", "tls", "malloc")
    yield Case("uncontended calls", [
        (f"{key}_cpu_ns", title, "ns",
         [at_most(1.0, "native", noise=True) if key in level
          else at_most(1.3, "native", limit=HOOK)])
        for key, title in names.items()
    ], programs(place, threads_and(threads="calls.c"), 5 if quick else 20, cpus=place.cpus[:1]),
        each="turn")


def ready(place, quick):
    names = {"file": "file: read", "null": "/dev/null: write", "pipe": "pipe: write + read",
             "socket": "socket: write + read",
             "nowait": "pipe: pwritev2 + preadv2 with RWF_NOWAIT"}
    limits = {"file": REGION, "pipe": NOWAIT, "socket": PLAIN}
    runs = programs(place, threads_and(threads="ready.c"), 5 if quick else 20, cpus=place.cpus[:1])
    yield Case("reads and writes that are ready", [
        (f"{key}_{when}_cpu_ns", f"{title}, {when} the first thread", "ns",
         [] if key == "nowait" else
         [at_most(limit, "native", limit=limits.get(key, ""))])
        for when, limit in (("before", 1.10), ("after", 1.15)) for key, title in names.items()
    ], runs, each="turn")


# ---- time, network clients, plain work ----

def sleepers(place, quick):
    sources = threads_and(threads="sleepers.c", go="sleepers.go")
    for count, period in ((10000, 200),) if quick else ((10000, 200), (100000, 1000)):
        who = {c: s for c, s in sources.items() if c != "native" or count <= native_threads()}
        native = "native" in who
        yield Case(f"{count} sleepers, every {period} ms", [
            ("cpu_us", "CPU per timer", "µs",
             [at_most(0.5, "native", limit=INSTANT)] if native else []),
            ("late99_us", "lateness p99", "µs",
             [at_most(1.0, "native", noise=True)] if native else []),
            ("late50_us", "lateness p50", "µs", []),
            ("rate", "timers per second", "/s", []),
        ], programs(place, who, count, period, 500 if quick else 1000), each="timer")


def download(place, quick):
    sources = threads_and(threads="download.c", epoll="download_epoll.c", go="download.go")

    def fetch(contender, urls, watch):
        server = Server(place, "load", "slow.c", cpus=place.load_cpus)
        try:
            return place.figures(contender, sources[contender], server.port, urls,
                                 cpus=place.server_cpus, watch=watch)
        finally:
            server.end()

    for urls in (1000,) if quick else (1000, 10000):
        urls = min(urls, place.descriptors - 100)
        yield Case(f"{urls} slow downloads", [
            ("cpu_us", "CPU per download", "µs", [at_most(0.5, "native", limit=FETCH)]),
            ("wall_ms", "time of all", "ms", [at_most(1.2, "epoll")]),
        ], {c: (lambda watch=None, c=c, n=urls: fetch(c, n, watch))
            for c in place.contenders(sources)}, each="download", looked=urls > 1000)


def work(place, quick):
    threads = 2 * len(place.cpus)
    for kind, title, count in (("compute", "pure compute", 300000),
                               ("malloc", "malloc-heavy", 3000000)):
        yield Case(f"{title}, {threads} threads", [
            ("cpu_ms", "CPU", "ms", [at_most(1.01, "native", noise=True, limit=PLAINLY)]),
            ("wall_ms", "time", "ms", []),
        ], programs(place, threads_and(threads="work.c"), kind, threads,
                    count // 5 if quick else count), each="turn")


def startup(place, quick):
    yield Case("start of true", [
        ("wall_ms", "time", "ms", [at_most(1, "native", how="difference")]),
        ("cpu_ms", "CPU", "ms", []),
    ], programs(place, threads_and(threads="spawn.c"), 30 if quick else 200), each="start",
        comms=("spawn", "true"))


def scale(place, quick):
    def speedup(contender, kind, threads, count, watch):
        if kind == "handover" and contender == "native":
            count //= 4  # a rate comes of it, and kernel threads take long
        rates = [place.figures(contender, "work.c", kind, threads, count,
                               cpus=place.cpus[:n], watch=watch)["rate"] for n in (1, 2)]
        return {"one": rates[0], "two": rates[1], "speedup": rates[1] / rates[0]}

    if len(place.cpus) < 2:
        return
    for kind, title, threads, count in (("compute", "compute", 8, 240000),
                                        ("handover", "64 pairs of threads", 64, 4000)):
        count = count // 4 if quick else count
        yield Case(f"1 to 2 CPUs: {title}", [
            ("speedup", "throughput, 2 CPUs to 1", "", [at_least(1.8, limit=CPUS)]),
            ("one", "turns per second, 1 CPU", "/s", []),
            ("two", "turns per second, 2 CPUs", "/s", []),
        ], {c: (lambda watch=None, c=c, k=kind, t=threads, n=count: speedup(c, k, t, n, watch))
            for c in place.contenders(("native", "shim", "base"))}, each="turn")


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
