# SPDX-License-Identifier: MIT
"""rows.py - the table of benchmarks: for each, the cases, the contenders, how one run of one of
them is made, and what the library's figure must reach."""

import subprocess

from contenders import Failure, Server, read_figures


class Target:
    """What shim must reach: shim / against (a contender), shim - against, or shim itself."""

    def __init__(self, limit, against=None, how="ratio", least=False, every=False):
        self.limit = limit
        self.against = against
        self.how = how if against else "value"
        self.least = least
        self.every = every


def at_most(limit, against, **more):
    return Target(limit, against, **more)


def at_least(limit, against, **more):
    return Target(limit, against, least=True, **more)


class Case:
    """One line or more of the table: figures of the same runs."""

    def __init__(self, name, figures, runs, rounds=None):
        self.name = name
        self.figures = figures  # (key, title, unit, [Target...])
        self.runs = runs  # contender -> function returning {key: value}
        self.rounds = rounds


def programs(place, sources, arguments, **more):
    """Runs of one program per contender, ended by itself. sources: contender -> file."""
    runs = {}
    for contender in place.contenders(sources):
        source = sources[contender]
        runs[contender] = (lambda c=contender, s=source:
                           place.figures(c, s, *arguments, **more))
    return runs


def threads_and(**others):
    """contender -> source, where native, shim and base are one program."""
    source = others.pop("threads")
    return {"native": source, "shim": source, "base": source, **others}


# ---- echo and HTTP ----

SERVERS = threads_and(threads="serve_threads.c", epoll="serve_epoll.c", go="serve.go",
                      st="serve_st.c")


def server_targets(connections):
    return [at_most(1.20 if connections >= 1000 else 1.10, "epoll"), at_most(0.80, "go"),
            at_most(0.65, "native", every=True)]


def echo_run(place, contender, connections, seconds):
    server = Server(place, contender, SERVERS[contender])
    try:
        who = [word for pid in server.pids for word in ("-w", pid)]
        return place.figures("load", "load.c", "-p", server.port, "-c", connections,
                             "-t", seconds, *who, cpus=place.load_cpus)
    finally:
        server.end()


def echo(place, quick):
    sizes = [64] if quick else [64, 1000, 10000]
    for size in sizes:
        size = min(size, place.descriptors - 100)
        runs = {c: (lambda c=c, n=size: echo_run(place, c, n, 0.5 if quick else 1.0))
                for c in place.contenders(SERVERS)}
        yield Case(f"echo {size}", [
            ("cpu_us", "server CPU per request", "µs", server_targets(size)),
            ("rate", "requests per second", "/s", []),
            ("busy", "server CPUs used", "", []),
            ("p50_us", "latency p50", "µs", []),
            ("p99_us", "latency p99", "µs", []),
        ], runs)


BENCHES = {
    "echo": (echo, "echo server, a thread per connection, against hand-written and green ones"),
}
